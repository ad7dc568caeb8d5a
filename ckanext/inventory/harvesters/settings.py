"""The settings of a source of candidates: which department gets which publisher's records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.harvesters.problems import CatalogueError, shorten
from ckanext.inventory.service import departments, imports
from ckanext.inventory.vocabularies import normalise

CKAN = "ckan"
DATA_JSON = "data.json"

DEPARTMENTS = "departments"
DEFAULT = "default_department"
KIND = "catalogue"
FILTER = "filter"
ACCEPT_REMOVALS = "accept_removals"
KEYS = (DEPARTMENTS, DEFAULT, KIND, FILTER, ACCEPT_REMOVALS)


@dataclass(frozen=True)
class Settings:
    """What a source's settings say.

    :param departments: publisher, normalised → name, code, title or id of a department; None to
        leave its records out
    :param default: department of all other publishers; empty to leave them out
    :param kind: :data:`CKAN` or :data:`DATA_JSON`; empty to tell by the address
    :param filter: what to ask another CKAN for, as its ``fq``
    :param accept_removals: also a large part of the records may go at once
    """

    departments: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    default: str = ""
    kind: str = ""
    filter: str = ""
    accept_removals: bool = False

    def kind_of(self, url: str) -> str:
        """Tell what is behind an address.

        :param url: the source's address
        :returns: :data:`CKAN` or :data:`DATA_JSON`
        """
        if self.kind:
            return self.kind
        path = url.partition("?")[0].lower()
        return DATA_JSON if path.endswith(".json") else CKAN


@dataclass(frozen=True)
class Departments:
    """The settings with departments looked up.

    :param by_publisher: publisher, normalised → organization id; None to leave out
    :param default: organization id, None to leave out
    """

    by_publisher: Mapping[str, str | None]
    default: str | None

    def of(self, names: list[str]) -> tuple[str | None, bool]:
        """Find the department of a record.

        :param names: what its publisher is called, the nearest first
        :returns: organization id or None, and whether the settings say so by name
        """
        for name in names:
            key = normalise(name)
            if key in self.by_publisher:
                return self.by_publisher[key], True
        return self.default, False


def parse(text: str | None) -> Settings:
    """Read the settings of a source.

    :param text: JSON, as somebody typed it
    :returns: the settings
    :raises CatalogueError: with what is wrong and how it should be
    """
    if not (text or "").strip():
        raise CatalogueError(_SAY_WHICH)
    try:
        raw: Any = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise CatalogueError("The settings are not valid JSON: {error}.", error=error) from error
    if not isinstance(raw, dict):
        raise CatalogueError("The settings have to be one JSON object: {{…}}.")
    values = cast("dict[str, Any]", raw)
    unknown = sorted(set(values) - set(KEYS))
    if unknown:
        raise CatalogueError(
            "There is no setting “{name}”. There are: {known}.",
            name=shorten(unknown[0]),
            known=", ".join(KEYS),
        )
    for name in (DEFAULT, KIND, FILTER):
        if not isinstance(values.get(name, ""), str):
            raise CatalogueError("“{name}” has to be a text.", name=name)
    if not isinstance(values.get(ACCEPT_REMOVALS, False), bool):
        raise CatalogueError("“{name}” has to be true or false.", name=ACCEPT_REMOVALS)
    departments = _departments(values.get(DEPARTMENTS, {}))
    default = str(values.get(DEFAULT, "")).strip()
    kind = str(values.get(KIND, ""))
    if kind not in ("", CKAN, DATA_JSON):
        raise CatalogueError(
            "The setting “catalogue” is “ckan” or “data.json”, not “{value}”.", value=shorten(kind)
        )
    if not default and not any(departments.values()):
        raise CatalogueError(_SAY_WHICH)
    return Settings(
        departments,
        default,
        kind,
        str(values.get(FILTER, "")).strip(),
        bool(values.get(ACCEPT_REMOVALS, False)),
    )


_SAY_WHICH = (
    "Say which department gets the candidates: “departments” names one for each publisher, "
    "“default_department” one for all others. For example "
    '{{"departments": {{"Parks and Recreation": "PARKS"}}, "default_department": "IT"}}.'
)


def _departments(raw: Any) -> dict[str, str | None]:
    if not isinstance(raw, dict):
        raise CatalogueError(
            "The setting “departments” has to be an object: publisher → department."
        )
    found: dict[str, str | None] = {}
    for publisher, department in cast("dict[str, Any]", raw).items():
        key = normalise(publisher)
        if not key:
            raise CatalogueError("A publisher in “departments” has no name.")
        if key in found:
            raise CatalogueError(
                "The setting “departments” names the publisher “{name}” twice.",
                name=shorten(publisher),
            )
        if department is not None and not (isinstance(department, str) and department.strip()):
            raise CatalogueError(
                "“{name}” in “departments” needs the name or code of a department, or null to "
                "leave it out.",
                name=shorten(publisher),
            )
        found[key] = department.strip() if isinstance(department, str) else None
    return found


def look_up(session: Session, settings: Settings) -> Departments:
    """Find the departments that settings name.

    :param session: the database session
    :param settings: the settings
    :returns: the same with organization ids
    :raises CatalogueError: with the first that doesn't exist
    """
    ids: dict[str, str] = {}
    for reference in {*settings.departments.values(), settings.default} - {None, ""}:
        ids[str(reference)] = _find(session, str(reference))
    return Departments(
        {key: ids[name] if name else None for key, name in settings.departments.items()},
        ids[settings.default] if settings.default else None,
    )


def _find(session: Session, reference: str) -> str:
    found = imports.find_department(session, reference)
    if found is None:
        group = model.group_table
        titled = session.scalars(
            sa.select(group.c.id).where(
                group.c.is_organization.is_(sa.true()),
                group.c.state == "active",
                sa.func.lower(group.c.title) == reference.lower(),
            )
        ).all()
        found = titled[0] if len(titled) == 1 else None
    if found is None:
        raise CatalogueError(
            "There is no department “{name}”. Use its code, its title or its name in the address.",
            name=shorten(reference),
        )
    # Settings of before a merge still say the former name.
    return departments.heir_of(session, found)
