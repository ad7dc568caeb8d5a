"""What a measured process does that harvests."""

from __future__ import annotations

import json
import time
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from bench.harvest import TYPES


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
