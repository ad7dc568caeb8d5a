"""Harvesting another CKAN: our candidates against ckanext-harvest's own CKAN harvester."""

from __future__ import annotations

from typing import Any

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
