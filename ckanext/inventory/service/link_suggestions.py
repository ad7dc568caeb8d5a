"""Which entries are probably which public datasets: by the links that they give, and by their titles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import vocabularies
from ckanext.inventory.model import Link, Record, Revision
from ckanext.inventory.publishing import adopting, likeness, resolving
from ckanext.inventory.publishing.adopting import Wanted
from ckanext.inventory.service.linking import LINKABLE
from ckanext.inventory.types import ENTRY, NOT_KNOWN

LEAST = 0.45
"""What is less alike isn't worth showing."""

SAME_LINK, SAME_TITLE, SIMILAR = "same_link", "same_title", "similar_title"

LINK_FIELD = "existing_publication_url"
"""What of an entry says where it is published."""

PER_ENTRY = 3
"""Suggestions for one entry at most."""


@dataclass(frozen=True)
class Suggestion:
    """An entry and a dataset that may be the same.

    :param entry_id: the entry
    :param dataset_id: the dataset
    :param score: how alike they are, from 0 to 1
    :param why: same link, same title or similar title
    :param distinct: neither of the two fits another as well
    """

    entry_id: str
    dataset_id: str
    score: float
    why: str
    distinct: bool = False


@dataclass(frozen=True)
class _Entry:
    number: str
    title: str
    department: str


def suggest(
    session: Session,
    *,
    department: str | None = None,
    datasets: Collection[str] | None = None,
    least: float = LEAST,
) -> list[Suggestion]:
    """Suggest which entries to link to which datasets, the most alike first.

    :param session: the database session
    :param department: only entries of this department
    :param datasets: only these datasets; what fits others as well isn't looked at then
    :param least: how alike they have to be
    :returns: the suggestions
    """
    entries = _entries(session, department)
    missing = adopting.titles(session, Wanted(ids=frozenset(datasets) if datasets else None))
    scores = _by_title(entries, missing, max(least, LEAST))
    scores |= {
        key: found
        for key, found in _by_link(session, entries).items()
        if datasets is None or key[1] in datasets
    }
    ranked = sorted(
        ((key, *scores[key]) for key in scores),
        key=lambda one: (
            -one[1],
            not _at_home(one[0], entries, missing),
            entries[one[0][0]].number,
        ),
    )
    distinct = _distinct(ranked, entries, missing)
    shown: list[Suggestion] = []
    seen: dict[str, int] = {}
    for key, score, why in ranked:
        seen[key[0]] = seen.get(key[0], 0) + 1
        if score >= least and seen[key[0]] <= PER_ENTRY:
            shown.append(Suggestion(*key, score, why, key in distinct))
    return shown


def _entries(session: Session, department: str | None) -> dict[str, _Entry]:
    """Load the entries that can be linked."""
    barred = [
        level.value
        for level in vocabularies.load().levels.values()
        if level.value != NOT_KNOWN and not level.releasable
    ]
    query = (
        sa.select(Record.package_id, Record.number, Record.title, Record.department)
        .outerjoin(Link, Link.entry_id == Record.package_id)
        .where(
            Link.entry_id.is_(None),
            Record.package_type == ENTRY,
            Record.package_state == model.State.ACTIVE,
            Record.state.in_([state.value for state in LINKABLE]),
            sa.func.cardinality(Record.open_kinds) == 0,
            sa.func.coalesce(Record.classification, "").not_in(barred),
        )
    )
    if department is not None:
        query = query.where(Record.department == department)
    return {row.package_id: _Entry(*row[1:]) for row in session.execute(query)}


_Scores = dict[tuple[str, str], tuple[float, str]]


def _by_title(
    entries: Mapping[str, _Entry], missing: Mapping[str, tuple[str, str | None]], least: float
) -> _Scores:
    ones = {key: entry.title for key, entry in entries.items()}
    others = {key: title for key, (title, _owner) in missing.items()}
    return {
        (one, other): (score, SAME_TITLE if score == 1.0 else SIMILAR)
        for one, other, score in likeness.pairs(ones, others, least)
    }


def _by_link(session: Session, entries: Mapping[str, _Entry]) -> _Scores:
    """Find entries that say themselves where they are published."""
    links = _links(session, entries)
    targets = resolving.resolve(session, {text for found in links.values() for text in found})
    return {
        (key, dataset_id): (1.0, SAME_LINK)
        for key, found in links.items()
        for text in found
        if (dataset_id := targets[text].dataset_id)
    }


def _links(session: Session, entries: Mapping[str, _Entry]) -> dict[str, list[str]]:
    said = Revision.content[LINK_FIELD]
    query = (
        sa.select(Record.package_id, said)
        .join(
            Revision,
            sa.and_(Revision.package_id == Record.package_id, Revision.revision == Record.revision),
        )
        .where(
            Record.package_type == ENTRY,
            Record.state.in_([state.value for state in LINKABLE]),
            sa.func.jsonb_typeof(said) == "array",
        )
    )
    return {key: list(found) for key, found in session.execute(query).tuples() if key in entries}


def _at_home(
    key: tuple[str, str],
    entries: Mapping[str, _Entry],
    missing: Mapping[str, tuple[str, str | None]],
) -> bool:
    """Whether the department is the organization that publishes."""
    return entries[key[0]].department == missing.get(key[1], ("", None))[1]


def _distinct(
    ranked: Sequence[tuple[tuple[str, str], float, str]],
    entries: Mapping[str, _Entry],
    missing: Mapping[str, tuple[str, str | None]],
) -> set[tuple[str, str]]:
    """Return the pairs of which neither fits another as well; the own department is the better fit."""
    best: dict[str, tuple[float, bool]] = {}
    often: dict[str, int] = {}
    for key, score, _why in ranked:
        rank = (score, _at_home(key, entries, missing))
        for side in key:
            if side not in best or rank > best[side]:
                best[side], often[side] = rank, 1
            elif rank == best[side]:
                often[side] += 1
    return {
        key
        for key, score, _why in ranked
        if all(
            best[side] == (score, _at_home(key, entries, missing)) and often[side] == 1
            for side in key
        )
    }
