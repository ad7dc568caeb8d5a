"""Who looks at a page, and what of the inventory is theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import ckan.plugins.toolkit as tk
from flask import g, has_request_context


def inventory_me() -> dict[str, Any] | None:
    """Return who is looking at the page, as ``inventory_me`` tells it.

    :returns: the action's answer, None for people who have nothing to do with the inventory
    """
    if not has_request_context():
        return None
    if not hasattr(g, "_inventory_me"):
        me: dict[str, Any] | None = None
        if not tk.current_user.is_anonymous:
            try:
                me = tk.get_action("inventory_me")({}, {})
            except (tk.NotAuthorized, tk.ObjectNotFound):
                me = None
        g._inventory_me = me
    return cast("dict[str, Any] | None", g._inventory_me)


def inventory_may_enter() -> bool:
    """Tell whether the page's reader may open the inventory; cheap, as every page asks it.

    :returns: the answer, as the navigation needs it
    """
    if not has_request_context() or tk.current_user.is_anonymous:
        return False
    if hasattr(g, "_inventory_me"):
        return g._inventory_me is not None
    return bool(tk.h.check_access("inventory_me"))


def inventory_role_labels() -> dict[str, str]:
    """Return the words for roles.

    :returns: role → label
    """
    return {
        "coordinator": tk._("Coordinator"),
        "cdo": tk._("Chief data officer"),
        "reviewer": tk._("Reviewer"),
        "viewer": tk._("Viewer"),
    }


def inventory_unread() -> int:
    """Return how much the page's reader was told and didn't read.

    :returns: the number, 100 at most
    """
    if inventory_me() is None:
        return 0
    return int(tk.get_action("inventory_notice_list")({}, {"limit": 0})["unread"])


def inventory_waits_words(waiting: Mapping[str, int]) -> list[str]:
    """Return what waits for somebody, in words.

    :param waiting: view → number of entries
    :returns: a line for each
    """
    n = {name: waiting.get(name, 0) for name in ("queue", "returned", "detailing", "ready")}
    words = {
        "queue": tk.ungettext(
            "One entry waits for a decision.", "{n} entries wait for a decision.", n["queue"]
        ),
        "returned": tk.ungettext(
            "One entry came back to you.", "{n} entries came back to you.", n["returned"]
        ),
        "detailing": tk.ungettext(
            "One submitted entry has open questions.",
            "{n} submitted entries have open questions.",
            n["detailing"],
        ),
        "ready": tk.ungettext(
            "One draft is ready to be submitted.",
            "{n} drafts are ready to be submitted.",
            n["ready"],
        ),
    }
    return [text.format(n=n[name]) for name, text in words.items() if n[name]]


def inventory_who(me: Mapping[str, Any]) -> str:
    """Return in which role somebody looks at the pages.

    :param me: the answer of ``inventory_me``
    :returns: "Coordinator · Parks and Recreation"
    """
    everywhere = tk._("all departments")
    if me["sysadmin"]:
        return tk._("Administrator") + f" · {everywhere}"
    labels = {
        "cdo": tk._("Chief data officer"),
        "reviewer": tk._("Reviewer"),
        "viewer": tk._("Viewer"),
        "coordinator": tk._("Coordinator"),
    }
    held = {role["role"] for role in me["roles"]}
    first = next((name for name in labels if name in held), None)
    if first is None:
        return tk._("Entries assigned to you")
    if first != "coordinator":
        return f"{labels[first]} · {everywhere}"
    titles = [item["title"] for item in me["departments"]]
    place = ", ".join(titles) if len(titles) < 3 else tk._("{n} departments").format(n=len(titles))
    return f"{labels[first]} · {place}"
