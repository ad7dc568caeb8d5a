"""Template functions: how the inventory's values, dates and differences read on a page.

All are pure but :func:`inventory_me`, which asks the action of the same name once per request.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, urlencode

import ckan.plugins.toolkit as tk
from ckan.lib.helpers import render_markdown
from flask import g, has_request_context
from jinja2.runtime import Macro
from markupsafe import Markup, escape

from ckanext.inventory import clock, config, vocabularies
from ckanext.inventory.fields import FieldSpec, Schema, schema_for
from ckanext.inventory.types import ENTRY, NOT_KNOWN, State
from ckanext.inventory.vocabularies import BlockerKind, Choice
from ckanext.inventory.workflow import STATE_LABELS

__all__ = [
    "inventory_ago",
    "inventory_bars",
    "inventory_blocker_icon",
    "inventory_blocker_kinds",
    "inventory_blocker_label",
    "inventory_choice_label",
    "inventory_choices",
    "inventory_date",
    "inventory_day",
    "inventory_days_since",
    "inventory_diff",
    "inventory_entry_url",
    "inventory_event_words",
    "inventory_facet_label",
    "inventory_heat",
    "inventory_license",
    "inventory_limits",
    "inventory_list",
    "inventory_list_label",
    "inventory_may_enter",
    "inventory_me",
    "inventory_minutes",
    "inventory_notice_link",
    "inventory_notice_words",
    "inventory_number_word",
    "inventory_once",
    "inventory_prompts",
    "inventory_prose",
    "inventory_role_labels",
    "inventory_schema",
    "inventory_shown",
    "inventory_state_label",
    "inventory_states",
    "inventory_topic_label",
    "inventory_unread",
    "inventory_url",
    "inventory_value_label",
    "inventory_waiting",
    "inventory_waits_words",
    "inventory_who",
]

_BARS = {"high": 3, "medium": 2, "low": 1}
_BLOCKER_ICONS = {
    "privacy": "fa-user-lock",
    "legal": "fa-scale-balanced",
    "contract": "fa-file-contract",
    "security": "fa-shield-halved",
    "quality": "fa-broom",
    "effort": "fa-wrench",
    "ownership": "fa-people-carry-box",
}
_LATE_AFTER_DAYS = 14
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


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


def inventory_schema(package_type: str = ENTRY) -> Schema:
    """Return the schema of a type, for forms, pages and the guide.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    :returns: the schema in force
    """
    return schema_for(package_type)


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


def inventory_states(source: bool = False) -> list[tuple[str, str]]:
    """Return the states in the order of the workflow.

    :param source: only those that a source knows
    :returns: (value, label) pairs
    """
    wanted = [State.DRAFT, State.SUBMITTED, State.RETURNED, State.RETIRED]
    return [
        (str(state), tk._(label))
        for state, label in STATE_LABELS.items()
        if not source or state in wanted
    ]


def inventory_state_label(state: str) -> str:
    """Return the words for a state.

    :param state: its value
    :returns: the label, e.g. "On the portal"
    """
    return tk._(STATE_LABELS[State(state)])


def inventory_choice_label(package_type: str, field: str, value: str | None) -> str:
    """Return the label of a stored value.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param field: field name
    :param value: stored value
    :returns: the label; the value itself where the vocabulary doesn't know it, empty for none
    """
    if not value:
        return ""
    spec = schema_for(package_type).fields.get(field)
    return _choice(spec, value) if spec else value


def _choice(spec: FieldSpec, value: str) -> str:
    for choice in spec.choices:
        if choice.value == value:
            return tk._(choice.label)
    if value == NOT_KNOWN:
        return tk._("Not known yet")
    return value


def inventory_value_label(value: str | None) -> str:
    """Return the words for a value (High, Medium, Low, Not assessed).

    :param value: the stored value, or None
    :returns: the label
    """
    if value == "high":
        return tk._("High")
    if value == "medium":
        return tk._("Medium")
    return tk._("Low") if value == "low" else tk._("Not assessed")


def inventory_bars(value: str | None) -> int:
    """Return how many of the three bars of a value are filled.

    :param value: the stored value, or None
    :returns: 0 to 3
    """
    return _BARS.get(value or "", 0)


def inventory_blocker_icon(kind: str) -> str:
    """Return the icon of a kind of blocker.

    :param kind: one of the families
    :returns: a class name of the icon font
    """
    return _BLOCKER_ICONS.get(kind, "fa-circle-question")


def inventory_blocker_label(kind: str) -> str:
    """Return the label of a kind of blocker.

    :param kind: one of the families
    :returns: its label
    """
    return inventory_list_label("blocker_kind", kind)


def inventory_blocker_kinds() -> Iterable[BlockerKind]:
    """Return the kinds of blockers, for a list to choose from.

    :returns: the families in the order of display
    """
    return vocabularies.load().blocker_kinds.values()


def inventory_facet_label(name: str, item: Mapping[str, Any]) -> str:
    """Return the words for one value of a facet.

    :param name: the facet
    :param item: ``value`` and, where the action knows it, ``label``
    :returns: the label; for no value what that means there
    """
    value = item["value"]
    if value is None:
        nothing = {
            "assignee": tk._("Nobody"),
            "blocker": tk._("None"),
            "wanted": tk._("Nobody said so"),
        }
        return nothing.get(name, tk._("No answer yet"))
    if item.get("label"):
        return str(item["label"])
    if name == "state":
        return inventory_state_label(value)
    if name == "value":
        return inventory_value_label(value)
    if name == "blocker":
        return inventory_blocker_label(value).split(":")[0]
    if name == "wanted":
        return tk._("Wanted by council or mayor")
    lists = vocabularies.load().lists
    return inventory_list_label(name, value) if name in lists else tk._("Something chosen")


def inventory_choices(field: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the choices of a field as scheming's own form and API ask for them.

    :param field: the field as scheming has it
    :returns: dicts of ``value`` and ``label``
    """
    choices = vocabularies.load().choices(str(field["inventory_vocabulary"]))
    return [{"value": choice.value, "label": tk._(choice.label)} for choice in choices]


def inventory_list(name: str) -> Iterable[Choice]:
    """Return a list of values.

    :param name: name of the list in the vocabularies
    :returns: its choices
    """
    return vocabularies.load().choices(name)


def inventory_prompts() -> Iterable[Choice]:
    """Return the guide's questions that help to find datasets.

    :returns: the choices of "what brought it to mind" that have a question
    """
    return vocabularies.load().prompts()


def inventory_list_label(name: str, value: str | None) -> str:
    """Return the label of a value of a list.

    :param name: name of the list in the vocabularies
    :param value: the stored value
    :returns: its label; empty for none
    """
    return tk._(vocabularies.load().label(name, value)) if value else ""


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
        return ", ".join(_choice(spec, item) if spec.choices else item for item in items)
    if spec.choices:
        return _choice(spec, str(value))
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


def _moment(value: str | dt.date | dt.datetime | None) -> dt.datetime | None:
    if not value:
        return None
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, dt.date):
        moment = dt.datetime(value.year, value.month, value.day, tzinfo=dt.timezone.utc)
    else:
        try:
            moment = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)


def _month(number: int) -> str:
    return [
        tk._("January"),
        tk._("February"),
        tk._("March"),
        tk._("April"),
        tk._("May"),
        tk._("June"),
        tk._("July"),
        tk._("August"),
        tk._("September"),
        tk._("October"),
        tk._("November"),
        tk._("December"),
    ][number - 1]


def inventory_day(value: str | dt.date | None) -> str:
    """Return a date of any precision in words.

    :param value: ``YYYY``, ``YYYY-MM``, ``YYYY-MM-DD`` or an ISO moment
    :returns: "2027", "October 2027", "12 October" (this year) or "12 October 2025"
    """
    if isinstance(value, str):
        parts = value.split("T")[0].split("-")
        if len(parts) == 1:
            return value
        if len(parts) == 2 and parts[1].isdigit() and 1 <= int(parts[1]) <= 12:
            return f"{_month(int(parts[1]))} {parts[0]}"
    moment = _moment(value)
    if moment is None:
        return str(value or "")
    day = f"{moment.day} {_month(moment.month)}"
    return day if moment.year == clock.today().year else f"{day} {moment.year}"


def inventory_date(value: str | None) -> str:
    """Return when something happened; with the time only on the day itself.

    :param value: an ISO moment
    :returns: "Today 09:12", "Yesterday", "12 October"
    """
    moment = _moment(value)
    if moment is None:
        return ""
    moment = moment.astimezone(tk.h.get_display_timezone())
    today = clock.now().astimezone(tk.h.get_display_timezone()).date()
    days = (today - moment.date()).days
    if days == 0:
        return tk._("Today {time}").format(time=moment.strftime("%H:%M"))
    if days == 1:
        return tk._("Yesterday")
    return inventory_day(moment.date())


def inventory_days_since(value: str | None) -> int:
    """Return the whole days since a moment.

    :param value: an ISO moment
    :returns: days, 0 for today and for nothing
    """
    moment = _moment(value)
    return max((clock.today() - moment.date()).days, 0) if moment else 0


def inventory_ago(value: str | None) -> str:
    """Return how long something has lasted, in words.

    :param value: an ISO moment
    :returns: "since today", "for 1 day", "for 16 days"
    """
    days = inventory_days_since(value)
    if not days:
        return tk._("since today")
    return tk.ungettext("for {days} day", "for {days} days", days).format(days=days)


def inventory_waiting(value: str | None) -> tuple[str, bool]:
    """Return a waiting time for a table cell, and whether it is long.

    :param value: an ISO moment
    :returns: ("16 d", True)
    """
    if not value:
        return "–", False
    days = inventory_days_since(value)
    return tk._("{days} d").format(days=days), days > _LATE_AFTER_DAYS


def inventory_minutes(minutes: int) -> str:
    """Return a duration in words.

    :param minutes: minutes
    :returns: "about 1 minute", "about 16 minutes"
    """
    return tk.ungettext("about {n} minute", "about {n} minutes", minutes).format(n=minutes)


def inventory_number_word(number: int) -> str:
    """Return a small number as a word, as a heading starts with.

    :param number: a count
    :returns: "Four", "12"
    """
    words = [
        tk._("Nothing"),
        tk._("One"),
        tk._("Two"),
        tk._("Three"),
        tk._("Four"),
        tk._("Five"),
        tk._("Six"),
        tk._("Seven"),
        tk._("Eight"),
        tk._("Nine"),
    ]
    return words[number] if 0 <= number < len(words) else str(number)


def inventory_heat(count: int, highest: int) -> int:
    """Return the step of a heat cell.

    :param count: the cell's number
    :param highest: the highest of the table
    :returns: 0 (white) to 4
    """
    if not count or not highest:
        return 0
    return min(4, 1 + int(3.999 * count / highest))


def inventory_event_words(event: Mapping[str, Any]) -> str:
    """Return what somebody did, in words.

    :param event: an event of the history
    :returns: "approved it", "changed 2 answers"
    """
    words = {
        "create": tk._("added it"),
        "import": tk._("brought it in from a file"),
        "comment": tk._("wrote"),
        "assign": tk._("assigned it"),
        "mark": tk._("marked it"),
        "classify": tk._("confirmed its classification"),
        "review": tk._("recorded a review"),
        "question": tk._("asked the data steward"),
        "waiver_request": tk._("asked to waive a blocker"),
        "want": tk._("said that they want it"),
        "want_withdraw": tk._("took back that they want it"),
        "submit": tk._("submitted it"),
        "recall": tk._("recalled it"),
        "return": tk._("returned it"),
        "approve": tk._("approved it"),
        "defer": tk._("put it aside for now"),
        "withhold": tk._("marked it as “Can't be released”"),
        "reopen": tk._("reopened it"),
        "prepare": tk._("began to prepare its data"),
        "promote": tk._("put it on the portal"),
        "withdraw": tk._("withdrew it from the portal"),
        "retire": tk._("retired it"),
        "confirm": tk._("confirmed that it is still true"),
        "undo": tk._("took the last step back"),
        "transfer": tk._("moved it to another department"),
        "transfer_request": tk._("asked to move it to another department"),
        "transfer_decline": tk._("declined the move"),
        "merge": tk._("merged the departments"),
        "hand_over": tk._("handed it over"),
        "part_send": tk._("sent it to a colleague in a part"),
        "harvest": tk._("brought it from another catalogue"),
        "harvest_gone": tk._("noticed that its catalogue no longer holds it"),
        "take_over": tk._("took it over, as it was decided before this system"),
        "link": tk._("linked it to what is on the portal, as decided before this system"),
    }
    if event["act"] == "edit":
        count = len(event.get("changes") or event["details"].get("fields") or [])
        if not count:
            return tk._("edited it")
        return tk.ungettext("changed one answer", "changed {n} answers", count).format(n=count)
    return words.get(event["act"], tk._("changed something"))


def inventory_notice_words(notice: Mapping[str, Any]) -> str:
    """Return what somebody is told, without a word of the record.

    :param notice: a row of ``inventory_notice_list``
    :returns: a sentence
    """
    many = max(int(notice["count"]), 1)
    who = notice["by"] or tk._("Somebody")

    def ungettext(one: str, several: str) -> str:  # the name lets Babel find the texts
        return tk.ungettext(one, several, many).format(who=who, n=many)

    soon = bool(notice["at_once"])
    words = {
        "return": ungettext(
            "{who} returned an entry, with a comment.",
            "{who} returned {n} entries, with a comment.",
        ),
        "comment": ungettext(
            "{who} mentioned you in a comment.", "{who} mentioned you in comments."
        )
        if soon
        else ungettext("{who} wrote a comment.", "{who} wrote comments."),
        "question": tk._("{who} asks you about the data.").format(who=who)
        if soon
        else tk._("{who} asks the steward about the data.").format(who=who),
        "waiver_request": tk._("{who} asks to waive a blocker.").format(who=who),
        "edit": tk._("{who} decided on a blocker that you asked to waive.").format(who=who),
        "approve": ungettext("{who} approved an entry.", "{who} approved {n} entries."),
        "withhold": ungettext(
            "{who} decided that an entry can't be released.",
            "{who} decided that {n} entries can't be released.",
        ),
        "defer": ungettext(
            "{who} put an entry aside for now.", "{who} put {n} entries aside for now."
        ),
        "transfer": tk._("An entry moved to the other department, as you asked.")
        if soon
        else ungettext("{who} moved an entry to you.", "{who} moved {n} entries to you."),
        "transfer_decline": tk._("{who} declined to take over an entry.").format(who=who),
        "transfer_request": tk._("{who} asks you to take over an entry.").format(who=who),
        "withdraw": ungettext(
            "{who} took an entry off the portal.", "{who} took {n} entries off the portal."
        ),
        "want": ungettext("{who} wants one of your entries.", "{who} wants {n} of your entries."),
        "link": ungettext(
            "{who} linked an entry to what is on the portal already.",
            "{who} linked {n} entries to what is on the portal already.",
        ),
        "submit": ungettext("{who} submitted an entry.", "{who} submitted {n} entries."),
        "assign": ungettext(
            "{who} assigned an entry to you.", "{who} assigned {n} entries to you."
        ),
        "hand_over": ungettext(
            "{who} handed an entry over to you.", "{who} handed {n} entries over to you."
        ),
        "mark": ungettext(
            "{who} finds an entry worth detailing.", "{who} finds {n} entries worth detailing."
        ),
        "promote": ungettext(
            "{who} put an entry on the portal.", "{who} put {n} entries on the portal."
        ),
    }
    return words.get(notice["act"]) or tk._("Something changed.")


def inventory_notice_link(item: Mapping[str, Any], act: str) -> str:
    """Return the page of a record that somebody is told of.

    :param item: a record of a notice
    :param act: what was done
    :returns: the address, for a comment that of the thread
    """
    page = "inventory.entry" if item["type"] == ENTRY else "inventory.source"
    talk = act in ("comment", "question", "waiver_request")
    return str(tk.url_for(page, number=item["number"], _anchor="history" if talk else None))


def inventory_topic_label(topic: str) -> str:
    """Return the heading over what people are told for one reason.

    :param topic: the reason
    :returns: the heading
    """
    labels = {
        "back": tk._("Came back"),
        "waits": tk._("Waits for you"),
        "decided": tk._("Decided"),
        "public": tk._("Became public"),
        "said": tk._("Comments"),
    }
    return labels[topic]


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


def inventory_diff(old: str | None, new: str | None) -> Markup:
    """Return the difference of two texts, word by word, with hidden words for screen readers.

    :param old: the text before
    :param new: the text now
    :returns: safe HTML with ``del`` and ``ins``
    """
    before, after = old or "", new or ""
    if not before:
        return Markup('<span class="muted">{}</span>{}<ins>{}</ins>').format(
            tk._("empty"), _arrow(), after
        )
    if not after:
        return Markup('<del>{}</del>{}<b class="inv-late">{}</b>').format(
            before, _arrow(), tk._("emptied")
        )
    old_words, new_words = _WORDS.findall(before), _WORDS.findall(after)
    matcher = difflib.SequenceMatcher(None, old_words, new_words, autojunk=False)
    if len(old_words) < 8 or matcher.ratio() < 0.4:
        return Markup("<del>{}</del>{}<ins>{}</ins>").format(before, _arrow(), after)
    return Markup("").join(_changes(matcher.get_opcodes(), old_words, new_words))


def _arrow() -> Markup:
    return Markup(
        '<span class="inv-arrow" aria-hidden="true">→</span>'
        '<span class="visually-hidden"> {} </span>'
    ).format(tk._("changed to"))


def _changes(
    codes: Sequence[tuple[str, int, int, int, int]], old: list[str], new: list[str]
) -> Iterable[Markup]:
    for position, (tag, a, b, c, d) in enumerate(codes):
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal":
            yield escape(_shortened(gone, position == 0, position == len(codes) - 1))
            continue
        if gone.strip():
            yield Markup("<del>{}</del>").format(gone)
        if come:
            yield Markup("<ins>{}</ins>").format(come)


def _shortened(text: str, first: bool, last: bool) -> str:
    """Cut a long unchanged stretch, so that the change itself is seen."""
    words = _WORDS.findall(text)
    if len(words) <= 24:
        return text
    head = "" if first else "".join(words[:10])
    tail = "" if last else "".join(words[-10:])
    return f"{head} … {tail}"
