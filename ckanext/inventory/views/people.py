"""Who is responsible for what, naming people, and handing over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import flask
from flask import Response as FlaskResponse
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms, helpers
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, organizations, page_of
from ckanext.inventory.views.tables import csv_file

VIEWS = ("departments", "sources", "people")
_INVITE_FIELDS = ("emails", "role", "department", "division", "until")


@inventory.route("/people")
def people() -> str:
    """Show who is responsible, departments and sources with nobody first.

    :returns: the page
    """
    args = flask.request.args
    text = args.get("q", "").strip()
    view = args.get("view") if args.get("view") in VIEWS else VIEWS[0]
    found = action("inventory_people", {"q": text})
    only_missing = args.get("missing") == "1" and view != "people"
    rows = [row for row in found[view] if not only_missing or row["missing"]]
    params = {"view": view, "q": text, "missing": "1" if only_missing else ""}
    return tk.render(
        "inventory/people.html",
        extra_vars={
            "found": found,
            "rows": rows,
            "view": view,
            "params": {name: value for name, value in params.items() if value},
            "only_missing": only_missing,
        },
    )


@inventory.route("/people.csv")
def people_csv() -> FlaskResponse:
    """Download who is responsible, a line for each duty.

    :returns: a CSV file whose cells can't be read as formulas
    """
    header = [
        tk._("Department"),
        tk._("Code"),
        tk._("What"),
        tk._("Who"),
        tk._("E-mail"),
        tk._("Number"),
        tk._("Source"),
        tk._("Division"),
        tk._("Until"),
    ]
    return csv_file("inventory-people.csv", header, _lines(action("inventory_people")))


def _lines(found: dict[str, Any]) -> Iterator[list[str]]:
    roles = helpers.inventory_role_labels()
    for row in found["citywide"]:
        yield ["", "", roles[row["role"]], *_who(row), "", "", *_when(row)]
    for item in found["departments"]:
        start = [item["title"], item["code"] or ""]
        for row in item["coordinators"]:
            yield [*start, roles["coordinator"], *_who(row), "", "", *_when(row)]
        if not item["coordinators"]:
            yield [*start, roles["coordinator"], tk._("Nobody"), "", "", "", "", ""]
        for row in item["stewards"]:
            yield [*start, tk._("Data steward"), *_who(row), "", "", "", ""]
    codes = {item["id"]: item["code"] or "" for item in found["departments"]}
    for source in found["sources"]:
        start = [source["department_title"], codes.get(source["department_id"], "")]
        for kind, label in (
            ("custodian", tk._("Data custodian")),
            ("expert", tk._("Business contact")),
        ):
            person = source[kind] or {"name": tk._("Nobody"), "email": ""}
            yield [*start, label, *_who(person), source["number"], source["title"], "", ""]


def _who(row: dict[str, Any]) -> list[str]:
    return [row["name"], row["email"]]


def _when(row: dict[str, Any]) -> list[str]:
    return [row["division"] or "", row["until"] or ""]


def _only_cdos() -> None:
    me = helpers.inventory_me() or {}
    if not me.get("cdo"):
        raise NotFound


@inventory.route("/people/name", methods=["GET", "POST"])
def people_name() -> str | tuple[str, int] | Response:
    """Name people by pasted addresses: paste, look, do it.

    :returns: the form, what it would be, or a redirect
    """
    _only_cdos()
    form = flask.request.form if flask.request.method == "POST" else flask.request.args
    shown: dict[str, Any] | None = None
    errors = forms.Problems()
    if flask.request.method == "POST":
        data: dict[str, Any] = {
            name: form[name].strip() for name in _INVITE_FIELDS if form.get(name, "").strip()
        }
        data["kinds"] = form.getlist("kinds")
        data["may_approve"] = form.get("may_approve") == "yes"
        saving = form.get("save") == "1"
        try:
            answer: dict[str, Any] = action(
                "inventory_role_invite", {**data, "dry_run": not saving}
            )
        except tk.ValidationError as error:
            errors = forms.problems(error)
        else:
            if saving:
                tk.h.flash_success(_said(answer))
                return page_of("people_name")
            shown = answer
    body = tk.render(
        "inventory/people_name.html",
        extra_vars={
            "typed": form,
            "shown": shown,
            "errors": errors,
            "organizations": organizations(),
            "invitations": action("inventory_invitation_list"),
        },
    )
    return (body, 400) if errors else body


def _said(done: dict[str, Any]) -> str:
    named, invited = int(done["named"]), int(done["invited"])
    parts: list[str] = []
    if named:
        parts.append(
            tk.ungettext("One person has the role.", "{n} people have the role.", named).format(
                n=named
            )
        )
    if invited:
        parts.append(
            tk.ungettext(
                "One invitation is on its way.", "{n} invitations are on their way.", invited
            ).format(n=invited)
        )
    return " ".join(parts) or tk._("Everybody had this role already.")


@inventory.route("/people/invitations/<act>", methods=["POST"])
def people_invitation(act: str) -> Response:
    """Send an invitation again, or take it back.

    :param act: ``resend`` or ``withdraw``
    :returns: a redirect to the list
    """
    if act not in ("resend", "withdraw"):
        raise NotFound
    try:
        done = action(f"inventory_invitation_{act}", {"id": flask.request.form.get("id", "")})
    except tk.ValidationError as error:
        tk.h.flash_error("; ".join(text for _l, _a, text in forms.problems(error).summary))
    else:
        said = {
            "resend": tk._("A new link is on its way to {email}."),
            "withdraw": tk._("The invitation of {email} is withdrawn."),
        }
        tk.h.flash_success(said[act].format(email=done["email"]))
    return page_of("people_name", _anchor="invitations")


@inventory.route("/people/hand-over", methods=["GET", "POST"])
def people_hand_over() -> str | tuple[str, int] | Response:
    """Hand everything over from one person to another: choose, look, do it.

    :returns: the form, what it would be, or a redirect
    """
    _only_cdos()
    form = flask.request.form if flask.request.method == "POST" else flask.request.args
    shown: dict[str, Any] | None = None
    errors = forms.Problems()
    if flask.request.method == "POST":
        data: dict[str, Any] = {
            name: form[name].strip()
            for name in ("from", "to", "department")
            if form.get(name, "").strip()
        }
        data["roles"] = form.get("roles") == "yes"
        saving = form.get("save") == "1"
        try:
            answer: dict[str, Any] = action("inventory_hand_over", {**data, "dry_run": not saving})
        except tk.ValidationError as error:
            errors = forms.problems(error)
        else:
            if saving:
                tk.h.flash_success(
                    tk._("Everything of {old} is with {new} now.").format(
                        old=answer["from_name"], new=answer["to_name"]
                    )
                )
                return page_of("people")
            shown = answer
    body = tk.render(
        "inventory/people_hand_over.html",
        extra_vars={
            "typed": form,
            "shown": shown,
            "errors": errors,
            "organizations": organizations(),
            "people": _accounts(),
        },
    )
    return (body, 400) if errors else body


def _accounts() -> list[tuple[str, str]]:
    """Everybody with a role, to choose from; any other account can be typed."""
    roles = action("inventory_role_list")
    names = {role["user_id"]: role["user_name"] or role["user_id"] for role in roles}
    return sorted(names.items(), key=lambda item: item[1].lower())
