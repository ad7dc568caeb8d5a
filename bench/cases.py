"""The comparisons by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench import roundtrip
from bench.harvest import harvest
from bench.measure import Result, compare
from bench.workers import Pair

DEPARTMENTS = 96
"""As many as the real list that the baselines were taken with."""


@dataclass(frozen=True)
class Scale:
    """How big a run is.

    :param rows: of the import, and of the pages at 10,000 entries
    :param rounds: how often each side is measured
    """

    rows: int | None = None
    rounds: int | None = None

    def of_rows(self, usual: int) -> int:
        """Return the number of rows, the usual one unless another was asked for."""
        return self.rows or usual

    def of_rounds(self, usual: int) -> int:
        """Return the number of rounds, the usual one unless another was asked for."""
        return self.rounds or usual


def import_new(pair: Pair, scale: Scale) -> Result:
    """Rows a second: a whole city's list through our import, against a ``package_create`` loop."""
    count = scale.of_rows(1500)
    loop = min(100, count)
    pair.ours("reset")
    pair.ours("people", departments=2)
    # Whatever is loaded or compiled on first use is no part of either.
    pair.ours("import_rows", count=20, mark="warm")
    pair.peer("create_rows", count=5, mark="warm")
    ours: list[float] = []
    peer: list[float] = []
    for number in range(scale.of_rounds(3)):
        peer.append(loop / pair.peer("create_rows", count=loop, mark=f"p{number}"))
        ours.append(count / pair.ours("import_rows", count=count, mark=f"o{number}"))
    note = f"{count} rows a round against {loop} of the loop"
    return compare(ours, peer, "rows/s", more_is_better=True, note=note)


HELD = 600
"""Datasets that the peer's site holds: what a Solr commit costs grows with the index."""


def _inventory(pair: Pair, scale: Scale) -> tuple[list[str], list[str]]:
    """Make a site that holds an inventory already, ours and the peer's.

    :returns: organization ids, and ids of the peer's packages
    """
    pair.ours("reset")
    owners: list[str] = pair.ours("people", departments=2)
    pair.ours("import_rows", count=scale.of_rows(2_000), mark="there")
    packages: list[str] = pair.peer("packages", count=HELD, mark="there")
    return owners, packages


def transition(pair: Pair, scale: Scale) -> Result:
    """An approval without field changes, against a ``package_patch`` of one field."""
    rounds = scale.of_rounds(40)
    owners, packages = _inventory(pair, scale)
    entries = pair.ours("submitted", count=rounds + 5, owner=owners[0], mark="t")
    ours: list[float] = []
    peer: list[float] = []
    for number, entry in enumerate(entries):
        patched = packages[number % len(packages)]
        seconds = pair.peer("patch", package_id=patched, status=f"status {number}")
        approved = pair.ours("approve", package_id=entry)
        if number >= 5:
            peer.append(seconds * 1000)
            ours.append(approved * 1000)
    return compare(ours, peer, "ms")


def transition_bulk_500(pair: Pair, scale: Scale) -> Result:
    """Five hundred approvals in one act, against as many patches (measured on fewer, scaled up)."""
    rounds, count, patches = scale.of_rounds(3), 500, 30
    owners, packages = _inventory(pair, scale)
    warm = pair.ours("submitted", count=10, owner=owners[0], mark="bw")
    pair.ours("approve_all", ids=warm)
    ours: list[float] = []
    peer: list[float] = []
    for number in range(rounds):
        entries = pair.ours("submitted", count=count, owner=owners[0], mark=f"b{number}")
        seconds = sum(
            pair.peer("patch", package_id=package, status=f"status {number}")
            for package in packages[:patches]
        )
        peer.append(seconds / patches * count)
        ours.append(pair.ours("approve_all", ids=entries))
    return compare(ours, peer, "s", note=f"the peer's {count} scaled up from {patches} a round")


def _city(pair: Pair, entries: int) -> list[str]:
    """Make a city with entries and public datasets, and return the datasets' names."""
    for worker in (pair.ours, pair.peer):
        worker("forget")
    pair.ours("reset")
    owners = pair.ours("people", departments=DEPARTMENTS)
    names: list[str] = pair.peer("datasets", count=300, owners=owners)
    share = 500
    for number in range(-(-entries // share)):
        count = min(share, entries - number * share)
        pair.ours("submitted", count=count, owner=owners[number % len(owners)], mark=f"c{number}")
    for worker in (pair.ours, pair.peer):
        worker("token", user="editor")
    return names


PAGES = {"overview_10k": "/inventory/overview", "entries_list_10k": "/inventory/entries"}


def pages(pair: Pair, scale: Scale, wanted: Sequence[str]) -> dict[str, Result]:
    """Our pages at 10,000 entries, against core's list of datasets for the same person.

    :param wanted: names of the comparisons
    """
    count, rounds = scale.of_rows(10_000), scale.of_rounds(20)
    _city(pair, count)
    results: dict[str, Result] = {}
    for name in wanted:
        ours: list[float] = []
        peer: list[float] = []
        for number in range(rounds + 3):
            theirs = pair.peer("page", path="/dataset/", user="editor")
            mine = pair.ours("page", path=PAGES[name], user="editor")
            if number >= 3:
                peer.append(theirs["wall"] * 1000)
                ours.append(mine["wall"] * 1000)
        note = f"{count} entries; the peer is core's dataset list"
        results[name] = compare(ours, peer, "ms", note=note)
    return results


def _overhead(pair: Pair, scale: Scale, step: Callable[[Any, int], Mapping[str, float]]) -> Result:
    """CPU of one request with ÷ without the plugin, in turn and in changing order."""
    rounds = scale.of_rounds(60)
    ours: list[float] = []
    peer: list[float] = []
    for number in range(-5, rounds):
        sides = [(pair.ours, ours), (pair.peer, peer)]
        for worker, samples in sides if number % 2 else reversed(sides):
            cpu = step(worker, number + 5)["cpu"] * 1000
            if number >= 0:
                samples.append(cpu)
    return compare(ours, peer, "ms CPU", overhead=True, note="with ÷ without the plugin")


USERS = {"anon": "", "editor": "editor"}
PATHS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "home": lambda names: "/",
    "dataset_search": lambda names: "/dataset/?q=public",
    "dataset_page": lambda names: f"/dataset/{names[3]}",
}
CALLS: Mapping[str, Callable[[Sequence[str]], tuple[str, dict[str, Any]]]] = {
    "package_search": lambda names: ("package_search", {"q": "public", "rows": 20}),
    "package_show": lambda names: ("package_show", {"id": names[3]}),
}


def overheads(pair: Pair, scale: Scale, wanted: Sequence[str]) -> dict[str, Result]:
    """What the plugin costs where it isn't used, on one site for all of them.

    :param wanted: names of the comparisons
    """
    # Without entries: a CKAN that lacks the plugin can't show a site that holds some.
    names = _city(pair, 0)
    results: dict[str, Result] = {}
    for name in wanted:
        _, page, who = name.split("_", 1)[0], *name.split("_", 1)[1].rsplit("_", 1)
        user = USERS[who]
        if page in PATHS:
            path = PATHS[page](names)
            results[name] = _overhead(
                pair,
                scale,
                lambda worker, _n, path=path, user=user: worker("page", path=path, user=user),
            )
        elif page in CALLS:
            action, data = CALLS[page](names)
            results[name] = _overhead(
                pair,
                scale,
                lambda worker, _n, action=action, data=data, user=user: worker(
                    "call", action=action, data=data, user=user
                ),
            )
        else:
            results[name] = _creating(pair, scale)
    return results


def _creating(pair: Pair, scale: Scale) -> Result:
    counter = itertools.count()

    def create(worker: Any, _number: int) -> Mapping[str, float]:
        data = {
            "name": f"overhead-{next(counter)}",
            "title": "A dataset",
            "owner_org": "department-001",
            "notes": "Words",
        }
        found: Mapping[str, float] = worker(
            "call", action="package_create", data=data, user="editor"
        )
        return found

    return _overhead(pair, scale, create)


OVERHEADS = (
    *(f"overhead_{page}_{who}" for page in (*PATHS, *CALLS) for who in USERS),
    "overhead_package_create_editor",
)

CASES: Mapping[str, Callable[[Pair, Scale], Result]] = {
    "import_new": import_new,
    "transition": transition,
    "transition_bulk_500": transition_bulk_500,
    **roundtrip.CASES,
    "harvest": harvest,
}
GROUPS: Mapping[
    str, tuple[Callable[[Pair, Scale, Sequence[str]], dict[str, Result]], tuple[str, ...]]
] = {
    "pages": (pages, tuple(PAGES)),
    "overheads": (overheads, OVERHEADS),
}
"""Comparisons that share a site, because making it takes longer than measuring."""

NAMES = (*CASES, *PAGES, *OVERHEADS)
