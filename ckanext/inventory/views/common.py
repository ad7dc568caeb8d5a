"""What several pages share: calling actions, and reading addresses."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import config, helpers
from ckanext.inventory.types import ENTRY

LAST_PAGE = 1_000_000
"""Beyond it an offset would not fit what PostgreSQL counts with."""


def action(name: str, data: Mapping[str, Any] | None = None) -> Any:
    """Call an action as the person who looks at the page.

    :param name: the action
    :param data: its input
    :returns: what it answers
    :raises tk.NotAuthorized, tk.ObjectNotFound, tk.ValidationError: as the action does
    """
    return tk.get_action(name)({}, dict(data or {}))


def show(package_type: str, number: str) -> dict[str, Any]:
    """Read a record for its page.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param number: its number
    :returns: what the show action answers
    :raises NotFound: if it was deleted
    :raises tk.ObjectNotFound: if there is none, or none for this person
    """
    name = "inventory_entry_show" if package_type == ENTRY else "inventory_source_show"
    shown: dict[str, Any] = action(name, {"id": number})
    if shown["record"]["package_state"] == "deleted":
        raise NotFound
    return shown


def organizations() -> list[dict[str, Any]]:
    """Return every organization that may take part, asked once per page.

    :returns: dicts with ``id``, ``name`` and ``title``, by title
    """
    if not hasattr(flask.g, "_inventory_organizations"):
        flask.g._inventory_organizations = action("inventory_organization_list")
    return list(flask.g._inventory_organizations)


def page_size() -> int:
    """Say how many rows a page of a list shows.

    :returns: rows, as in CKAN's own lists
    """
    return config.page_size()


def page_number() -> int:
    """Read the page of a list from the address.

    :returns: 1 or more; 1 for anything that is no number
    """
    text = flask.request.args.get("page", "1")
    return min(max(int(text), 1), LAST_PAGE) if re.fullmatch(r"[0-9]{1,9}", text) else 1


def page_of(endpoint: str, **values: Any) -> Response:
    """Send the browser to another page of ours, after something was done.

    :param endpoint: name of the view, without the blueprint
    :param values: parts of the address
    :returns: a redirect that is read with GET
    """
    return flask.redirect(tk.url_for(f"inventory.{endpoint}", **values), code=303)


def file_response(found: Mapping[str, Any]) -> Response:
    """Give out a file that an action answered.

    :param found: ``content`` as base64, ``mimetype`` and ``filename``
    :returns: a download that no browser takes for a page
    """
    response = Response(base64.b64decode(found["content"]), mimetype=found["mimetype"])
    response.headers.set("Content-Disposition", "attachment", filename=found["filename"])
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def people_to_assign(department: str | None = None) -> list[dict[str, str]]:
    """Return the people that entries can be assigned to.

    A CDO chooses among everybody with a role, a coordinator among the department's members.

    :param department: organization id; None for a list over several departments
    :returns: dicts with ``id`` and ``name``, by name
    """
    me = helpers.inventory_me() or {}
    people: dict[str, str] = {me["user_id"]: me["name"]} if me.get("user_id") else {}
    if me.get("cdo"):
        people |= {role["user_id"]: role["user_name"] for role in action("inventory_role_list")}
    own = [item["id"] for item in me.get("departments", [])]
    for organization in [department] if department else own if len(own) == 1 else []:
        shown = action(
            "organization_show",
            {
                "id": organization,
                "include_users": True,
                "include_datasets": False,
                # both count datasets by search, which may be away
                "include_dataset_count": False,
                "include_groups": False,
            },
        )
        people |= {
            user["id"]: user.get("fullname") or user["name"] for user in shown.get("users", [])
        }
    return [
        {"id": user_id, "name": name}
        for user_id, name in sorted(people.items(), key=lambda item: item[1].lower())
    ]
