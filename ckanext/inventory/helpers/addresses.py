"""Addresses, and what a page makes once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import ckan.plugins.toolkit as tk
from flask import g
from jinja2.runtime import Macro
from markupsafe import Markup

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


def inventory_url(path: str, params: Mapping[str, Any], **changes: Any) -> str:
    """Return an address with the present filters, changed in some.

    :param path: the page's address
    :param params: the filters in force
    :param changes: filter → value; None or empty drops it; any change but of ``page`` goes back
        to the first page
    :returns: the address
    """
    merged = {**params, **changes}
    if "page" not in changes:
        merged.pop("page", None)
    query = [(key, value) for key, value in merged.items() if value not in (None, "", [])]
    if not query:
        return path
    return f"{path}?{'&'.join(_parameter(key, value) for key, value in query)}"


def _parameter(key: str, value: Any) -> str:
    # a page of figures has hundreds of addresses of plain words
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return f"{key}={value}"
    return urlencode({key: value}, doseq=True)


def inventory_entry_url(number: str) -> str:
    """Return the page of an entry; lists have many, and CKAN takes its time for each address.

    :param number: the entry's number
    :returns: the address
    """
    if not hasattr(g, "_inventory_entry_url"):
        g._inventory_entry_url = tk.url_for("inventory.entry", number="-").removesuffix("-")
    return f"{g._inventory_entry_url}{quote(number)}"


def inventory_once(macro: Macro, *values: Any) -> Markup:
    """Return what a macro makes of its arguments; lists show the same marks over and over.

    :param macro: a macro whose answer depends on nothing else
    :param values: its arguments
    :returns: the markup, made once for each page
    """
    kept: dict[tuple[Any, ...], Markup] = g.setdefault("_inventory_marks", {})
    key = (macro.name, *values)
    if key not in kept:
        kept[key] = Markup(macro(*values))
    return kept[key]
