"""The comparisons of the spreadsheet round trip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench import loading
from bench.measure import Result, compare
from bench.workers import Pair

PATCHES = 30
LOOP = 100


def _site(pair: Pair) -> list[str]:
    pair.ours("reset")
    owners: list[str] = pair.ours("people", departments=2)
    return owners


def workbook_new(pair: Pair, scale: Any) -> Result:
    """Rows a second: saving new rows of a workbook, against a ``package_create`` loop of the same rows."""
    count = scale.of_rows(2_000)
    owners = _site(pair)

    def looped(rows: int, mark: str) -> float:
        packages = pair.ours("book_packages", count=rows, owner=owners[0], mark=mark)
        seconds: float = pair.peer("create_packages", packages=packages)
        return rows / seconds

    pair.ours("book_save_new", count=20, owner=owners[0], mark="warm")
    looped(5, "warm")
    ours: list[float] = []
    peer: list[float] = []
    for number in range(scale.of_rounds(3)):
        peer.append(looped(LOOP, f"n{number}"))
        seconds = pair.ours("book_save_new", count=count, owner=owners[0], mark=f"n{number}")
        ours.append(count / seconds)
    note = f"{count} rows of 25 columns a round against {LOOP} of them in the loop"
    return compare(ours, peer, "rows/s", more_is_better=True, note=note)


LOADED = 200
"""Rows that ``ckanapi load`` is measured on."""


def workbook_new_vs_ckanapi(pair: Pair, scale: Any) -> Result:
    """Rows a second: the same, against ``ckanapi load`` with two processes over HTTP."""
    count = scale.of_rows(2_000)
    owners = _site(pair)
    pair.ours("book_save_new", count=20, owner=owners[0], mark="warm")
    token = pair.peer("token", user="editor")
    ours: list[float] = []
    peer: list[float] = []
    with loading.serving(pair.peer.ini) as url:
        rows = pair.ours("book_packages", count=10, owner=owners[0], mark="warm")
        loading.load(url, token, rows)
        for number in range(scale.of_rounds(3)):
            loaded = min(LOADED, count)
            rows = pair.ours("book_packages", count=loaded, owner=owners[0], mark=f"n{number}")
            peer.append(loaded / loading.load(url, token, rows))
            seconds = pair.ours("book_save_new", count=count, owner=owners[0], mark=f"n{number}")
            ours.append(count / seconds)
    note = (
        f"{count} rows of 25 columns a round against {LOADED} of them; ckanapi load -p 2 --create-only "
        "against a site with two processes"
    )
    return compare(ours, peer, "rows/s", more_is_better=True, note=note)


def workbook_changed(pair: Pair, scale: Any) -> Result:
    """Rows a second: saving changed rows of a workbook, against a ``package_patch`` loop."""
    count = scale.of_rows(2_000)
    owners = _site(pair)
    pair.ours("book_entries", count=count, owner=owners[0], mark="e")
    packages = pair.peer("packages", count=PATCHES, mark="e")
    pair.ours("book_save_changed", count=20, owner=owners[0], mark="warm")
    ours: list[float] = []
    peer: list[float] = []
    for number in range(scale.of_rounds(3)):
        seconds = sum(
            pair.peer("patch", package_id=package, status=f"status {number}")
            for package in packages
        )
        peer.append(PATCHES / seconds)
        seconds = pair.ours("book_save_changed", count=count, owner=owners[0], mark=f"c{number}")
        ours.append(count / seconds)
    note = f"{count} rows a round against {PATCHES} patches"
    return compare(ours, peer, "rows/s", more_is_better=True, note=note)


def _alone(
    pair: Pair, scale: Any, usual: int, job: str, names: tuple[str, str], note: str
) -> Result:
    """Compare two ways within our own process, on a department that holds entries."""
    count = scale.of_rows(usual)
    owners = _site(pair)
    if job != "book_preview":
        for number in range(-(-count // 2_000)):
            share = min(2_000, count - number * 2_000)
            pair.ours("book_entries", count=share, owner=owners[0], mark=f"e{number}")
    ours: list[float] = []
    peer: list[float] = []
    risen = 0.0
    for number in range(scale.of_rounds(3)):
        given: dict[str, Any] = {"owner": owners[0]}
        if job == "book_preview":
            given |= {"count": count, "mark": f"p{number}"}
        found = pair.ours(job, **given)
        ours.append(found[names[0]])
        peer.append(found[names[1]])
        risen = max(risen, found.get("mb", 0.0))
    memory = f"; memory rose by {risen:.0f} MB at most" if risen else ""
    return compare(ours, peer, "s", note=f"{count} rows; the peer is {note}{memory}")


def workbook_unchanged(pair: Pair, scale: Any) -> Result:
    """Looking at a workbook without changes, against the reading alone."""
    return _alone(
        pair, scale, 2_000, "book_unchanged", ("preview", "read"), "the reading of the file"
    )


def workbook_preview(pair: Pair, scale: Any) -> Result:
    """Looking at new rows, against calamine's reading and scheming's validation of them."""
    return _alone(
        pair,
        scale,
        20_000,
        "book_preview",
        ("ours", "peer"),
        "calamine's reading and scheming's own validation",
    )


def workbook_write(pair: Pair, scale: Any) -> Result:
    """Writing a workbook with lists and messages, against the same bare cells."""
    return _alone(
        pair,
        scale,
        20_000,
        "book_write",
        ("ours", "peer"),
        "XlsxWriter's writing of the same bare cells",
    )


CASES: Mapping[str, Callable[[Pair, Any], Result]] = {
    "workbook_new": workbook_new,
    "workbook_new_vs_ckanapi": workbook_new_vs_ckanapi,
    "workbook_changed": workbook_changed,
    "workbook_unchanged": workbook_unchanged,
    "workbook_preview": workbook_preview,
    "workbook_write": workbook_write,
}
