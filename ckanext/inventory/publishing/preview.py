"""What goes out, shown before it does, and what the form of an act asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
from sqlalchemy.orm import Session

from ckanext.inventory.model import Record
from ckanext.inventory.model.link import CREATED, EXTERNAL
from ckanext.inventory.publishing import links, mapping, portal
from ckanext.inventory.publishing.checks import linked_before, name_in, problems
from ckanext.inventory.publishing.mapping import Ask
from ckanext.inventory.publishing.plan import PROMOTE, Content, Inherited, Plan
from ckanext.inventory.publishing.publication import Publication, upload_of
from ckanext.inventory.types import Person


def _asks(plan: Plan) -> list[dict[str, Any]]:
    mapped = [rule.input_key for rule in plan.map.rules]
    given = plan.publication.extra
    built = plan.built()
    questions = [
        _question(
            Ask(rule.input_key, mapping.label_of(plan.map, plan.schema, rule.key)),
            built.get(rule.key),
        )
        for rule in plan.map.confirmed()
    ]
    known = {ask.key for ask in plan.map.asks}
    besides = [ask for ask in portal.asks(plan.dataset_type, mapped) if ask.key not in known]
    questions += [
        _question(ask, given.get(ask.key, plan.current.get(ask.key)))
        for ask in [*plan.map.asks, *besides]
    ]
    return questions


def _question(ask: Ask, value: Any) -> dict[str, Any]:
    return {
        "key": ask.key,
        "label": tk._(ask.label),
        "help": tk._(ask.help) if ask.help else "",
        "required": ask.required,
        "choices": [{"value": value, "label": label} for value, label in ask.choices],
        "value": value,
    }


def preview(
    session: Session,
    person: Person,
    record: Record,
    content: Content,
    inherited: Inherited,
    publication: Publication,
) -> dict[str, Any]:
    """Show exactly what goes out, before it does.

    :param session: the database session
    :param person: who acts
    :param record: the register row
    :param content: the approved content
    :param inherited: what the department's defaults supply
    :param publication: the inputs as far as they were given
    :returns: mode, name, title, organization, organizations, license, fields (key, label, value
        and, where it changes, the value before), resources there already and new ones, asks,
        and the problems that stand against promoting
    """
    plan = Plan(session, person, record, content, inherited, publication)
    shown: dict[str, Any] = {
        "mode": plan.mode,
        "held": bool(plan.link is not None and plan.link.held),
        "problems": problems(session, person, record, content, inherited, publication, act=PROMOTE),
    }
    if plan.mode != CREATED:
        return shown | _preview_of_link(plan)
    built = plan.built()
    organization = plan.organization()
    title = str(built.get("title") or "")
    name = publication.name or plan.current.get("name") or portal.free_name(session, title)
    return shown | {
        "dataset_id": plan.dataset_id if plan.current else None,
        "name": name,
        "url": tk.url_for(f"{plan.dataset_type}.read", id=name, _external=True),
        "organization": _organization(organization),
        "organizations": [_organization(group) for group in plan.allowed_organizations()],
        "license": _license(plan.license_id),
        "fields": _fields(plan, built),
        "resources": [
            {key: each.get(key) for key in ("id", "name", "url", "format")}
            for each in plan.current.get("resources", ())
        ],
        "new_resources": [_resource(each) for each in plan.new_resources()],
        "asks": _asks(plan),
    }


def _preview_of_link(plan: Plan) -> dict[str, Any]:
    if plan.mode == EXTERNAL:
        url = plan.publication.url or (plan.link.url if plan.link is not None else None)
        return {"url": url, "fields": [], "asks": []}
    reference = plan.publication.dataset or linked_before(plan.link)
    package = links.public_dataset(plan.session, name_in(reference)) if reference else None
    if package is None:
        return {"dataset_id": None, "name": None, "title": None, "fields": [], "asks": []}
    return {
        "dataset_id": package.id,
        "name": package.name,
        "title": package.title,
        "url": tk.url_for(f"{package.type}.read", id=package.name, _external=True),
        "fields": [],
        "asks": [],
    }


def _organization(group: model.Group | None) -> dict[str, Any] | None:
    return None if group is None else {"id": group.id, "name": group.name, "title": group.title}


def _license(license_id: str | None) -> dict[str, str] | None:
    if license_id is None:
        return None
    found = model.Package.get_license_register().get(license_id)
    return {"id": license_id, "title": str(found.title) if found is not None else license_id}


def _fields(plan: Plan, built: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    before = plan.before
    for key in [*built, *(key for key in before if key not in built)]:
        row = {
            "key": key,
            "label": tk._(mapping.label_of(plan.map, plan.schema, key)),
            "value": _words(built.get(key)),
        }
        if plan.current and built.get(key) != before.get(key):
            row["before"] = _words(before.get(key))
        rows.append(row)
    return rows


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(each) for each in cast("list[Any]", value))
    return "" if value is None else str(value)


def _resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    upload = upload_of(resource)
    return {
        "name": resource.get("name"),
        "format": resource.get("format"),
        "url": upload.filename if upload is not None else resource.get("url"),
        "is_file": upload is not None,
    }
