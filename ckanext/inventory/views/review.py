"""The review queue: read one entry, decide, and the next one opens; or decide many at once."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms
from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.types import ENTRY, Writer
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.bulk import BulkForm, run
from ckanext.inventory.views.common import action, page_number, show
from ckanext.inventory.views.entries import in_order
from ckanext.inventory.views.entry import said_after, transition_inputs

QUEUE_SIZE = 50
FILTERS = ("department", "value", "likelihood", "blocker", "wanted", "attention")
DECISIONS = ("approve", "return", "defer", "withhold")


def queue_params() -> dict[str, Any]:
    """Read the queue's filters from the address or from the form that was posted.

    :returns: only what was given
    """
    return {name: flask.request.values[name] for name in FILTERS if flask.request.values.get(name)}


@inventory.route("/review")
def review() -> str:
    """Show the queue, with the entry that is looked at.

    :returns: the page
    """
    return _page(flask.request.args.get("entry", ""))


def _page(
    number: str,
    *,
    errors: forms.Problems | None = None,
    typed: forms.Form | None = None,
) -> str:
    params = queue_params()
    page = page_number()
    queue = action(
        "inventory_review_queue",
        {**params, "limit": QUEUE_SIZE, "offset": (page - 1) * QUEUE_SIZE},
    )
    queue["facets"] = in_order(queue["facets"])
    numbers = [row["number"] for row in queue["results"]]
    current = number or (numbers[0] if numbers else "")
    shown = show(ENTRY, current) if current else None
    history: list[dict[str, Any]] = action("inventory_history", {"id": current}) if current else []
    position = numbers.index(current) if current in numbers else -1
    return tk.render(
        "inventory/review.html",
        extra_vars={
            "params": params,
            "page": page,
            "size": QUEUE_SIZE,
            "queue": queue,
            "entry": shown,
            "position": position,
            "next": numbers[position + 1] if 0 <= position < len(numbers) - 1 else "",
            "previous": numbers[position - 1] if position > 0 else "",
            "badges": {"review": queue["count"]} if not params else {},
            "since": _changed_since_seen(shown, history),
            "said": _said(history),
            "waivers": _waivers(history),
            "asked": _asked_of_reviewer(shown) if shown else [],
            "sections": _described(shown) if shown else [],
            "undo": _just_decided(),
            "errors": errors or forms.Problems(),
            "typed": typed or {},
        },
    )


def _just_decided() -> str:
    """Return the entry that was decided on a moment ago, if that can be taken back."""
    number = flask.request.args.get("done", "")
    try:
        return number if number and show(ENTRY, number)["undo"] else ""
    except (tk.ObjectNotFound, tk.NotAuthorized, NotFound):
        return ""


def _described(shown: dict[str, Any]) -> list[forms.Section]:
    schema = schema_for(ENTRY)
    filled = [
        spec
        for spec in schema.fields.values()
        if spec.kind not in ("rows", "organization")
        and spec.name != "title"
        and shown["content"].get(spec.name) not in (None, "", [])
    ]
    return forms.sections(schema, filled)


def _asked_of_reviewer(shown: dict[str, Any]) -> list[FieldSpec]:
    """Return the fields that stand against an approval and that a reviewer may fill in the act."""
    fields = schema_for(ENTRY).fields
    missing = dict.fromkeys(gap["field"] for gap in shown["missing"].get("approve", []))
    return [
        fields[name]
        for name in missing
        if name in fields
        and Writer.REVIEWER in fields[name].writers
        and fields[name].kind != "rows"
    ]


def _changed_since_seen(
    shown: dict[str, Any] | None, history: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return what differs from the text that was last decided on: approved or returned."""
    if shown is None:
        return []
    if shown["changes"]:
        return list(shown["changes"])
    returned = next((event for event in history if event["act"] == "return"), None)
    if returned is None or not 0 < int(returned["revision"] or 0) < int(shown["revision"]):
        return []
    pair = {"id": shown["id"], "old": returned["revision"], "new": shown["revision"]}
    return list(action("inventory_diff", pair))


def _said(history: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what the department said with the submission, or in a comment since."""
    for event in history:
        if event["act"] in ("submit", "comment") and event["details"].get("comment"):
            return {
                "text": event["details"]["comment"],
                "by": event["user_name"],
                "at": event["at"],
            }
        if event["act"] == "submit":
            return None
    return None


def _waivers(history: list[dict[str, Any]]) -> dict[str, str]:
    """Return why the department asks to waive a blocker, by its kind; the latest request counts."""
    asked: dict[str, str] = {}
    for event in history:
        if event["act"] == "waiver_request":
            kind, _separator, reason = str(event["details"].get("comment", "")).partition(": ")
            asked.setdefault(kind, reason)
    return asked


@inventory.route("/review/decide", methods=["POST"])
def review_decide() -> tuple[str, int] | Response:
    """Carry out a decision on one entry and open the next.

    :returns: a redirect to the next entry of the queue, or the page with what was refused
    """
    form = flask.request.form
    number = form.get("number", "")
    name = form.get("decision", "")
    if name not in DECISIONS:
        none = forms.one_problem("decision", tk._("Choose a decision first."))
        return _page(number, errors=none, typed=form), 400
    try:
        data = {"id": number, "transition": name, **transition_inputs(form)}
        comment = form.get(f"{name}-comment", "").strip()
        data |= {"comment": comment} if comment else {}
        if name == "approve":
            data |= approval_inputs(form)
        action("inventory_transition", data)
    except tk.ValidationError as error:
        found = forms.problems(error, schema_for(ENTRY))
        return _page(number, errors=found, typed=form), 400
    tk.h.flash_success(f"{number}: {said_after(name)}")
    return _to_queue(form.get("next", ""), done=number)


def approval_inputs(form: forms.Form) -> dict[str, Any]:
    """Read what an approval settles in the same act.

    :param form: what the browser sent
    :returns: waived blockers by kind, the confirmed class, reviewer's fields
    """
    waive = {
        name.removeprefix("waive-"): text.strip()
        for name, text in form.items()
        if name.startswith("waive-") and text.strip()
    }
    fields = schema_for(ENTRY).fields
    asked = [fields[name] for name in form.getlist("asked") if name in fields]
    given = {name: value for name, value in forms.read(asked, form).items() if value}
    data: dict[str, Any] = {}
    if waive:
        data["waive"] = waive
    if given:
        data["fields"] = given
    if form.get("classification"):
        data["classification"] = form["classification"]
    return data


def _to_queue(number: str, done: str) -> Response:
    params = queue_params() | {"done": done}
    if number:
        params["entry"] = number
    return flask.redirect(tk.url_for("inventory.review", **params), code=303)


@inventory.route("/review/bulk", methods=["POST"])
def review_bulk() -> str | Response:
    """Show what a decision on the selected entries would do, or carry it out.

    :returns: the preview, or a redirect to the queue
    """
    return run(BulkForm.of(flask.request.form, back="review"))
