"""Everything that stands against an act, said at once and in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.lib import uploader
from sqlalchemy.orm import Session

from ckanext.inventory import config
from ckanext.inventory.model import Link, Record
from ckanext.inventory.model.link import CREATED, EXTERNAL, LINKED
from ckanext.inventory.partial_date import parse_partial_date
from ckanext.inventory.publishing import links, mapping, portal, uploads
from ckanext.inventory.publishing.mapping import EXTRAS, GROUPS
from ckanext.inventory.publishing.plan import (
    PREPARE,
    PROMOTE,
    WITHDRAW,
    Content,
    Inherited,
    Plan,
    Problems,
)
from ckanext.inventory.publishing.publication import (
    DEFAULT,
    DELETED,
    KEEP,
    Publication,
    upload_of,
)
from ckanext.inventory.types import Person, State

_SCHEMES = frozenset({"http", "https", "ftp"})
_MEGABYTE = 1 << 20
_MAX_INDEXED_BYTES = 32_766
"""What Solr takes as one term; core indexes additional fields so."""


def problems(
    session: Session,
    person: Person,
    record: Record,
    content: Content,
    inherited: Inherited,
    publication: Publication,
    *,
    act: str,
) -> Problems:
    """Say everything that stands against an act, all at once; nothing is written.

    :param session: the database session
    :param person: who acts
    :param record: the register row
    :param content: the approved content
    :param inherited: what the department's defaults supply
    :param publication: the inputs of the act
    :param act: ``prepare``, ``promote`` or ``withdraw``
    :returns: input or field → messages in plain words; empty if it can be done
    """
    if act == WITHDRAW:
        return withdraw_problems(session, record, publication)
    plan = Plan(session, person, record, content, inherited, publication)
    found = _mode_problems(plan, act)
    if found:
        return found
    if plan.mode == EXTERNAL:
        return _external_problems(plan)
    if plan.mode == LINKED:
        return linked_problems(plan)
    for more in (
        _license_problems(plan),
        _organization_problems(plan),
        _resource_problems(plan, act),
        _extra_problems(plan),
        _preparing_problems(plan),
        _value_problems(plan),
    ):
        _add(found, more)
    if "organization" not in found and "resources" not in found:
        _add(found, _schema_problems(plan, private=act == PREPARE, already=found))
    return found


def _add(found: Problems, more: Problems) -> None:
    for key, messages in more.items():
        found.setdefault(key, []).extend(messages)


def _mode_problems(plan: Plan, act: str) -> Problems:
    if act == PREPARE and plan.mode != CREATED:
        return {
            "mode": [tk._("Only a dataset that the inventory makes can be prepared. Promote it.")]
        }
    published = State(plan.record.state) is State.PUBLISHED
    if published and plan.link is not None and plan.mode != plan.link.mode:
        return {"mode": [tk._("It is on the portal in another way. Withdraw it first.")]}
    if not plan.is_ours:
        return {"mode": [tk._("Another kind of dataset stands in its place. Link to it instead.")]}
    return {}


def _external_problems(plan: Plan) -> Problems:
    url = plan.publication.url or (plan.link.url if plan.link is not None else None)
    if not url:
        return {"url": [tk._("Give the address where the data are published.")]}
    return {} if _is_address(url) else {"url": [tk._(_NO_ADDRESS)]}


_NAME = re.compile(r"[a-z0-9_-]{2,100}")
_NO_ADDRESS = "This isn't an address that can be opened: it has to begin with https://."


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(parts.hostname) and not set(url) & set(" \n\t")


def linked_problems(plan: Plan) -> Problems:
    """Say what stands against linking.

    :param plan: the plan of the act
    :returns: problems on ``dataset``; the same answer for hidden and for missing datasets (leak L39)
    """
    reference = plan.publication.dataset or linked_before(plan.link)
    if not reference:
        return {"dataset": [tk._("Choose the public dataset that this is.")]}
    if links.public_dataset(plan.session, name_in(reference)) is None:
        return {"dataset": [tk._("There is no public dataset with this name or address.")]}
    return {}


def linked_before(link: Link | None) -> str | None:
    """Return the dataset that an entry is linked to already.

    :param link: the link, or None
    :returns: its id, None if the entry isn't linked
    """
    return link.dataset_id if link is not None and link.mode == LINKED else None


def name_in(reference: str) -> str:
    """Take the name out of the address of a dataset's page.

    :param reference: id, name or address
    :returns: id or name
    """
    if "://" not in reference:
        return reference
    return urlsplit(reference).path.rstrip("/").rsplit("/", 1)[-1]


def _license_problems(plan: Plan) -> Problems:
    license_id = plan.license_id
    if not license_id:
        return {"license_id": [tk._("Choose the licence under which it goes out.")]}
    if license_id not in model.Package.get_license_register():
        return {"license_id": [tk._("The portal doesn't know this licence.")]}
    return {}


def _organization_problems(plan: Plan) -> Problems:
    chosen = plan.organization()
    if chosen is None:
        return {"organization": [tk._("There is no such organization on the portal.")]}
    allowed = {group.id for group in plan.allowed_organizations()}
    if plan.current:
        allowed.add(str(plan.current.get("owner_org")))
    if chosen.id not in allowed:
        return {"organization": [tk._("This organization isn't set up to publish for it.")]}
    return {}


def _resource_problems(plan: Plan, act: str) -> Problems:
    found: Problems = {}
    given = plan.publication.resources
    has_data = bool(given) or bool(plan.current.get("resources"))
    if act == PROMOTE and not has_data and not plan.publication.metadata_only:
        message = 'Add at least one link or file, or say expressly "metadata only".'
        found["resources"] = [tk._(message)]
    allowed = portal.resource_fields(plan.dataset_type)
    for position, each in enumerate(given, start=1):
        for message in _messages_for_resource(each, allowed):
            found.setdefault("resources", []).append(
                tk._("Link or file {position}: {message}").format(
                    position=position, message=message
                )
            )
    return found


def _messages_for_resource(each: Mapping[str, Any], allowed: Iterable[str]) -> list[str]:
    unknown = sorted(set(each) - set(allowed))
    messages = [tk._("{key} isn't known here.").format(key=key) for key in unknown]
    upload = upload_of(each)
    if upload is None:
        url = each.get("url")
        if not url:
            messages.append(tk._("Give an address, or choose a file."))
        elif not isinstance(url, str) or not _is_address(url):
            messages.append(tk._(_NO_ADDRESS))
    elif not uploads.possible():
        messages.append(tk._("This portal stores no files. Give an address instead."))
    else:
        most = int(uploader.get_max_resource_size())
        size = uploads.size_in_bytes(upload)
        if not size:
            messages.append(tk._("The file is empty. Choose another."))
        if size > most * _MEGABYTE:
            message = tk._(
                "The file is larger than {most} MB. Choose a smaller one, or give the address where it is."
            )
            messages.append(message.format(most=most))
    return messages


def _extra_problems(plan: Plan) -> Problems:
    found: Problems = {}
    choices = {ask.key: {value for value, _ in ask.choices} for ask in plan.map.asks}
    allowed = _allowed_extra(plan)
    for key, value in plan.publication.extra.items():
        if key not in allowed:
            found[key] = [tk._("This can't be set at promotion.")]
        elif choices.get(key) and str(value) not in choices[key]:
            found[key] = [tk._("That isn't one of the choices.")]
    for ask in plan.map.asks:
        answered = plan.publication.extra.get(ask.key) or plan.current.get(ask.key)
        if ask.required and not answered:
            found.setdefault(ask.key, []).append(
                tk._("{label}: this is needed on the portal.").format(label=tk._(ask.label))
            )
    return found


def _allowed_extra(plan: Plan) -> frozenset[str]:
    """Keys that an act may set: those to confirm, those asked, and fields nobody maps."""
    mapped = {rule.input_key for rule in plan.map.rules if not rule.confirm}
    open_fields = portal.target_fields(plan.dataset_type) - mapped
    confirmed = {rule.input_key for rule in plan.map.confirmed()}
    return frozenset(open_fields | confirmed | {ask.key for ask in plan.map.asks}) - mapping.KEPT


def _value_problems(plan: Plan) -> Problems:
    """Say what core would take and then lose: unknown groups, fields that can't be indexed."""
    found: Problems = {}
    for key, value in plan.built().items():
        if key == GROUPS:
            for name in value:
                group = model.Group.get(name)
                if group is None or group.is_organization or group.state != "active":
                    message = tk._('There is no group "{name}" on the portal.').format(name=name)
                    found.setdefault(_input_for(plan, key), []).append(message)
        elif key.startswith(EXTRAS) and len(str(value).encode()) > _MAX_INDEXED_BYTES:
            found[_input_for(plan, key)] = [tk._("This is too long for the portal.")]
    return found


def _preparing_problems(plan: Plan) -> Problems:
    found: Problems = {}
    if plan.publication.owner and plan.owner is None:
        found["owner"] = [tk._("There is no such account.")]
    if plan.publication.due and not _is_date(plan.publication.due):
        found["due"] = [tk._("Write a year, a month or a day: 2027, 2027-03, 2027-03-15.")]
    return found


def _is_date(text: str) -> bool:
    try:
        parse_partial_date(text)
    except ValueError:
        return False
    return True


def _schema_problems(plan: Plan, *, private: bool, already: Problems) -> Problems:
    dataset = plan.dataset(private=private)
    account = portal.user_name(plan.session, plan.person)
    found: Problems = {}
    for key, error in portal.dry_run(
        plan.session, account, dataset, plan.package if plan.current else None
    ).items():
        shown = _input_for(plan, key)
        if shown in already:
            continue
        if key == "name":
            found[shown] = [_name_refused(str(dataset.get("name", "")))]
            continue
        label = mapping.label_of(plan.map, plan.schema, key)
        found.setdefault(shown, []).extend(
            f"{label}: {message}" for message in _flat_messages(error)
        )
    return found


def _name_refused(name: str) -> str:
    if _NAME.fullmatch(name):
        message = tk._("The address “{name}” is taken. Choose another.")
    else:
        message = tk._(
            "“{name}” can't be part of an address. Write 2 to 100 small letters, digits, - and _."
        )
    return message.format(name=name)


def _input_for(plan: Plan, key: str) -> str:
    """Name the input or field in which an error of the target's schema can be put right."""
    if key == "owner_org":
        return "organization"
    rule = plan.map.rule(key)
    if rule is None or rule.confirm or rule.source is None:
        return key
    return rule.source


def _flat_messages(error: Any) -> list[str]:
    if isinstance(error, Mapping):
        parts: list[Any] = list(cast("Mapping[str, Any]", error).values())
    elif isinstance(error, (list, tuple)):
        parts = list(cast("Sequence[Any]", error))
    else:
        return [str(error)]
    return [message for part in parts for message in _flat_messages(part)]


def withdraw_problems(session: Session, record: Record, publication: Publication) -> Problems:
    """Say what stands against withdrawing.

    :param session: the database session
    :param record: the register row
    :param publication: the inputs of the act
    :returns: problems on ``on_withdraw``
    """
    link = links.link_of(session, record.package_id)
    if link is None:
        return {}
    if link.mode == CREATED and publication.on_withdraw == KEEP:
        message = "The inventory made this dataset, so it can't stay on the portal by itself."
        return {"on_withdraw": [tk._(message)]}
    hides = link.dataset_id is not None and state_after(link, publication) is not None
    if hides and links.others_published(session, str(link.dataset_id), record.package_id):
        return {
            "on_withdraw": [
                tk._(
                    "Another entry is on the portal with the same dataset, so it can't be hidden. "
                    "Withdraw that one first."
                )
            ]
        }
    return {}


def state_after(link: Link, publication: Publication) -> str | None:
    """Tell what becomes of the dataset.

    :param link: the link
    :param publication: the inputs of the act
    :returns: CKAN's state of the dataset after it was hidden, None if it stays on the portal
    """
    wanted = publication.on_withdraw
    if link.mode == EXTERNAL or (link.mode == LINKED and wanted in (DEFAULT, KEEP)):
        return None
    if wanted == DEFAULT:
        wanted = config.withdrawn_datasets()
    return "deleted" if wanted == DELETED else "active"
