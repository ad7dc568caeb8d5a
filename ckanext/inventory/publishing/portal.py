"""Public datasets as core keeps them: the target's schema, dry runs, and writes without a commit.

Every write joins the caller's transaction (``defer_commit``) and is indexed after its commit, so
that a promotion happens wholly or not at all.

Source: leak L46.
"""

from __future__ import annotations

import copy
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import ckan.model as model
import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.lib import munge
from ckan.lib.plugins import lookup_package_plugin, plugin_validate
from ckan.types import Context
from sqlalchemy.orm import Session, scoped_session

from ckanext.inventory import clock
from ckanext.inventory.publishing import hold, uploads
from ckanext.inventory.publishing.mapping import EXTRAS, GROUPS, KEPT, TAGS, Ask
from ckanext.inventory.publishing.publication import upload_of
from ckanext.inventory.types import Person

_NAME_LOCK = 0x1A7E0_2
"""Key of the advisory lock under which a free name is chosen and taken."""

_RESERVED_NAMES = frozenset({"new", "edit", "search"})
_RESOURCE_KEYS = frozenset({"url", "name", "format", "description", "upload"})
_CORES_OWN = KEPT | {
    "__before",
    "__extras",
    "__junk",
    "groups",
    "metadata_modified",
    "return_to",
    "save",
    "tags",
}


def user_name(session: Session, person: Person) -> str:
    """Return the account in whose name core writes: the promoter, or the site's own user.

    :param session: the database session
    :param person: who promotes
    :returns: a user name that exists, as core's activities need one
    """
    if person.user_id is not None:
        user = session.get(model.User, person.user_id)
        if user is not None:
            return str(user.name)
    context = Context(ignore_auth=True, defer_commit=True)
    return str(tk.get_action("get_site_user")(context, {})["name"])


def _context(session: Session, name: str) -> Context:
    return cast(
        Context,
        {
            "model": model,
            "session": session,
            "user": name,
            "auth_user_obj": model.User.get(name),
            "ignore_auth": True,
            "defer_commit": True,
            "return_id_only": True,
            hold.OWN_WRITE: True,
        },
    )


# --- the target's schema ---------------------------------------------------------------------


def _scheming_schema(dataset_type: str) -> Mapping[str, Any] | None:
    if not p.plugin_loaded("scheming_datasets"):
        return None
    return tk.h.scheming_get_dataset_schema(dataset_type)


def target_fields(dataset_type: str) -> frozenset[str]:
    """Return the fields of the public dataset's schema.

    :param dataset_type: type of the public dataset
    :returns: names, without those that core or the act sets
    """
    schema = _scheming_schema(dataset_type)
    if schema is not None:
        names = {str(each["field_name"]) for each in schema["dataset_fields"]}
    else:
        names = set(lookup_package_plugin(dataset_type).create_package_schema())
    return frozenset(names - _CORES_OWN)


def resource_fields(dataset_type: str) -> frozenset[str]:
    """Return the keys that a link or file given at promotion may have.

    :param dataset_type: type of the public dataset
    :returns: names
    """
    schema = _scheming_schema(dataset_type) or {}
    named = {str(each["field_name"]) for each in schema.get("resource_fields", ())}
    return _RESOURCE_KEYS | (named - {"id", "package_id", "state", "position", "url_type"})


def asks(dataset_type: str, mapped: Iterable[str]) -> list[Ask]:
    """Return what the target's schema requires and the map doesn't write.

    :param dataset_type: type of the public dataset
    :param mapped: keys that the map writes, without ``extras.``
    :returns: one for each required field
    """
    schema = _scheming_schema(dataset_type) or {}
    written = set(mapped) | _CORES_OWN
    found: list[Ask] = []
    for each in schema.get("dataset_fields", ()):
        name = str(each["field_name"])
        if name in written or not each.get("required"):
            continue
        choices = cast("list[dict[str, Any]]", tk.h.scheming_field_choices(each) or [])
        found.append(
            Ask(
                name,
                str(tk.h.scheming_language_text(each.get("label") or name)),
                str(tk.h.scheming_language_text(each.get("help_text") or "")),
                True,
                tuple(
                    (
                        str(c["value"]),
                        str(tk.h.scheming_language_text(c.get("label") or c["value"])),
                    )
                    for c in choices
                ),
            )
        )
    return found


# --- dataset dictionaries --------------------------------------------------------------------


def merged(
    current: Mapping[str, Any],
    built: Mapping[str, Any],
    before: Mapping[str, Any],
    dataset_type: str,
) -> dict[str, Any]:
    """Put mapped keys into a dataset, leaving everything else as it is.

    Of tags, groups and additional fields only those are touched that go out now or went out
    before: what the portal's people added stays.

    :param current: the dataset, empty for a new one
    :param built: mapped keys, as ``mapping.build`` made them
    :param before: mapped keys as they went out the last time
    :param dataset_type: type of the public dataset
    :returns: a new dictionary
    """
    fields = target_fields(dataset_type)
    result = dict(current)
    for key in [*before, *built]:
        plain = key.removeprefix(EXTRAS)
        if key in (TAGS, GROUPS):
            result[key] = _merged_names(current.get(key), built.get(key), before.get(key))
        elif key.startswith(EXTRAS) and plain not in fields:
            result["extras"] = _merged_extras(result.get("extras"), plain, built.get(key))
        else:
            result[plain] = built.get(key, "")
    return result


def _merged_names(
    current: Sequence[Mapping[str, Any]] | None,
    built: Sequence[str] | None,
    before: Sequence[str] | None,
) -> list[dict[str, Any]]:
    ours = {str(name).casefold() for name in [*(built or ()), *(before or ())]}
    kept = [
        dict(each)
        for each in current or ()
        if each.get("vocabulary_id") or str(each.get("name", "")).casefold() not in ours
    ]
    return [*kept, *({"name": name} for name in built or ())]


def _merged_extras(
    current: Sequence[Mapping[str, Any]] | None, key: str, value: Any
) -> list[dict[str, Any]]:
    kept = [dict(each) for each in current or () if each.get("key") != key]
    return kept if value in (None, "", []) else [*kept, {"key": key, "value": str(value)}]


def free_name(session: Session, title: str, *, take: bool = False) -> str:
    """Choose the last part of the public address.

    :param session: the database session
    :param title: the dataset's title
    :param take: keep others from choosing the same until the end of the transaction
    :returns: a name that no dataset has
    """
    if take:
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_NAME_LOCK)))
    name = munge.munge_title_to_name(title).strip("_-")
    if len(name) < model.PACKAGE_NAME_MIN_LENGTH or name in _RESERVED_NAMES:
        name = f"dataset-{name}".rstrip("-")
    package = model.package_table
    similar = sa.select(package.c.name).where(package.c.name.like(f"{name}%"))
    taken = set(session.scalars(similar))
    candidate, counter = name, 2
    while candidate in taken:
        candidate = f"{name}-{counter}"
        counter += 1
    return candidate


def show(session: Session, dataset_id: str, *, lock: bool = True) -> dict[str, Any] | None:
    """Read a dataset from the database, never from the index.

    :param session: the database session
    :param dataset_id: the dataset
    :param lock: hold its row until the end of the transaction
    :returns: what core shows of it; None if there is none
    """
    context = cast(
        Context,
        {
            "model": model,
            "session": session,
            "user": "",
            "ignore_auth": True,
            "use_cache": False,
            "for_update": lock,
        },
    )
    try:
        return tk.get_action("package_show")(context, {"id": dataset_id})
    except tk.ObjectNotFound:
        return None


# --- dry run and writes ----------------------------------------------------------------------


def dry_run(
    session: Session, name: str, dataset: Mapping[str, Any], package: model.Package | None
) -> dict[str, Any]:
    """Validate a dataset against its type's schema without writing anything.

    :param session: the database session
    :param name: name of the account that would write
    :param dataset: the dataset
    :param package: the existing one that would be changed, None for a new one
    :returns: core's errors; empty if it can be written
    """
    plain = {key: value for key, value in dataset.items() if key != "resources"}
    checked = copy.deepcopy(plain)
    checked["resources"] = [_without_file(each) for each in dataset.get("resources", ())]
    plugin = lookup_package_plugin(dataset["type"])
    context = _context(session, name)
    if package is None:
        schema, action = plugin.create_package_schema(), "package_create"
    else:
        schema, action = plugin.update_package_schema(), "package_update"
        context["package"] = package
    with session.no_autoflush:
        _, errors = plugin_validate(plugin, context, checked, schema, action)
    return errors


def _without_file(resource: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: copy.deepcopy(value) for key, value in resource.items() if key != "upload"}
    upload = upload_of(resource)
    if upload is not None:
        plain["url"], plain["url_type"] = munge.munge_filename(str(upload.filename)), "upload"
    return plain


def create(session: Session, name: str, dataset: Mapping[str, Any]) -> None:
    """Create a dataset with its links and files, uncommitted.

    :param session: the database session
    :param name: name of the account that core notes as creator
    :param dataset: the dataset, with its id
    :raises ValidationError: as core says; the transaction is rolled back then
    """
    resources: list[Mapping[str, Any]] = list(dataset.get("resources", ()))
    # package_create knows no uploads: files make it create first and update then
    in_two_steps = any(upload_of(each) is not None for each in resources)
    first = dict(dataset, resources=[] if in_two_steps else [dict(each) for each in resources])
    tk.get_action("package_create")(_context(session, name), first)
    session.flush()
    if in_two_steps:
        current = show(session, str(dataset["id"])) or {}
        update(session, name, current, dict(current, resources=resources))


def update(
    session: Session, name: str, current: Mapping[str, Any], dataset: Mapping[str, Any]
) -> None:
    """Change a dataset, uncommitted.

    :param session: the database session
    :param name: name of the account that core notes
    :param current: the dataset as :func:`show` read it
    :param dataset: the dataset as it is to be
    :raises ValidationError: as core says; the transaction is rolled back then
    """
    # core's registry hands out itself in places
    plain = cast(Session, session() if isinstance(session, scoped_session) else session)
    inside = plain.get_nested_transaction()
    wanted = {key: value for key, value in dataset.items() if key != "metadata_modified"}
    wanted["resources"] = _with_ids(session, str(current["id"]), dataset.get("resources", ()))
    context = _context(session, name)
    context["original_package"] = copy.deepcopy(dict(current))
    tk.get_action("package_update")(context, wanted)
    session.flush()
    # core leaves its savepoint open when the commit is the caller's
    while (nested := plain.get_nested_transaction()) is not None and nested is not inside:
        nested.commit()
    known = {str(each["id"]) for each in current.get("resources", ())}
    _make_views(session, name, str(current["id"]), known)


def _with_ids(
    session: Session, dataset_id: str, resources: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    ids = uploads.free_ids(session, dataset_id)
    found: list[dict[str, Any]] = []
    for each in resources:
        upload = upload_of(each)
        resource = dict(each)
        if upload is not None:
            resource |= {"id": next(ids), "hash": uploads.digest(upload)}
            # core guesses the format of resources without an id only
            if not resource.get("format"):
                resource["format"] = mimetypes.guess_type(str(upload.filename))[0] or ""
        found.append(resource)
    return found


def _make_views(session: Session, name: str, dataset_id: str, known: set[str]) -> None:
    """Make core's default views of new resources; package_update makes none."""
    shown = show(session, dataset_id) or {}
    for resource in shown.get("resources", ()):
        if resource["id"] not in known:
            tk.get_action("resource_create_default_resource_views")(
                _context(session, name), {"resource": resource, "package": shown}
            )


def hide(session: Session, name: str, dataset_id: str, state: str) -> bool:
    """Take a dataset from the portal, uncommitted: private, and maybe deleted.

    :param session: the database session
    :param name: name of the account that core notes
    :param dataset_id: the dataset
    :param state: CKAN's state that it gets, ``active`` or ``deleted``
    :returns: whether there was such a dataset
    """
    current = show(session, dataset_id)
    if current is None:
        return False
    if current["private"] and current["state"] == state:
        return True
    hidden = dict(current, private=True, state=state)
    package = session.get(model.Package, dataset_id)
    if package is not None and dry_run(session, name, hidden, package):
        # its type's schema grew stricter since: taking it back must not depend on that
        package.private, package.state = True, state
        package.metadata_modified = clock.now().replace(tzinfo=None)
        session.flush()
    else:
        update(session, name, current, hidden)
    return True
