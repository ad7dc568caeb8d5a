"""Administration: who holds which role, departments with codes and defaults, the self-check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms, helpers
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, organizations, page_of
from ckanext.inventory.views.edit import licenses

DEFAULTS = (
    "public_contact_name",
    "public_contact_email",
    "license_id",
    "steward",
    "steward_email",
)
_Act = Callable[[forms.Form], str]


@inventory.route("/admin")
def admin() -> str:
    """Show roles, departments, one of them to change, and what the self-check found last.

    :returns: the page
    """
    return _page(opened=flask.request.args.get("department", ""))


def _page(
    errors: forms.Problems | None = None, typed: forms.Form | None = None, opened: str = ""
) -> str:
    me = helpers.inventory_me() or {}
    if not me.get("cdo"):
        raise NotFound
    roles = action("inventory_role_list")
    departments = action("inventory_department_list")
    covered = {role["department"] for role in roles if role["role"] == "coordinator"}
    return tk.render(
        "inventory/admin.html",
        extra_vars={
            "roles": roles,
            "departments": departments,
            "uncovered": [item for item in departments if item["id"] not in covered],
            "organizations": organizations(),
            "checked": action("inventory_check_last"),
            "steps": {step["name"]: step for step in action("inventory_setup")},
            "editors": action("inventory_editors_to_coordinators", {"dry_run": True})["rows"],
            "licenses": licenses(),
            "errors": errors or forms.Problems(),
            "typed": typed or {},
            "opened": opened,
        },
    )


@inventory.route("/admin/<act>", methods=["POST"])
def admin_do(act: str) -> tuple[str, int] | Response:
    """Name somebody, end a role, or change a department.

    :param act: what to do
    :returns: a redirect to the page, or the page with what was refused
    """
    do = ACTS.get(act)
    if do is None:
        raise NotFound
    form = flask.request.form
    try:
        said = do(form)
    except tk.ValidationError as error:
        return _page(forms.problems(error), form, form.get("opened", act)), 400
    tk.h.flash_success(said)
    return page_of("admin")


def _role_add(form: forms.Form) -> str:
    data: dict[str, Any] = {
        name: form[name].strip()
        for name in ("user", "role", "department", "division", "until")
        if form.get(name, "").strip()
    }
    data["kinds"] = form.getlist("kinds")
    data["may_approve"] = form.get("may_approve") == "yes"
    action("inventory_role_add", data)
    return tk._("Named. They see the inventory from now on.")


def _role_remove(form: forms.Form) -> str:
    ended = action("inventory_role_remove", {"id": form.get("id", "")})
    freed = int(ended["unassigned"])
    if not freed:
        return tk._("The role is ended.")
    return tk.ungettext(
        "The role is ended. One entry has no assignee any more.",
        "The role is ended. {n} entries have no assignee any more.",
        freed,
    ).format(n=freed)


def _department(form: forms.Form) -> str:
    data: dict[str, Any] = {"id": form.get("id", "")}
    if form.get("code", "").strip():
        data["code"] = form["code"].strip().upper()
    data |= {name: form.get(name, "").strip() for name in DEFAULTS if name in form}
    action("inventory_department_update", data)
    return tk._("Saved. Entries without a value of their own take these.")


def _editors(form: forms.Form) -> str:
    done = action("inventory_editors_to_coordinators")
    count = int(done["count"])
    return tk.ungettext(
        "One person is a coordinator now.", "{n} people are coordinators now.", count
    ).format(n=count)


def _check(form: forms.Form) -> str:
    count = len(action("inventory_check_run"))
    if not count:
        return tk._("All is well: settings, database, search index and history.")
    return tk.ungettext(
        "The self-check finds one thing.", "The self-check finds {n} things.", count
    ).format(n=count)


def _mail_test(form: forms.Form) -> str:
    done = action("inventory_mail_test")
    if not done["sent"]:
        raise tk.ValidationError({"mail": [str(done["error"])]})
    return tk._("A mail is on its way to {email}.").format(email=done["email"])


def _merge(form: forms.Form) -> str:
    data = {"department": form.get("department", ""), "into": form.get("into", "")}
    count = int(action("inventory_merge", data)["moved"])
    return tk.ungettext(
        "Merged. One entry or source moved and keeps its number.",
        "Merged. {n} entries and sources moved and keep their numbers.",
        count,
    ).format(n=count)


ACTS: Mapping[str, _Act] = {
    "role-add": _role_add,
    "role-remove": _role_remove,
    "department": _department,
    "editors": _editors,
    "mail-test": _mail_test,
    "check": _check,
    "merge": _merge,
}
"""What the page can post, by the last part of the address."""
