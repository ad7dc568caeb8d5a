"""Actions about what people are told, and how."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.inventory.logic import schema as general
from ckanext.inventory.logic import schema_notices as schema
from ckanext.inventory.logic import who
from ckanext.inventory.logic.commit import transaction
from ckanext.inventory.service import facts, notice_list, notice_mail, notice_settings, readers

__all__ = [
    "inventory_notice_list",
    "inventory_notice_preview",
    "inventory_notice_read",
    "inventory_notice_settings",
    "inventory_notice_settings_update",
    "inventory_reader_list",
]

MAX_ROWS = 200
"""Notices in one answer."""


@tk.side_effect_free
@tk.validate_action_data(schema.listing)
def inventory_notice_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List what the caller was told, newest first, for as much as they may read now.

    :param limit: how many, 200 at most (default: 50); 0 for the number only
    :param before: only acts before this one (optional)
    :param unread: leave out what was read (default: false)
    :returns: ``unread`` (their number, 100 at most) and ``results``: event_id, at, act, topic
        (back, waits, decided, public or said), at_once (told by a mail of its own), read, by,
        count and items (id, name, number, title, type, restricted), words (of a comment)
    :raises NotAuthorized: for people without role and assignment
    """
    tk.check_access("inventory_notice_list", context, data_dict)
    who.keep_private()
    session, person = who.session_of(context), who.person(context)
    limit = min(int(data_dict["limit"]), MAX_ROWS)
    results: list[dict[str, Any]] = []
    if limit:
        results = notice_list.listing(
            session,
            person,
            limit=limit,
            before=data_dict.get("before"),
            only_unread=bool(data_dict["unread"]),
        )
    return {"unread": notice_list.unread(session, person), "results": results}


@tk.validate_action_data(schema.read)
def inventory_notice_read(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Note that the caller has read what they were told.

    :param ids: ``event_id`` of each, a list or comma-separated
    :param all: everything so far (default: false)
    :returns: ``read``: how many are newly read
    :raises NotAuthorized: for people without role and assignment
    :raises ValidationError: ``ids`` if neither is given
    """
    tk.check_access("inventory_notice_read", context, data_dict)
    sent: list[str] = data_dict.get("ids") or []
    ids = [int(one) for one in sent if one.isdigit()]
    if not ids and not data_dict["all"]:
        raise tk.ValidationError({"ids": [tk._("Say which ones.")]})
    with transaction(context) as session:
        done = notice_list.read(session, who.person(context), None if data_dict["all"] else ids)
    return {"read": done}


@tk.side_effect_free
def inventory_notice_settings(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return how the caller wants to be told.

    :returns: ``digest`` (daily, weekly or never), ``at_once`` (mails at once), ``digest_at`` (the
        last one), ``email`` (where mails go)
    :raises NotAuthorized: for people without role and assignment
    """
    tk.check_access("inventory_notice_settings", context, data_dict)
    who.keep_private()
    return _settings(context)


def _settings(context: Context) -> dict[str, Any]:
    user = who.user_of(context)
    user_id = who.person(context).user_id or ""
    return notice_settings.of(who.session_of(context), user_id) | {
        "email": user.email if user is not None else None
    }


@tk.validate_action_data(schema.settings)
def inventory_notice_settings_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change how the caller is told; what isn't sent stays.

    :param digest: daily, weekly or never
    :param at_once: whether mails come at once for what was returned, mentions and decided requests;
        without them it is in the digest
    :returns: as ``inventory_notice_settings``
    :raises NotAuthorized: for people without role and assignment
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_notice_settings_update", context, data_dict)
    values = {name: data_dict[name] for name in ("digest", "at_once") if name in data_dict}
    user_id = who.person(context).user_id
    if values and user_id:
        with transaction(context) as session:
            notice_settings.change(session, user_id, values)
    return _settings(context)


@tk.side_effect_free
@tk.validate_action_data(schema.preview)
def inventory_notice_preview(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show who would get a digest now, and what it would say to one of them.

    :param user: name or id of the account (default: the caller)
    :returns: ``people`` (user_id, name, count of news) whose digest is due and has something,
        ``name``, and ``subject``, ``text`` and ``html``, None if there is nothing new for them
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: ``user`` for an account without role and assignment
    """
    tk.check_access("inventory_notice_preview", context, data_dict)
    who.keep_private()
    session = who.session_of(context)
    people: list[dict[str, Any]] = []
    for user_id, known in notice_settings.due(session):
        mail = notice_mail.digest_mail(session, user_id, known)
        if mail is not None:
            people.append({"user_id": user_id, "name": known.name, "count": len(mail.event_ids)})
    wanted = model.User.get(data_dict["user"]) if data_dict.get("user") else who.user_of(context)
    user_id = str(wanted.id) if wanted is not None else ""
    known = readers.people(session, [user_id]).get(user_id)
    if known is None and data_dict.get("user"):
        raise tk.ValidationError({"user": [tk._("They have no role and no assignment.")]})
    mail = notice_mail.digest_mail(session, user_id, known) if known is not None else None
    return {
        "people": people,
        "name": known.name if known is not None else None,
        "subject": mail.subject if mail is not None else None,
        "text": mail.text if mail is not None else None,
        "html": mail.html if mail is not None else None,
    }


@tk.side_effect_free
@tk.validate_action_data(general.reference)
def inventory_reader_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List who may read a record and has a role or an assignment: who can be mentioned on it.

    :param id: number, name or id
    :returns: id, user_name and name of each, by name
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: for people who may not comment on it
    """
    tk.check_access("inventory_reader_list", context, data_dict)
    who.keep_private()
    session = who.session_of(context)
    row = who.record(context, data_dict["id"])
    found = readers.of_record(session, facts.of_record(row))
    return sorted(
        (
            {"id": user_id, "user_name": one.user_name, "name": one.name}
            for user_id, one in found.items()
        ),
        key=lambda item: str(item["name"]).lower(),
    )
