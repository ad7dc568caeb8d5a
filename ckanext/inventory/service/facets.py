"""The cached columns of the register row, worked out from content and findings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ckanext.inventory.fields import Schema
from ckanext.inventory.service import likelihood, requirements
from ckanext.inventory.types import ENTRY, Stage, Writer
from ckanext.inventory.vocabularies import Vocabularies

WORD = re.compile(r"\w+")

MAX_SEARCH_CHARACTERS = 200_000
"""PostgreSQL refuses a text search vector of more than a megabyte."""


@dataclass(frozen=True)
class Findings:
    """What reviewers found of one entry.

    :param confirmed: the confirmed classification, or None
    :param outcomes: review kind → latest outcome
    """

    confirmed: str | None = None
    outcomes: Mapping[str, str] = field(default_factory=dict[str, str])


NOTHING_FOUND = Findings()


def blocker_rows(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return copies of the blocker rows of a content.

    :param content: the content
    :returns: the rows, possibly none
    """
    return [dict(row) for row in likelihood.blocker_rows(content)]


def open_blockers(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the blocker rows that are open.

    :param content: the content
    :returns: rows that are neither resolved nor waived
    """
    return [row for row in blocker_rows(content) if likelihood.is_open(row)]


def of_content(
    schema: Schema,
    content: Mapping[str, Any],
    *,
    defaults: Mapping[str, str],
    findings: Findings,
    vocabularies: Vocabularies,
) -> dict[str, Any]:
    """Work out the cached columns of the register row.

    :param schema: the schema of the type
    :param content: the content of the current revision
    :param defaults: what the department hands down
    :param findings: what reviewers found
    :param vocabularies: the lists in force
    :returns: column name → value
    """
    columns: dict[str, Any] = {
        "title": content.get("title") or "",
        "division": content.get("division"),
        "external_id": content.get("external_id"),
        "external_id_origin": content.get("external_id_origin"),
        "missing_submit": _missing(schema, content, Stage.SUBMIT, defaults, findings, vocabularies),
    }
    if schema.package_type != ENTRY:
        return columns
    value, _ = likelihood.likelihood(content, findings.confirmed, vocabularies)
    columns |= {
        "value": content.get("value"),
        "category": content.get("category"),
        "classification_proposed": content.get("classification"),
        "classification": likelihood.effective_classification(content, findings.confirmed),
        "steward": content.get("steward") or content.get("steward_email"),
        "blocker_status": content.get("blocker_status"),
        "blocker_kinds": sorted({str(row.get("kind")) for row in blocker_rows(content)}),
        "open_kinds": sorted({str(row.get("kind")) for row in open_blockers(content)}),
        "likelihood": value,
        "source_ids": list(content.get("source_ids") or []),
        "missing_approve": _missing(
            schema, content, Stage.APPROVE, defaults, findings, vocabularies
        ),
    }
    return columns


def _missing(
    schema: Schema,
    content: Mapping[str, Any],
    stage: Stage,
    defaults: Mapping[str, str],
    findings: Findings,
    vocabularies: Vocabularies,
) -> list[str]:
    gaps = requirements.missing(
        schema,
        content,
        stage,
        defaults=defaults,
        confirmed=findings.confirmed,
        reviews=findings.outcomes,
        vocabularies=vocabularies,
    )
    # What only a reviewer can do must not make an entry wait for its department.
    return list(dict.fromkeys(gap.field for gap in gaps if gap.by is Writer.DEPARTMENT))


def words(number: str, content: Mapping[str, Any]) -> str:
    """Return the text that search looks at, split as :func:`search.text_query` splits what is typed.

    PostgreSQL would take what follows a hyphen for a negative number: "PARKS-0012", "2019-2024".

    :param number: the record's number, found by search, too
    :param content: the content of the current revision
    :returns: the words of all its texts
    """
    # in an order of its own: what comes back from the database has lost the schema's
    texts = [number, *_texts(content[key] for key in sorted(content) if key != "owner_org")]
    found = " ".join(WORD.findall("\n".join(texts)))
    return found[:MAX_SEARCH_CHARACTERS]


def _texts(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            row = cast("Mapping[str, Any]", value)
            yield from _texts(row[key] for key in sorted(row))
        elif isinstance(value, list):
            yield from _texts(cast("list[Any]", value))
