"""How a stored value reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.lib.helpers import render_markdown
from markupsafe import Markup

from ckanext.inventory import config
from ckanext.inventory.fields import FieldSpec
from ckanext.inventory.helpers.dates import inventory_day
from ckanext.inventory.helpers.lists import choice_label


def inventory_shown(spec: FieldSpec, value: Any) -> str:
    """Return a stored value in words, on one line where it can be.

    :param spec: the field
    :param value: what is stored
    :returns: text without markup; empty for nothing
    """
    if value in (None, "", [], {}):
        return ""
    if spec.kind == "rows":
        rows = cast("Iterable[Mapping[str, Any]]", value)
        return "; ".join(_row(spec, row) for row in rows)
    if isinstance(value, list | tuple):
        items = [str(item) for item in cast("Iterable[Any]", value)]
        return ", ".join(choice_label(spec, item) if spec.choices else item for item in items)
    if spec.choices:
        return choice_label(spec, str(value))
    if spec.kind in ("date", "partial_date"):
        return inventory_day(str(value))
    if spec.kind == "license":
        return inventory_license(str(value))
    return str(value)


def inventory_limits() -> dict[str, int]:
    """Return what may be typed and uploaded at most.

    :returns: ``text`` in characters, ``upload_mb`` and ``import_mb`` in megabytes
    """
    return {
        "text": FieldSpec.max_length,
        "upload_mb": int(config.core("ckan.max_resource_size")),
        "import_mb": config.import_max_bytes() // 1_000_000,
    }


def inventory_license(license_id: str) -> str:
    """Return the name of a licence.

    :param license_id: its id
    :returns: its title; the id where the site doesn't know it
    """
    titles = {found["id"]: found["title"] for found in tk.get_action("license_list")({}, {})}
    return str(titles.get(license_id, license_id))


def _row(spec: FieldSpec, row: Mapping[str, Any]) -> str:
    parts = [
        inventory_shown(subfield, row.get(subfield.name))
        for subfield in spec.subfields
        if row.get(subfield.name)
    ]
    return ", ".join(part for part in parts if part)


def inventory_prose(text: str | None) -> Markup:
    """Render a description as Markdown, cleaned.

    :param text: Markdown
    :returns: safe HTML
    """
    return Markup(render_markdown(text or ""))
