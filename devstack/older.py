"""A demo that begins with a real file: looked at first, then taken over or imported.

A file that says what became of its rows (a state, a link, a date of publication) is taken over with
its past states by the CDO; any other becomes drafts. What would happen is printed before it does.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from devstack import accounts
from devstack.accounts import Account
from devstack.client import Client, Refused
from devstack.problem import Problem
from devstack.steps import say, step

MOST_REMARKS = 10
PATIENCE_SECONDS = 600
UNSAID = "draft"
"""What a word becomes that nobody knows: here nobody can be asked."""

_TELLS_A_PAST = frozenset({"state", "date", "dataset", "url"})


def load(url: str, administrator: Client, file: Path, department: str | None) -> list[Account]:
    """Bring a file in, and make the people who work with it.

    :param url: the running site
    :param administrator: the portal administrator
    :param file: the file
    :param department: name of the department whose file it is; None for a file of a whole city
    :returns: the accounts
    :raises Problem: if the file or the department's name can't be used
    """
    try:
        organization = _department(administrator, department) if department else None
        cdo = accounts.make(administrator, "cdo", None)
        decides = Client(url, cdo.token, timeout_seconds=PATIENCE_SECONDS)
        _bring(decides, file, organization)
        home = organization or _largest(decides)
        others = [
            accounts.make(administrator, role, home)
            for role in ("coordinator", "reviewer", "viewer", "editor")
            if home or role in ("reviewer", "viewer")
        ]
    except Refused as refused:
        raise Problem(
            f"The inventory could not be loaded: {refused}.",
            "Check the file and the department's name."
            if department
            else "Check the file; one without a column for the department needs --department.",
        ) from None
    return sorted([cdo, *others], key=lambda account: account.role != "coordinator")


def _department(administrator: Client, title: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "department"
    with step(f"Making the department {title}"):
        made = administrator.action("organization_create", name=slug, title=title)
    return str(made["name"])


def _largest(cdo: Client) -> str | None:
    """Return the department with the most entries: its coordinator has something to look at."""
    departments = cdo.action("inventory_overview")["departments"]
    most = max(departments, key=lambda row: row["total"], default=None)
    return str(most["name"]) if most else None


def _bring(cdo: Client, file: Path, organization: str | None) -> None:
    where = {"department": organization} if organization else {"create_departments": True}
    given: dict[str, Any] = {"upload": (file.name, file.read_bytes())}
    try:
        with step(f"Looking through {file.name}"):
            found: dict[str, Any] = cdo.action("inventory_take_over", given, dry_run=True, **where)
    except Refused:
        found = {
            "past": dict[str, str]()
        }  # no list of entries: the import says what it is, or why it isn't
    if not _TELLS_A_PAST & set(found["past"]):
        with step(f"Importing {file.name}"):
            report = _import(cdo, given, where)
        _account_for(report, "became drafts" if report["kind"] == "entry" else "became sources")
        return
    _propose(found)
    unsaid: dict[str, str] = {
        word["word"]: UNSAID for word in found["words"] if word["state"] is None
    }
    with step(f"Taking over {file.name}"):
        done = cdo.action(
            "inventory_take_over", given, states=unsaid, digest=found["digest"], **where
        )
    _account_for(done, "were taken over")
    _say_where(done)


def _import(cdo: Client, given: dict[str, Any], where: dict[str, Any]) -> Any:
    try:
        return cdo.action("inventory_import", given, kind="entry", **where)
    except Refused as refused:
        try:
            return cdo.action("inventory_import", given, kind="source", **where)
        except Refused:
            raise refused from None


def _propose(found: dict[str, Any]) -> None:
    """Say what would happen: which columns tell the past, what their words mean, what would come."""
    columns = ", ".join(f"{part} from “{header}”" for part, header in found["past"].items())
    say(f"\nIts rows tell a past: {columns}. What its words mean here:")
    rows = [("the file says", "rows", "here", "for example")]
    for word in found["words"]:
        means = word["state"] or f"{UNSAID} (nobody knows the word)"
        rows.append((word["word"] or "(empty)", str(word["rows"]), means, word["samples"][0][:40]))
    _table(rows)
    coming = ", ".join(f"{count} {state}" for state, count in found["arriving"].items())
    say(f"Of {found['total']} rows {found['created']} would come: {coming}.")
    say(
        f"{found['linked']} would be linked to a dataset here, {found['external']} to an address "
        f"elsewhere; {len(found['nowhere'])} that were published have neither and come approved.\n"
    )


def _say_where(done: dict[str, Any]) -> None:
    states = ", ".join(f"{count} {state}" for state, count in done["arriving"].items())
    say(f"They are: {states}. Nothing of it counts as decided by anybody here.")


def _account_for(report: dict[str, Any], what: str) -> None:
    """Say what became of the rows, and the most frequent of what did not fit."""
    say(
        f"Of {report['total']} rows {report['created']} {what}, {report['skipped_count']} were "
        f"skipped and {report['refused']} refused."
    )
    rows: Counter[str] = Counter()
    for group in report["groups"]:
        rows[f"{group['column']}: {group['message']}"] += group["rows"]
    for text, count in rows.most_common(MOST_REMARKS):
        say(f"  {text} ({count} {'row' if count == 1 else 'rows'})")


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        say(f"  {'  '.join(cells).rstrip()}")
