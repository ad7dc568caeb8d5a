"""One act on many entries: first what would happen, then the act."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.wrappers import Response

from ckanext.inventory import forms
from ckanext.inventory.views.common import action

TRANSITIONS = ("submit", "confirm", "approve", "return", "defer", "recall")
INPUTS = ("comment", "look_again")


@dataclass
class BulkForm:
    """What was asked of the selected entries.

    :param act: a transition, or ``assign``
    :param numbers: the selected entries
    :param revisions: number → the revision that was on the screen
    :param inputs: comment and the like, the same for all
    :param back: the list to return to: ``entries`` or ``review``
    :param query: the list's filters
    :param confirmed: it was previewed; do it
    """

    act: str
    numbers: list[str]
    revisions: dict[str, int]
    inputs: dict[str, str]
    back: str
    query: str = ""
    confirmed: bool = False
    assignee: str = ""
    errors: forms.Problems = field(default_factory=forms.Problems)

    @classmethod
    def of(cls, form: forms.Form, back: str) -> BulkForm:
        """Read the form that a list posts.

        :param form: what the browser sent
        :param back: the list it came from
        :returns: the order
        """
        numbers = list(dict.fromkeys(form.getlist("id")))
        revisions = {
            number: int(form[f"revision-{number}"])
            for number in numbers
            if form.get(f"revision-{number}", "").isdigit()
        }
        return cls(
            act=form.get("act", ""),
            numbers=numbers,
            revisions=revisions,
            inputs={name: form[name].strip() for name in INPUTS if form.get(name, "").strip()},
            back=back,
            query=form.get("query", ""),
            confirmed=form.get("confirmed") == "1",
            assignee=form.get("assignee", ""),
        )


def run(order: BulkForm) -> str | Response:
    """Preview an act on many entries, or carry it out.

    :param order: what was asked
    :returns: the preview, or a redirect to the list
    """
    if not order.numbers:
        tk.h.flash_notice(tk._("Select an entry first."))
        return _back(order)
    if order.act == "assign":
        return _assign(order)
    if order.act not in TRANSITIONS:
        tk.h.flash_notice(tk._("Choose what to do with the selected entries."))
        return _back(order)
    if order.confirmed:
        try:
            return _carry_out(order)
        except tk.ValidationError as error:
            order.errors = forms.problems(error)
    return _preview(order)


def _back(order: BulkForm) -> Response:
    url = tk.url_for(f"inventory.{order.back}")
    return flask.redirect(f"{url}?{order.query}" if order.query else url, code=303)


def _assign(order: BulkForm) -> str | Response:
    try:
        done = action("inventory_assign", {"ids": order.numbers, "user": order.assignee or None})
    except tk.ValidationError as error:
        for _label, _anchor, text in forms.problems(error).summary:
            tk.h.flash_error(text)
    else:
        count = len(done)
        tk.h.flash_success(
            tk.ungettext("Assigned one entry.", "Assigned {n} entries.", count).format(n=count)
        )
    return _back(order)


def _preview(order: BulkForm) -> str:
    """Show what the action foresees, without doing it."""
    result = action("inventory_transition_bulk", {**_data(order), "dry_run": True})
    return tk.render(
        "inventory/bulk.html", extra_vars={"order": order, "result": result, "errors": order.errors}
    )


def _data(order: BulkForm) -> dict[str, Any]:
    return {
        "ids": order.numbers,
        "transition": order.act,
        "revisions": order.revisions,
        "mode": "possible",
        **order.inputs,
    }


def _carry_out(order: BulkForm) -> Response:
    result = action("inventory_transition_bulk", _data(order))
    done, refused = len(result["done"]), len(result["refused"])
    if not done:
        reasons: dict[str, list[str]] = {}
        for item in result["refused"]:
            for reason in item["reasons"]:
                known = reasons.setdefault(reason["field"], [])
                known += [] if reason["message"] in known else [reason["message"]]
        raise tk.ValidationError(dict(reasons))
    words = {
        "submit": tk.ungettext("Submitted one entry.", "Submitted {n} entries.", done),
        "confirm": tk.ungettext("Confirmed one entry.", "Confirmed {n} entries.", done),
        "approve": tk.ungettext("Approved one entry.", "Approved {n} entries.", done),
        "return": tk.ungettext("Returned one entry.", "Returned {n} entries.", done),
        "defer": tk.ungettext("Deferred one entry.", "Deferred {n} entries.", done),
        "recall": tk.ungettext("Recalled one entry.", "Recalled {n} entries.", done),
    }
    if done:
        tk.h.flash_success(words[order.act].format(n=done))
    if refused:
        tk.h.flash_notice(
            tk.ungettext(
                "One entry was left as it was.", "{n} entries were left as they were.", refused
            ).format(n=refused)
        )
    return _back(order)
