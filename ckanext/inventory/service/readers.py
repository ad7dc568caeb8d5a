"""The people of the inventory, and who of them may read a record: whom one can turn to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy
from ckanext.inventory.model import Record
from ckanext.inventory.policy import Act
from ckanext.inventory.service import grants
from ckanext.inventory.types import Facts, Grant, Person


@dataclass(frozen=True)
class Known:
    """Somebody who has to do with the inventory.

    :param person: their rights
    :param user_name: name of the account
    :param name: what people call them
    :param email: their address, empty if none is known
    """

    person: Person
    user_name: str
    name: str
    email: str


def people(session: Session, ids: Collection[str] | None = None) -> dict[str, Known]:
    """Load the active accounts that have a role or an assignment, with their rights today.

    :param session: the database session
    :param ids: only these accounts
    :returns: user id → who they are; administrators only if they have a role or an assignment, too
    """
    assigned = sa.select(Record.assignee).where(Record.assignee.is_not(None)).distinct()
    if ids is not None:
        assigned = assigned.where(Record.assignee.in_(list(ids)))
    held = _grants(session)
    everybody = {*held, *filter(None, session.scalars(assigned))}
    return _load(session, held, everybody if ids is None else everybody & set(ids))


def holders(session: Session) -> dict[str, Known]:
    """Load the active accounts that have a role.

    :param session: the database session
    :returns: user id → who they are
    """
    held = _grants(session)
    return _load(session, held, set(held))


def _load(
    session: Session, held: Mapping[str, list[Grant]], wanted: Collection[str]
) -> dict[str, Known]:
    if not wanted:
        return {}
    user = model.user_table
    query = sa.select(user.c.id, user.c.name, user.c.fullname, user.c.email, user.c.sysadmin).where(
        user.c.id.in_(wanted), user.c.state == model.State.ACTIVE
    )
    return {
        row.id: Known(
            Person(row.id, bool(row.sysadmin), tuple(held.get(row.id, ()))),
            row.name,
            row.fullname or row.name,
            row.email or "",
        )
        for row in session.execute(query)
    }


def _grants(session: Session) -> dict[str, list[Grant]]:
    found: dict[str, list[Grant]] = {}
    role = grants.in_force(editors=config.editors_are_coordinators())
    for row in session.execute(sa.select(role), {"today": clock.today()}):
        found.setdefault(row.user_id, []).append(grants.grant(row))
    return found


def of_record(session: Session, known: Facts) -> dict[str, Known]:
    """Return who may read a record.

    :param session: the database session
    :param known: what is known of the record
    :returns: user id → who they are
    """
    return {
        user_id: one
        for user_id, one in people(session).items()
        if policy.may(one.person, Act.READ, known, config.options())
    }


def named_in(text: str, readers: Mapping[str, Known]) -> list[str]:
    """Find who is mentioned in a text as ``@name``, among those who may read the record.

    :param text: the words
    :param readers: user id → who they are
    :returns: user ids; a name that belongs to nobody of them is no mention
    """
    by_name = {one.user_name: user_id for user_id, one in readers.items()}
    found = [by_name[name] for name in _mentions(text) if name in by_name]
    return list(dict.fromkeys(found))


def _mentions(text: str) -> list[str]:
    """Return what stands behind an ``@`` that begins a word; an address has none."""
    words = (word for word in text.replace("(", " ").split() if word.startswith("@"))
    return [word[1:].rstrip(".,;:!?)…\"'").lower() for word in words]
