"""Departments: codes, numbers and defaults."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Department
from ckanext.inventory.spreadsheets.planning.departments import last_heir, was_merged
from ckanext.inventory.types import ENTRY, Person

CODE = re.compile(r"[A-Z0-9]{2,10}")
"""The shape of a department's code."""

DEFAULT_FIELDS = (
    "public_contact_name",
    "public_contact_email",
    "license_id",
    "steward",
    "steward_email",
)
"""Fields that an entry without a value of its own inherits from its department."""


def code_from(name: str, taken: Collection[str]) -> str:
    """Make a code from an organization's name, such as ``PARKS`` from ``parks-and-recreation``.

    :param name: the organization's name or title
    :param taken: codes that are in use
    :returns: 2 to 10 capitals and digits, not among the taken
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().upper()
    words = [word for word in re.split(r"[^A-Z0-9]+", plain) if word]
    first = (words[0] if words else "DEPT")[:10]
    if len(first) < 2:
        first = ("".join(words) + "DEPT")[:10]
    initials = "".join(word[0] for word in words)[:10]
    candidates = [first]
    if len(initials) >= 2:
        candidates.append(initials)
    for candidate in candidates:
        if candidate not in taken:
            return candidate
    counter = 2
    while f"{first[: 10 - len(str(counter))]}{counter}" in taken:
        counter += 1
    return f"{first[: 10 - len(str(counter))]}{counter}"


def ensure(session: Session, organizations: Collection[str]) -> dict[str, Department]:
    """Return the departments of organizations, making those that are new.

    :param session: the database session
    :param organizations: organization ids
    :returns: organization id → department; ids that are no organization are absent
    """
    wanted = set(organizations)
    found = _load(session, wanted)
    missing = wanted - found.keys()
    if missing:
        group = model.group_table
        names = session.execute(
            sa.select(group.c.id, group.c.name).where(
                group.c.id.in_(missing), group.c.is_organization.is_(sa.true())
            )
        ).all()
        taken = set(session.scalars(sa.select(Department.code)))
        for organization, name in sorted(names, key=lambda row: row.name):
            code = code_from(name, taken)
            taken.add(code)
            # somebody else may make the same department at the same moment
            session.execute(
                insert(Department)
                .values(organization=organization, code=code)
                .on_conflict_do_nothing()
            )
        found |= _load(session, missing)
    return found


def is_open(person: Person, organization: str, merged_into: str | None) -> bool:
    """Tell whether a department still takes records: one that was merged is for whom it was given to again.

    :param person: who adds
    :param organization: organization id of the department
    :param merged_into: the one that it was merged into, if it was
    """
    return not merged_into or organization in policy.departments_of(person)


def heir_of(session: Session, organization: str) -> str:
    """Return the department that a merged one goes on as, through several merges.

    :param session: the database session
    :param organization: organization id
    :returns: organization id; the same for one that wasn't merged
    """
    query = sa.select(Department.organization, Department.merged_into)
    return last_heir(
        organization, {row.organization: row.merged_into for row in session.execute(query)}
    )


def refuse_merged(
    session: Session, person: Person, department: Department, field: str = "owner_org"
) -> None:
    """Refuse what is to be added to a department that was merged into another.

    :param session: the database session
    :param person: who adds
    :param department: the department
    :param field: the parameter that names it
    :raises ValidationError: ``field``, with the department that took over
    """
    if is_open(person, department.organization, department.merged_into):
        return
    called, heir = titles(session), heir_of(session, department.organization)
    message = was_merged(called.get(department.organization, ""), called.get(heir, ""))
    raise tk.ValidationError({field: [message.said(tk._, tk.ungettext)]})


def _load(session: Session, organizations: Collection[str]) -> dict[str, Department]:
    if not organizations:
        return {}
    query = sa.select(Department).where(Department.organization.in_(organizations))
    return {row.organization: row for row in session.scalars(query)}


def take_numbers(
    session: Session, organization: str, package_type: str, count: int = 1
) -> list[str]:
    """Take the next numbers of a department; a number is never given twice.

    :param session: the database session
    :param organization: organization id, of an existing department
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param count: how many
    :returns: numbers such as ``PARKS-0012`` or ``PARKS-S003``, ascending
    :raises LookupError: if the organization is no department
    """
    column = Department.entry_counter if package_type == ENTRY else Department.source_counter
    row = session.execute(
        sa.update(Department)
        .where(Department.organization == organization)
        .values({column: column + count})
        .returning(Department.code, column)
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise LookupError(organization)
    code, last = row
    shape = "{}-{:04d}" if package_type == ENTRY else "{}-S{:03d}"
    return [shape.format(code, number) for number in range(last - count + 1, last + 1)]


def defaults_of(
    department: Department | sa.Row[Any] | None, site_license: str | None
) -> dict[str, str]:
    """Return what entries of a department inherit.

    :param department: the department, or its columns of :data:`DEFAULT_FIELDS`, or None
    :param site_license: licence id behind the department's own
    :returns: field name → value, without empty ones
    """
    values = {name: getattr(department, name) for name in DEFAULT_FIELDS if department is not None}
    values["license_id"] = values.get("license_id") or site_license
    return {name: value for name, value in values.items() if value}


def titles(session: Session) -> dict[str, str]:
    """Return what organizations are called, closed ones too.

    :param session: the database session
    :returns: organization id → title
    """
    group = model.group_table
    query = sa.select(group.c.id, group.c.title, group.c.name).where(
        group.c.is_organization.is_(sa.true())
    )
    return {row.id: row.title or row.name for row in session.execute(query)}
