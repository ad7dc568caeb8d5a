"""Comparing the search index with the database: who would find what, and with which words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from ckan.lib.search.common import make_connection
from sqlalchemy.orm import Session

from ckanext.inventory import config, policy
from ckanext.inventory.model import Record
from ckanext.inventory.service import facts
from ckanext.inventory.service.findings import Finding, Severity
from ckanext.inventory.service.indexing import UNREACHABLE
from ckanext.inventory.service.violations import REPAIR, SHOWN
from ckanext.inventory.types import PRIVATE_TYPES

_PAGE = 5000

_WORDY = (
    "title_string",
    "notes",
    "tags",
    "groups",
    "author",
    "maintainer",
    "res_name",
    "res_format",
    "license",
    "url",
)
"""Searchable fields of core's that no document of ours may fill."""


def find(session: Session) -> Iterator[tuple[Finding, tuple[str, ...]]]:
    """Look for documents that tell too much, are missing, or have no package.

    :param session: the database session
    :returns: each finding with all packages that have to be indexed again
    """
    try:
        index = _Index()
        expected = _expected(session)
        checks = (
            (
                "public_document",
                "documents of entries or sources in the search index are open to everybody",
                "L24",
                index.ids(f"{_TYPES} AND (permission_labels:public OR capacity:public)"),
            ),
            (
                "wordy_document",
                "documents of entries or sources hold searchable words",
                "L42",
                index.ids(f"{_TYPES} AND ({' OR '.join(f'{name}:*' for name in _WORDY)})"),
            ),
            (
                "wrong_readers",
                "documents of entries or sources are found by other people than they should be",
                "",
                _wrong_labels(index, expected),
            ),
            (
                "missing_document",
                "entries or sources are missing in the search index",
                "",
                set(expected) - index.ids(_TYPES),
            ),
            (
                "phantom_document",
                "documents in the search index have no package in the database",
                "L46",
                index.ids("*:*") - _packages(session),
            ),
        )
        for name, message, leak, ids in checks:
            if ids:
                ordered = tuple(sorted(ids))
                yield (
                    Finding(
                        name,
                        Severity.ERROR,
                        message,
                        REPAIR,
                        leak,
                        ordered[:SHOWN],
                        len(ids),
                        repairable=True,
                    ),
                    ordered,
                )
    except UNREACHABLE as error:
        yield (
            Finding(
                "index_unreachable",
                Severity.ERROR,
                f"the search index can't be asked ({type(error).__name__})",
                "start Solr and look again",
            ),
            (),
        )


_TYPES = f"dataset_type:({' OR '.join(sorted(PRIVATE_TYPES))})"


class _Index:
    """Asks Solr for ids, page by page."""

    def __init__(self) -> None:
        self._connection: Any = make_connection()
        self._site = f'+site_id:"{config.core("ckan.site_id")}" +entity_type:package'

    def ids(self, query: str) -> set[str]:
        found: set[str] = set()
        mark, last = "*", ""
        while mark != last:
            page: Any = self._connection.search(
                query, fq=self._site, fl="id", rows=_PAGE, sort="index_id asc", cursorMark=mark
            )
            found.update(doc["id"] for doc in page.docs)
            mark, last = str(page.nextCursorMark), mark
        return found


def _expected(session: Session) -> dict[str, frozenset[str]]:
    """Who should find each record: package id → labels."""
    records = session.scalars(
        sa.select(Record).where(
            sa.exists().where(model.package_table.c.id == Record.package_id),
            Record.package_state != model.State.DELETED,
        )
    )
    return {
        record.package_id: frozenset(policy.record_labels(facts.of_record(record)))
        for record in records
    }


def _wrong_labels(index: _Index, expected: dict[str, frozenset[str]]) -> set[str]:
    """Packages whose labels differ; Solr doesn't give labels back, so each one is asked for."""
    indexed = index.ids(_TYPES)
    by_label: dict[str, set[str]] = {}
    for package_id, labels in expected.items():
        for label in labels:
            by_label.setdefault(label, set()).add(package_id)
    known = {policy.LABEL_CITYWIDE, policy.LABEL_DECIDERS}
    wrong: set[str] = set()
    for label in {*by_label, *known}:
        right = by_label.get(label, set())
        found = index.ids(f'{_TYPES} AND permission_labels:"{label}"')
        wrong |= found ^ (right & indexed)
    if by_label:
        wrong |= index.ids(f"{_TYPES} AND {_none_of({*by_label, *known})}")
    return wrong & set(expected)


def _none_of(labels: Collection[str]) -> str:
    """A clause for documents with a label that is nobody's."""
    ours: Iterable[str] = (policy.LABEL_ORG, policy.LABEL_USER)
    prefixes = " OR ".join(f"permission_labels:{prefix}*" for prefix in ours)
    expected = " OR ".join(f'permission_labels:"{label}"' for label in sorted(labels))
    return f"({prefixes}) AND NOT ({expected})"


def _packages(session: Session) -> set[str]:
    return set(session.scalars(sa.select(model.package_table.c.id)))
