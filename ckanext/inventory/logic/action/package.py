"""Core's package actions, chained for the private types.

Core indexes before it commits (leak L46), answers a hidden id with its UUID (L1) and knows nothing
of revisions. Here a write of ours is deferred, committed once and indexed after the commit; for
every other type the chain passes through untouched.
"""

from __future__ import annotations

from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Action, Context, DataDict

from ckanext.inventory import config, policy
from ckanext.inventory.logic import who
from ckanext.inventory.logic.commit import transaction
from ckanext.inventory.model import Record
from ckanext.inventory.policy import Act
from ckanext.inventory.publishing import hold
from ckanext.inventory.service import blockers, content, events, facts, outbox
from ckanext.inventory.service.content import Write
from ckanext.inventory.types import PRIVATE_TYPES

__all__ = ["actions"]

VIRTUAL = ("number", "workflow_state")
"""Keys that show adds and write ignores; ``revision`` is read on write and never stored."""
_CORE_ROWS = ("extras", "groups", "resources", "tags")


def actions() -> dict[str, Any]:
    """Return the chained actions.

    :returns: action name → chained function
    """
    return {
        "package_create": package_create,
        "package_update": package_update,
        "package_patch": package_patch,
        "package_delete": package_delete,
        "package_show": package_show,
    }


def _deferred(context: Context, write: Write) -> Context:
    inner = Context(context)
    inner["defer_commit"] = True
    inner["return_id_only"] = True
    inner[content.CONTEXT_KEY] = write  # pyright: ignore[reportGeneralTypeIssues]
    return inner


def write_of(context: Context, data_dict: DataDict | None = None) -> Write:
    """Return how a write came about; the hooks of the plugin ask, too.

    :param context: CKAN's context
    :param data_dict: what was sent, for the revision that it is based on
    :returns: the write
    :raises ValidationError: ``revision`` if it is no number
    """
    given = context.get(content.CONTEXT_KEY)
    if isinstance(given, Write):
        return given
    return Write(who.person(context), revision=_revision(data_dict or {}))


def _revision(data_dict: DataDict) -> int | None:
    sent = data_dict.get("revision")
    if sent in (None, ""):
        return None
    try:
        return int(str(sent))
    except ValueError as error:
        raise tk.ValidationError({"revision": [tk._("A revision is a number.")]}) from error


def _sent(data_dict: DataDict) -> DataDict:
    sent = {key: value for key, value in data_dict.items() if key not in (*VIRTUAL, "revision")}
    if sent.get(blockers.FIELD, ()) is None:
        sent[blockers.FIELD] = []  # core has no word for rows that are taken away
    _refuse_no_rows(sent)
    return sent


def _refuse_no_rows(sent: DataDict) -> None:
    """Refuse what core would only break at; core keeps what it says of tags under another key."""
    wrong: dict[str, Any] = {
        "tag_string" if name == "tags" else name: [
            tk._("“{name}” has to be a list of rows with named values.").format(name=name)
        ]
        for name in (blockers.FIELD, *_CORE_ROWS)
        if name in sent and not _are_rows(sent[name])
    }
    if wrong:
        raise tk.ValidationError(wrong)


def _are_rows(value: Any) -> bool:
    rows = cast("list[Any]", value) if isinstance(value, list) else [None]
    return all(isinstance(row, dict) for row in rows)


def _answer(context: Context, package_id: str) -> Any:
    if context.get("return_id_only"):
        return package_id
    show = Context(context)
    for key in ("package", "schema", "original_package", content.CONTEXT_KEY):
        show.pop(key, None)
    show["ignore_auth"] = True
    return tk.get_action("package_show")(show, {"id": package_id})


@tk.chained_action
def package_create(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Create a package of ours: one commit, then the index."""
    if data_dict.get("type") not in PRIVATE_TYPES:
        return next_action(context, data_dict)
    with transaction(context):
        package_id = next_action(_deferred(context, write_of(context)), _sent(data_dict))
    return _answer(context, package_id)


@tk.chained_action
def package_update(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Update a package of ours, based on the revision that the caller names."""
    package = _ours(data_dict.get("id") or data_dict.get("name"))
    if package is None:
        return next_action(context, data_dict)
    given = context.get(content.CONTEXT_KEY)
    if not isinstance(given, Write) and not data_dict.get("revision"):
        _refuse_hidden(context, package, _NOT_FOUND)
        raise tk.ValidationError(
            {"revision": [tk._("Name the revision that your text is based on.")]}
        )
    write = write_of(context, data_dict)
    inner = _deferred(context, write)
    inner.pop("original_package", None)
    try:
        with transaction(context):
            _lock(context, package)
            next_action(inner, {**_sent(data_dict), "id": package.id})
    except tk.NotAuthorized:
        _refuse_hidden(context, package, _NOT_FOUND)
        raise
    return _answer(context, package.id)


@tk.chained_action
def package_patch(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Patch a package of ours, without core's habit of showing what may not be seen."""
    package = _ours(data_dict.get("id"))
    if package is None:
        return next_action(context, data_dict)
    _refuse_hidden(context, package)
    return next_action(context, {**data_dict, "id": package.id})


@tk.chained_action
def package_delete(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Delete a draft that was never submitted; everything else is retired.

    Sysadmins skip auth functions, so the rule is asked here.
    """
    package = _ours(data_dict.get("id"))
    if package is None:
        _refuse_held(context, data_dict)
        return next_action(context, data_dict)
    _refuse_hidden(context, package)
    row = who.session_of(context).get(Record, package.id)
    if row is not None:
        decision = policy.may(
            who.person(context), Act.DELETE, who.facts_of(context, row), config.options()
        )
        if not decision:
            raise tk.NotAuthorized(tk._(decision.reason))
    tk.check_access("package_delete", context, data_dict)
    with transaction(context) as session:
        package.state = model.State.DELETED
        members = model.member_table
        session.execute(
            sa.update(members)
            .where(members.c.table_name == "package", members.c.table_id == package.id)
            .values(state=model.State.DELETED)
        )
        if row is not None:
            row.package_state = model.State.DELETED
            events.record(
                session,
                "delete",
                who.person(context).user_id,
                [events.staying(row)],
            )
        outbox.reindex(session, [package.id])
    return None


@tk.side_effect_free
@tk.chained_action
def package_show(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Show a package of ours with its number, revision and state, added at call time.

    Never from the index's copy, never into it; a package that the caller may not see is not found.
    Every other package passes through first and is recognised by what core shows, so that it costs
    nothing.
    """
    if not data_dict.get("id") and data_dict.get("name_or_id"):
        # core's auth looks for ``id`` only, and fails differently if the package exists
        data_dict = {**data_dict, "id": data_dict["name_or_id"]}
    if facts.is_odd(data_dict.get("id")):
        raise tk.ObjectNotFound
    if context.get("for_update"):
        _lock(context, _ours(data_dict.get("id") or data_dict.get("name_or_id")))
    try:
        shown = next_action(context, data_dict)
    except tk.NotAuthorized as error:
        if _ours(data_dict.get("id")) is None:
            raise
        raise tk.ObjectNotFound from error  # core says no more of an unknown id
    if shown["type"] not in PRIVATE_TYPES or context.get("validate") is False:
        return shown
    if context.get("use_cache", True):
        inner = Context(context)
        inner["use_cache"] = False
        shown = next_action(inner, data_dict)
    who.keep_private()
    row = who.session_of(context).get(Record, shown["id"])
    if row is not None:
        shown |= {"number": row.number, "revision": row.revision, "workflow_state": row.state}
    return shown


def _lock(context: Context, package: model.Package | None) -> None:
    """Take the register row before core takes the package: decisions do, and would wait for ever."""
    if package is not None:
        facts.records(who.session_of(context), [package.id], lock=True)


def _ours(reference: Any) -> model.Package | None:
    if facts.is_odd(reference):
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    package = model.Package.get(reference) if facts.could_be_ours(reference) else None
    return package if package is not None and package.type in PRIVATE_TYPES else None


_NOT_FOUND = "Package was not found."
"""Core's words of an update for an id that doesn't exist; patch and delete say none."""


def _refuse_hidden(context: Context, package: model.Package, words: str = "") -> None:
    """Answer for a package that the caller may not know of as for one that doesn't exist."""
    if context.get("ignore_auth"):
        return
    session = who.session_of(context)
    known = facts.light(session, package.id)
    person = who.person(context)
    if known is None and person.sysadmin:
        return
    if known is None or not policy.may(person, Act.READ, known):
        raise tk.ObjectNotFound(tk._(words)) if words else tk.ObjectNotFound


def _refuse_held(context: Context, data_dict: DataDict) -> None:
    """Keep a prepared or withdrawn dataset from being deleted at any door but ours."""
    package = model.Package.get(data_dict.get("id"))
    if package is not None:
        tk.check_access("package_delete", context, data_dict)
        hold.refuse_removal(who.session_of(context), context, package.id)
