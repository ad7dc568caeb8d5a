"""Parts for colleagues without an account: what may go out, to whom it went, and what came back.

A part holds the rows that were chosen and nothing else: no other sheet, no marks, no column that only
reviewers write, no name of a record that isn't the department's own. Who sends it has to be somebody who
may read and edit every row of it, when it is asked for and again when it goes out. It comes back through
them, like any other file.

Source: leak L37 (rights are asked when a mail is sent).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy
from ckanext.inventory.model import Import, Part, Record
from ckanext.inventory.model.imports import DISCARDED, UNDONE
from ckanext.inventory.model.outbox import PART
from ckanext.inventory.policy import Act
from ckanext.inventory.service import events, facts, outbox, workbooks
from ckanext.inventory.service.refusals import refusal
from ckanext.inventory.service.workbooks import Wanted
from ckanext.inventory.spreadsheets.workbook import Book
from ckanext.inventory.types import ENTRY, Person, State, Visibility

SEND, CLOSE = "part_send", "part_close"
MOST = 1_000
"""Entries of one part."""

_PART = "part"
"""Under which name an import's choices hold the part that came back in it."""

KEEP_ADDRESS = dt.timedelta(days=180)
"""How long the address and the words of a part that is done are kept."""


@dataclass(frozen=True)
class To:
    """To whom a part goes, and with which words.

    :param name: who it is for
    :param email: where it is sent; empty if it is downloaded and handed over otherwise
    :param message: what to do
    :param due: by when
    """

    name: str
    email: str = ""
    message: str = ""
    due: dt.date | None = None


def send(session: Session, person: Person, rows: Sequence[Record], to: To) -> Part:
    """Let a part go out. The caller commits; a mail goes out after that.

    :param session: the database session
    :param person: who sends it
    :param rows: the entries
    :param to: to whom
    :returns: the part
    :raises ValidationError: if one of the entries may not go out, or the address is not among those
        that the site allows
    """
    why = {row.number: reason for row in rows if (reason := reason_against(person, row))}
    if why:
        raise refusal({"ids": [f"{number}: {reason}" for number, reason in why.items()]})
    if not rows or len(rows) > MOST:
        raise refusal({"ids": [tk._("Choose 1 to {n} entries.").format(n=MOST)]})
    if to.email and not address_allowed(to.email):
        raise refusal({"to_email": [tk._("Parts may not be mailed to this address.")]})
    forget_old(session)
    part = Part(
        id=str(uuid.uuid4()),
        departments=sorted({row.department for row in rows}),
        entries=[row.package_id for row in rows],
        to_name=to.name,
        to_email=to.email or None,
        message=to.message,
        due=to.due,
        by=person.user_id,
        at=clock.now(),
        by_mail=bool(to.email),
        sent_at=None if to.email else clock.now(),
    )
    session.add(part)
    session.flush()
    if to.email:
        outbox.queue(session, PART, [part.id])
    _tell(session, SEND, person, part, {row.package_id: row for row in rows})
    return part


def _tell(session: Session, act: str, person: Person, part: Part, rows: dict[str, Record]) -> None:
    told = [
        events.Row(package_id=row.package_id, department=row.department, revision=row.revision)
        for row in rows.values()
    ] or [events.Row(department=part.departments[0])]
    told[0].details.update({"part": part.id, "to": part.to_email or part.to_name})
    events.record(session, act, person.user_id, told)


def reason_against(person: Person, row: Record) -> str:
    """Say why an entry can't go out to somebody without an account.

    :param person: who sends it
    :param row: the entry
    :returns: the reason, empty if there is none
    """
    decision = policy.may(person, Act.EDIT, facts.of_record(row), config.options())
    if not decision:
        return tk._(decision.reason)
    if not policy.may_add_to(person, row.department):
        return tk._("Only a coordinator of this department can do that.")
    if row.visibility == Visibility.RESTRICTED.value:
        return tk._("It is only for the department and the chief data officer.")
    if row.state == State.RETIRED.value:
        return tk._("It is retired.")
    return ""


def address_allowed(email: str) -> bool:
    """Tell whether the site lets parts go to an address.

    :param email: the address
    """
    domains = config.part_domains()
    return not domains or email.rpartition("@")[2].lower() in domains


def still_allowed(session: Session, person: Person, part: Part) -> list[Record]:
    """Return the entries of a part that may still go out.

    :param session: the database session
    :param person: who sends it, with their rights now
    :param part: the part
    """
    rows = facts.records(session, part.entries).values()
    return [
        row
        for row in rows
        if row.package_state == "active"
        and row.package_type == ENTRY
        and not reason_against(person, row)
    ]


def book_of(session: Session, person: Person, part: Part, rows: Collection[Record]) -> Book:
    """Make the workbook of a part.

    :param session: the database session
    :param person: who sends it
    :param part: the part
    :param rows: its entries, as :func:`still_allowed` returns them
    :returns: the workbook
    """
    departments = {row.department for row in rows}
    department = next(iter(departments)) if len(departments) == 1 else None
    wanted = Wanted(department, ids=[row.package_id for row in rows], part=part.id)
    sender = sender_of(part)
    lines = [
        tk._(
            "{who} asks you for what you know about these datasets. One row is one dataset."
        ).format(who=sender.display_name if sender is not None else tk._("A colleague"))
    ]
    if part.message:
        lines.append(part.message)
    if part.due:
        lines.append(tk._("Please send it back by {date}.").format(date=part.due.isoformat()))
    lines += [
        tk._("Fill in what you know on the sheet Datasets, and leave the rest as it is."),
        tk._("Cells with a list offer its values; all of them stand on the sheet Lists."),
        tk._(
            "Save the file and send it back to whoever sent it. They see every change before it is saved."
        ),
    ]
    return workbooks.build(session, person, wanted, lines)


def sender_of(part: Part) -> model.User | None:
    """Return the account that sent a part.

    :param part: the part
    """
    return model.User.get(part.by)


def visible(person: Person) -> sa.ColumnElement[bool]:
    """Return which parts somebody may know of: their own, and those of their departments.

    :param person: who asks
    """
    if policy.is_cdo(person):
        return sa.true()
    grounds: list[sa.ColumnElement[bool]] = [sa.false()]
    if person.user_id is not None:
        grounds.append(Part.by == person.user_id)
    own = sorted(policy.departments_of(person))
    if own:
        grounds.append(Part.departments.contained_by(sa.cast(own, sa.ARRAY(sa.Text))))
    return sa.or_(*grounds)


def listing(
    session: Session, person: Person, *, out: bool, limit: int, offset: int
) -> tuple[int, list[Part]]:
    """Return parts, newest first.

    :param session: the database session
    :param person: who asks
    :param out: only those that are still out
    :param limit: at most so many
    :param offset: skip so many
    :returns: how many there are, and the page
    """
    conditions = [visible(person)]
    if out:
        conditions += [Part.returned_at.is_(None), Part.closed_at.is_(None)]
    total = session.scalar(sa.select(sa.func.count()).select_from(Part).where(*conditions)) or 0
    query = (
        sa.select(Part)
        .where(*conditions)
        .order_by(Part.at.desc(), Part.id)
        .limit(limit)
        .offset(offset)
    )
    return total, list(session.scalars(query))


def find(session: Session, person: Person, part_id: str, *, lock: bool = False) -> Part | None:
    """Return a part that somebody may know of.

    :param session: the database session
    :param person: who asks
    :param part_id: its id
    :param lock: hold it until the end of the transaction
    """
    query = sa.select(Part).where(Part.id == part_id, visible(person))
    return session.scalars(query.with_for_update() if lock else query).first()


def entries_of(session: Session, person: Person, part_id: str) -> list[str]:
    """Return the entries of a part, none of one that somebody may not know of.

    :param session: the database session
    :param person: who asks
    :param part_id: what a file says: a claim
    """
    part = find(session, person, part_id)
    return list(part.entries) if part is not None else []


def came_back(session: Session, person: Person, part_id: str, kept: Import) -> None:
    """Note that a part came back, if there is such a part and the person may know of it.

    :param session: the database session
    :param person: who brought it
    :param part_id: what the file says: a claim
    :param kept: the import that it is looked at in
    """
    part = find(session, person, part_id, lock=True)
    if part is None:
        return
    kept.choices = {**kept.choices, _PART: part.id}
    if part.import_id != kept.id:
        part.returned_at = part.returned_at or clock.now()
        part.import_id = kept.id
    session.flush()


def dropped(session: Session, import_ids: Collection[str]) -> None:
    """Note that files went without being saved, or were taken back: a part that came in one is out again.

    If it came back in another file, too, that one counts.

    :param session: the database session
    :param import_ids: the imports, discarded or undone by now
    """
    if not import_ids:
        return
    session.flush()
    query = sa.select(Part).where(Part.import_id.in_(import_ids)).with_for_update()
    for part in session.scalars(query):
        other = session.scalars(
            sa.select(Import)
            .where(
                Import.choices[_PART].astext == part.id, Import.status.not_in([DISCARDED, UNDONE])
            )
            .order_by(Import.saved_at.desc().nulls_last(), Import.at.desc())
            .limit(1)
        ).first()
        part.import_id = other.id if other is not None else None
        part.returned_at = other.at if other is not None else None
    session.flush()


def close(session: Session, person: Person, part: Part) -> None:
    """Note that a part isn't expected back any more; a mail that didn't go out yet doesn't.

    :param session: the database session
    :param person: who says so
    :param part: the part, held
    """
    part.closed_at = clock.now()
    session.flush()
    _tell(session, CLOSE, person, part, {})


def forget_old(session: Session) -> None:
    """Forget addresses and words of parts that are done for long.

    :param session: the database session
    """
    done = sa.func.coalesce(Part.returned_at, Part.closed_at)
    session.execute(
        sa.update(Part)
        .where(done < clock.now() - KEEP_ADDRESS, Part.to_email.is_not(None))
        .values(to_email=None, message="")
        .execution_options(synchronize_session=False)
    )
