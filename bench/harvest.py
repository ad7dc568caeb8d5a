"""Harvesting another CKAN: our candidates against ckanext-harvest's own CKAN harvester."""

from __future__ import annotations

import json
import time
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from bench import portal, workers
from bench.measure import Result, compare
from bench.workers import Pair

PLUGINS = {"ours": "harvest inventory_harvest", "peer": "harvest ckan_harvester"}
TYPES = {"ours": "inventory_candidates", "peer": "ckan"}


def harvest(pair: Pair, scale: Any) -> Result:
    """Datasets a second through gather, fetch and import, from the same portal.

    :param pair: the usual processes, which don't harvest: this starts two that do
    :param scale: how big
    """
    count = scale.of_rows(1_500)
    few = min(100, count)
    ours: list[float] = []
    peer: list[float] = []
    with portal.serve() as address, workers.pair(PLUGINS) as both:
        both.ours("reset")
        both.ours("people", departments=2)
        for side, worker in (("ours", both.ours), ("peer", both.peer)):
            worker("harvest", kind=TYPES[side], url=f"{address}/warm{side}-5", count=5)
        for number in range(scale.of_rounds(3)):
            for side, worker, size, found in (
                ("peer", both.peer, few, peer),
                ("ours", both.ours, count, ours),
            ):
                url = f"{address}/{side}{number}-{size}"
                found.append(size / worker("harvest", kind=TYPES[side], url=url, count=size))
    note = f"{count} datasets a round against {few} of the CKAN harvester"
    return compare(ours, peer, "sets/s", more_is_better=True, note=note)


class Harvests:
    """What a process does that harvests."""

    _request: Any
    _act: Any

    def harvest(self, kind: str, url: str, count: int) -> float:
        """Harvest a portal by harvest's real stages, as its consumers run them.

        :param kind: type of the source
        :param url: the portal
        :param count: how many datasets have to arrive
        :returns: seconds, with everything in the index
        """
        from ckanext.harvest import queue
        from ckanext.harvest.model import HarvestJob, HarvestObject, HarvestSource

        settings = {"default_department": "department-001"} if kind == TYPES["ours"] else {}
        with self._request():
            source = self._act(
                "harvest_source_create",
                {
                    "url": url,
                    "name": url.rpartition("/")[2],
                    "source_type": kind,
                    "owner_org": "department-000",
                    "config": json.dumps(settings),
                },
            )
            job = HarvestJob(source=HarvestSource.get(source["id"]), status="Running")
            job.save()
            harvester = queue.get_harvester(kind)
            started = time.perf_counter()
            for object_id in queue.gather_stage(harvester, job) or []:
                queue.fetch_and_import_stages(harvester, HarvestObject.get(object_id))
            seconds = time.perf_counter() - started
            found = (
                model.Session.query(HarvestObject)
                .filter_by(harvest_job_id=job.id, report_status="added")
                .count()
            )
            job.status = "Finished"
            model.Session.commit()
            hits = tk.get_action("package_search")(
                {"ignore_auth": True},
                {"fq": "dataset_type:(dataset OR inventory_entry)", "include_private": True},
            )
        if found != count or hits["count"] < count:
            raise RuntimeError(f"{found} of {count} datasets arrived, {hits['count']} indexed")
        return seconds
