"""The first page: what needs this person now, and what came back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, page_of


@dataclass
class Task:
    """One piece of work of about five minutes.

    :param kind: what it is about; chooses its mark
    :param title: what to do
    :param button: the words on its button
    :param url: where it is done
    :param minutes: about how long it takes
    :param what: a sentence on why or how
    :param entries: (title, address) of the first few
    :param quote: what somebody asked, if it is an answer to that
    """

    kind: str
    title: str
    button: str
    url: str
    minutes: int
    what: str = ""
    entries: list[tuple[str, str]] = field(default_factory=list["tuple[str, str]"])
    quote: dict[str, str] | None = None


_Make = Callable[[int, list[dict[str, Any]]], Task]


@inventory.route("/")
def home() -> str:
    """Show the next few tasks, the departments' figures and the last decisions.

    :returns: the page
    """
    shown = action("inventory_home")
    shown["entries"]["ready"], shown["ready"] = _ready_drafts(shown)
    transfers: list[dict[str, Any]] = action("inventory_transfer_list")
    tasks = tasks_of(shown)
    me = shown["me"]
    mine = 0 if me["cdo"] else len(transfers)
    overview: dict[str, Any] = {"departments": []}
    if me["may"]["overview"]:
        overview = action("inventory_overview")
    own = {department["id"] for department in me["departments"] if not me["decides"]}
    return tk.render(
        "inventory/home.html",
        extra_vars={
            "home": shown,
            "tasks": tasks,
            "transfers": transfers,
            "needing": len(tasks) + mine,
            "minutes": sum(task.minutes for task in tasks) + mine,
            "badges": {"home": len(tasks) + mine},
            "elsewhere": shown["entries"]["queue"] if not me["decides"] else 0,
            "overview": overview,
            "departments": [row for row in overview["departments"] if row["id"] in own][:4],
        },
    )


@inventory.route("/transfers/<number>/<act>", methods=["POST"])
def transfer_answer(number: str, act: str) -> Response:
    """Answer a request to take over an entry or a source.

    :param number: its number
    :param act: ``accept`` or ``decline``
    :returns: a redirect to what moved, or to the first page
    """
    if act not in ("accept", "decline"):
        raise NotFound
    comment = flask.request.form.get("comment", "").strip()
    data = {"id": number} | ({"comment": comment} if comment and act == "decline" else {})
    try:
        action(f"inventory_transfer_{act}", data)
    except (tk.NotAuthorized, tk.ValidationError):  # a second click, or the other side was faster
        tk.h.flash_notice(tk._("Somebody has answered this request already."))
        return page_of("home")
    if act == "decline":
        tk.h.flash_success(tk._("Declined. It stays where it is."))
        return page_of("home")
    tk.h.flash_success(tk._("It is yours now. It keeps its number and its history."))
    kind = "source" if re.search(r"-S\d+$", number) else "entry"
    return page_of(kind, number=number)


def _ready_drafts(shown: Mapping[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """Return the drafts that have all they need; returned entries have a task of their own."""
    if not shown["entries"].get("ready"):
        return 0, []
    query = {"attention": "ready", "state": "draft", "limit": 5, "facets": False}
    found = action("inventory_entry_list", query)
    return found["count"], found["results"]


def tasks_of(shown: Mapping[str, Any]) -> list[Task]:
    """Turn what waits for somebody into tasks, the most useful first.

    :param shown: the answer of ``inventory_home``
    :returns: the tasks; empty if nothing waits
    """
    me, counts = shown["me"], shown["entries"]
    makers: list[tuple[str, _Make]] = []
    if me["decides"]:
        makers += [("queue", _decide)]
        makers += [("promotable", _promote)] if me["cdo"] else []
    if me["may"]["add"] and not me["decides"]:
        makers += [
            ("returned", _answer),
            ("detailing", _detail),
            ("ready", _submit),
            ("incomplete", _complete),
        ]
    tasks = [make(counts[name], shown[name]) for name, make in makers if counts.get(name)]
    if me["may"]["add"] and not me["decides"] and not counts["total"]:
        tasks.append(_begin())
    if me["cdo"] and not counts["total"]:
        tasks.append(_set_up())
    return tasks


def _list(attention: str) -> str:
    return tk.url_for("inventory.entries", attention=attention)


def _entry(row: Mapping[str, Any], page: str = "entry") -> str:
    return tk.url_for(f"inventory.{page}", number=row["number"])


def _chips(rows: list[dict[str, Any]], page: str = "entry") -> list[tuple[str, str]]:
    return [(row["title"], _entry(row, page)) for row in rows[:3]]


def _minutes(count: int, each: float) -> int:
    """Tasks are cut to at most half an hour; nobody does more in one go."""
    return max(1, min(30, round(count * each)))


def _begin() -> Task:
    return Task(
        "describe",
        tk._("Name the first dataset that comes to mind"),
        tk._("Name it"),
        tk.url_for("inventory.entry_new"),
        1,
        tk._("A name is enough. You can also bring the list that you have, as a spreadsheet."),
        [(tk._("Bring a spreadsheet"), tk.url_for("inventory.spreadsheet"))],
    )


def _set_up() -> Task:
    return Task(
        "assigned",
        tk._("Name a coordinator for the first department"),
        tk._("Name somebody"),
        tk.url_for("inventory.admin"),
        3,
        tk._(
            "They list what their department holds. You can also bring a list that exists already."
        ),
        [(tk._("Bring a spreadsheet"), tk.url_for("inventory.spreadsheet"))],
    )


def _decide(count: int, rows: list[dict[str, Any]]) -> Task:
    return Task(
        "review",
        tk.ungettext("Decide on one entry", "Decide on {n} entries", count).format(n=count),
        tk._("Start with the first"),
        tk.url_for("inventory.review"),
        _minutes(count, 0.5),
        tk._("The most valuable come first, then the wanted, then those that wait longest."),
        _chips(rows),
    )


def _promote(count: int, rows: list[dict[str, Any]]) -> Task:
    return Task(
        "promote",
        tk.ungettext(
            "Put one approved entry on the portal", "Put {n} approved entries on the portal", count
        ).format(n=count),
        tk._("Look at it") if count == 1 else tk._("Look through {n}").format(n=count),
        _entry(rows[0]) if count == 1 and rows else _list("promotable"),
        _minutes(count, 2),
        tk._("They are approved and wait for a link or a file."),
        _chips(rows),
    )


def _answer(count: int, rows: list[dict[str, Any]]) -> Task:
    return Task(
        "returned",
        tk.ungettext(
            "Answer the comment on a returned entry",
            "Answer the comments on {n} returned entries",
            count,
        ).format(n=count),
        tk._("Answer it") if count == 1 else tk._("Answer the first"),
        _entry(rows[0]) if rows else _list("returned"),
        _minutes(count, 3),
        "",
        _chips(rows),
        _last_word(rows[0]) if rows else None,
    )


def _last_word(row: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what was said when an entry was returned."""
    for event in action("inventory_history", {"id": row["id"], "limit": 20}):
        if event["act"] == "return" and event["details"].get("comment"):
            return {
                "text": event["details"]["comment"],
                "by": event["user_name"] or "",
                "number": str(row["number"]),
                "at": event["at"],
            }
    return None


def _detail(count: int, rows: list[dict[str, Any]]) -> Task:
    return Task(
        "describe",
        tk.ungettext(
            "Answer the open questions on one submitted entry",
            "Answer the open questions on {n} submitted entries",
            count,
        ).format(n=count),
        tk._("Answer the first"),
        _entry(rows[0], "entry_edit") if rows else _list("detailing"),
        _minutes(count, 3),
        tk._("The chief data officer finds them worth detailing."),
        _chips(rows, "entry_edit"),
    )


def _submit(count: int, rows: list[dict[str, Any]]) -> Task:
    return Task(
        "submit",
        tk.ungettext(
            "Submit one entry that has all it needs",
            "Submit {n} entries that have all they need",
            count,
        ).format(n=count),
        tk._("Look at it") if count == 1 else tk._("Look through {n}").format(n=count),
        _entry(rows[0])
        if count == 1 and rows
        else tk.url_for("inventory.entries", attention="ready", state="draft"),
        _minutes(count, 0.3),
        tk._("Tick them on one page and submit them in one go."),
        _chips(rows),
    )


def _complete(count: int, rows: list[dict[str, Any]]) -> Task:
    return Task(
        "describe",
        tk.ungettext(
            "Complete one draft, a few answers are missing",
            "Complete {n} drafts, a few answers are missing",
            count,
        ).format(n=count),
        tk._("Open it") if count == 1 else tk._("Open the first"),
        _entry(rows[0], "entry_edit") if rows else _list("incomplete"),
        _minutes(min(count, 3), 2),
        tk._(
            "“Not known yet” is an answer. For a description it is enough to say what one row is."
        ),
        _chips(rows, "entry_edit"),
    )
