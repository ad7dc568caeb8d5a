"""Making entries from datasets that are on the portal already."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ckan.plugins.toolkit as tk
from sqlalchemy.orm import Session

from ckanext.inventory import config
from ckanext.inventory.fields import Schema, schema_for
from ckanext.inventory.publishing import adopting, mapping
from ckanext.inventory.publishing.adopting import Dataset, Wanted
from ckanext.inventory.service import bulk, takeover
from ckanext.inventory.service.takeover import Past, Taken
from ckanext.inventory.types import ENTRY, Person, State

NEEDED = ("title", "owner_org")
"""Fields without which there is no entry; any other that doesn't fit is left out."""


@dataclass(frozen=True)
class Adopted:
    """A dataset and the entry that is made of it.

    :param dataset: the dataset
    :param taken: the entry
    :param left_out: fields whose values don't fit, with why
    """

    dataset: Dataset
    taken: Taken
    left_out: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Refused:
    """A dataset of which no entry can be made.

    :param dataset: the dataset
    :param messages: why
    """

    dataset: Dataset
    messages: Sequence[str]


def plan(
    session: Session, person: Person, user_name: str, wanted: Wanted, into: str | None = None
) -> tuple[list[Adopted], list[Refused]]:
    """Say which entries would be made.

    :param session: the database session
    :param person: the CDO
    :param user_name: their account
    :param wanted: which datasets
    :param into: organization id of the department that gets all of them; else each its own
    :returns: the entries, validated, and the datasets that can't be taken in
    """
    ids = [row["id"] for row in adopting.missing(session, wanted)]
    schema = schema_for(ENTRY)
    publishing_map = mapping.current(schema, config.mapping_path())
    owned: list[tuple[Dataset, bulk.NewRecord]] = []
    refused: list[Refused] = []
    for dataset in adopting.load(session, ids):
        organization = into or dataset.organization
        if organization is None:
            refused.append(Refused(dataset, [tk._("Nobody owns it. Choose a department.")]))
            continue
        content = adopting.content_from(dataset, publishing_map, schema, organization)
        owned.append((dataset, bulk.NewRecord(content)))
    left_out = fit(session, person, user_name, [record for _dataset, record in owned])
    adopted: list[Adopted] = []
    for (dataset, record), left in zip(owned, left_out, strict=True):
        if record.validated is None:
            messages = [f"{_label(schema, key)}: {text}" for key in left for text in left[key]]
            refused.append(Refused(dataset, messages))
            continue
        past = Past(
            State.PUBLISHED,
            on=dt.date.fromisoformat(dataset.created),
            dataset_id=dataset.dataset_id,
        )
        adopted.append(Adopted(dataset, Taken(record, past), left))
    return adopted, refused


def _label(schema: Schema, name: str) -> str:
    spec = schema.fields.get(name)
    return tk._(spec.label) if spec is not None else name


def fit(
    session: Session,
    person: Person,
    user_name: str,
    records: Sequence[bulk.NewRecord],
) -> list[bulk.Errors]:
    """Validate entries, leaving out what doesn't fit; what can't do without stays unvalidated.

    :param session: the database session
    :param person: who writes
    :param user_name: the account's name
    :param records: the entries
    :returns: for each entry the fields whose values don't fit, with why
    """
    first = bulk.validate(session, ENTRY, records, person, user_name)
    again = [
        record
        for record, errors in zip(records, first, strict=True)
        if errors and not set(errors) & set(NEEDED)
    ]
    for record, errors in zip(records, first, strict=True):
        if errors:
            record.validated = None
            if record in again:
                record.content = {
                    name: value for name, value in record.content.items() if name not in errors
                }
    second = bulk.validate(session, ENTRY, again, person, user_name) if again else []
    for record, errors in zip(again, second, strict=True):
        if errors:
            record.validated = None
    return first


def run(session: Session, person: Person, adopted: Sequence[Adopted]) -> list[bulk.Created]:
    """Make the entries, on the portal and linked, as one act.

    :param session: the database session
    :param person: the CDO
    :param adopted: what :func:`plan` said
    :returns: what was made
    """
    return takeover.write(
        session, person, [one.taken for one in adopted], {"from": "portal", "count": len(adopted)}
    )
