"""Actions of parts: small workbooks for colleagues without an account."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.inventory import clock, policy
from ckanext.inventory.logic import commit, schema, who
from ckanext.inventory.logic.takes import NEEDED_IDS, OFF, OPTIONAL, SEARCHED, number, takes
from ckanext.inventory.model import Part
from ckanext.inventory.policy import Act
from ckanext.inventory.service import facts, kept_imports, part_mail, parts
from ckanext.inventory.spreadsheets import workbook
from ckanext.inventory.types import ENTRY

__all__ = ["inventory_part_close", "inventory_part_list", "inventory_part_send"]


send_schema = takes(
    {
        "ids": NEEDED_IDS,
        "to_name": SEARCHED,
        "to_email": ("ignore_empty", "inventory_string", "inventory_email"),
        "message": SEARCHED,
        "due": OPTIONAL,
    }
)
"""What goes to whom."""


@tk.validate_action_data(send_schema)
def inventory_part_send(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Send entries as a small workbook to a colleague without an account, or take it along.

    It holds these entries with what their department writes, and nothing else. What comes back is
    brought by whoever sent it, like any other file. Only coordinators and the chief data officer send
    parts; entries that are for the department and the chief data officer only stay out of them.

    :param ids: numbers or ids of entries
    :param to_name: who it is for
    :param to_email: where it is mailed to; without it the answer holds the file
    :param message: what to do (optional)
    :param due: by when, as 2027-06-30 (optional)
    :returns: the part as ``inventory_part_list`` shows it; without an address also ``filename``,
        ``mimetype``, ``content`` (base64)
    :raises NotAuthorized: if the caller may not edit one of the entries
    :raises ObjectNotFound: for an entry that the caller may not know of
    :raises ValidationError: ``ids`` with what can't go out and why, ``to_name``, ``due``
    """
    tk.check_access("inventory_part_send", context, data_dict)
    who.keep_private()
    person = who.person(context)
    to = _to(data_dict)
    with commit.transaction(context) as session:
        rows = who.records(context, data_dict["ids"], ENTRY)
        part = parts.send(session, person, rows, to)
        answer = _shown([part], context)[0]
        if not to.email:
            book = parts.book_of(session, person, part, rows)
            content = workbook.as_bytes(workbook.write_xlsx, book)
            answer |= {
                "filename": part_mail.FILENAME,
                "mimetype": part_mail.XLSX,
                "content": base64.b64encode(content).decode(),
            }
        return answer


def _to(data_dict: DataDict) -> parts.To:
    errors: dict[str, list[str]] = {}
    name = " ".join(str(data_dict["to_name"]).split())
    message = str(data_dict["message"]).strip()
    due = None
    if len(name) > 200:
        errors["to_name"] = [tk._("At most {n} characters.").format(n=200)]
    elif not name and not data_dict.get("to_email"):
        errors["to_name"] = [tk._("Say who it is for.")]
    if len(message) > 2_000:
        errors["message"] = [tk._("At most {n} characters.").format(n=2_000)]
    if data_dict.get("due"):
        try:
            due = dt.date.fromisoformat(str(data_dict["due"]))
        except ValueError:
            errors["due"] = [tk._("Write the day as 2027-06-30.")]
    if due is not None and due < clock.today():
        errors["due"] = [tk._("This day is over.")]
    if errors:
        raise tk.ValidationError(cast(Any, errors))
    return parts.To(name, str(data_dict.get("to_email") or ""), message, due)


list_schema = takes({"out": OFF, "limit": number(50), "offset": number(0)})
"""A page of parts."""


@tk.side_effect_free
@tk.validate_action_data(list_schema)
def inventory_part_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List parts that went out, newest first: one's own, and those of one's departments.

    :param out: only those that are still out
    :param limit: at most so many (default 50)
    :param offset: skip so many
    :returns: ``{"count", "results": [{"id", "status": "waiting"|"failed"|"out"|"late"|"back"|"closed",
        "to_name", "to_email", "message", "due", "by_name", "at", "sent_at", "returned_at", "import_id",
        "error", "count", "numbers"}]}``; ``numbers`` of the entries that the caller may read
    :raises NotAuthorized: for people without role and assignment
    """
    tk.check_access("inventory_part_list", context, data_dict)
    who.keep_private()
    total, rows = parts.listing(
        who.session_of(context),
        who.person(context),
        out=data_dict["out"],
        limit=min(int(data_dict["limit"]), 1000),
        offset=int(data_dict["offset"]),
    )
    return {"count": total, "results": _shown(rows, context)}


@tk.validate_action_data(schema.reference)
def inventory_part_close(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say that a part isn't expected back any more; a mail that didn't go out yet doesn't.

    :param id: the part
    :returns: the part
    :raises NotAuthorized: for people without role and assignment
    :raises ObjectNotFound: for a part that the caller may not know of
    :raises ValidationError: if it came back, or was closed already
    """
    tk.check_access("inventory_part_close", context, data_dict)
    with commit.transaction(context) as session:
        person = who.person(context)
        part = parts.find(session, person, str(data_dict["id"]), lock=True)
        if part is None:
            raise tk.ObjectNotFound(tk._("There is no such part."))
        if part.returned_at is not None or part.closed_at is not None:
            raise tk.ValidationError({"id": [tk._("It isn't out any more.")]})
        parts.close(session, person, part)
        return _shown([part], context)[0]


def _shown(rows: list[Part], context: Context) -> list[dict[str, Any]]:
    session, person = who.session_of(context), who.person(context)
    names = kept_imports.people(session, {part.by for part in rows})
    records = facts.records(session, sorted({entry for part in rows for entry in part.entries}))
    readable = {
        row.package_id: row.number
        for row in records.values()
        if policy.may(person, Act.READ, facts.of_record(row))
    }
    return [
        {
            "id": part.id,
            "status": _status(part),
            "to_name": part.to_name,
            "to_email": part.to_email,
            "message": part.message,
            "due": part.due.isoformat() if part.due else None,
            "by_name": names.get(part.by, ""),
            "at": part.at.isoformat(),
            "sent_at": part.sent_at.isoformat() if part.sent_at else None,
            "returned_at": part.returned_at.isoformat() if part.returned_at else None,
            "import_id": part.import_id,
            "error": part.error,
            "count": len(part.entries),
            "numbers": [readable[entry] for entry in part.entries if entry in readable],
        }
        for part in rows
    ]


def _status(part: Part) -> str:
    if part.returned_at is not None:
        return "back"
    if part.closed_at is not None:
        return "closed"
    if part.sent_at is None:
        return "failed" if part.error else "waiting"
    return "late" if part.due is not None and part.due < clock.today() else "out"
