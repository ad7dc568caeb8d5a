"""What happened to each source and entry of Larkhaven, step by step and day by day.

Nothing is written here: a story is a list of steps, each of them an action that a person called at
a moment. The loader sorts the steps of all stories by time and takes them, so that states, history,
authors and waiting times come about as they would in a city.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ckanext.inventory.demo import dates
from ckanext.inventory.demo.city import Item
from ckanext.inventory.types import ENTRY, SOURCE, State

CDO = "cdo"
DEPUTY = "deputy-cdo"
PRIVACY = "privacy-reviewer"
COUNSEL = "legal-counsel"
SECURITY = "security-officer"
PORTAL_ADMIN = "portal-admin"

_REVIEWERS = {"privacy": PRIVACY, "security": SECURITY}

_COUNSELS_KINDS = frozenset({"legal", "contract"})
_THANKS = (None, "Clear description, thank you.", None, "Good to go.", None)

_LONGEST = 40
"""Days that the longest way from submitting to its end takes, with some to spare."""

_SOON = 50
"""Days within which what was approved goes to the portal."""

_FORTNIGHT = 12
"""Days within which a fifth of the decisions fell: the site is in use."""

_DECIDED = frozenset({State.APPROVED, State.PUBLISHED, State.DEFERRED, State.WITHHELD})
_MORE = frozenset({"again", "changed"})
"""What came after a decision takes its time."""

_RECENTLY = 2
"""How many days ago approved texts were changed."""


@dataclass(frozen=True)
class Step:
    """One act of one person on one record.

    :param at: when
    :param who: account name
    :param item: what it was about
    :param action: the action that was called
    :param data: its parameters, without the record
    :param by_ids: the action takes a list of records
    :param looked_at: the act names the revision that was looked at
    :param on_portal: the act is one on the public dataset
    """

    at: dt.datetime
    who: str
    item: Item
    action: str
    data: Mapping[str, Any]
    by_ids: bool = False
    looked_at: bool = False
    on_portal: bool = False


def chance(item: Item, what: str = "") -> int:
    """Return a number that is always the same for an item, and different for different ones.

    :param item: the source or entry
    :param what: what it is drawn for
    :returns: a large number
    """
    return drawn(item.title, what)


def drawn(name: str, what: str = "") -> int:
    """Return a number that is always the same for a name, and different for different ones.

    :param name: the name
    :param what: what it is drawn for
    :returns: a large number
    """
    return int(hashlib.sha256(f"{name}{what}".encode()).hexdigest()[:8], 16)


def created_days_ago(item: Item) -> int:
    """Return when it was listed: drafts came with a later workbook.

    :param item: the source or entry
    :returns: days before today
    """
    started = int(item.department["started"])
    if item.kind != ENTRY:
        return started
    return started // 3 if item.state is State.DRAFT else started - 7


def tell(item: Item, today: dt.date) -> list[Step]:
    """Return everything that happened to a record after it was listed.

    :param item: the source or entry
    :param today: the day that the city lives in
    :returns: the steps, in order
    """
    return sorted(_Story(item, today).steps(), key=lambda step: step.at)


class _Story:
    def __init__(self, item: Item, today: dt.date) -> None:
        self.item = item
        self.today = today
        self.about = item.about
        self.days = int(self.about.get("days", self._some_day()))
        self.decider = DEPUTY if chance(item, "decider") % 4 == 0 else CDO

    def _some_day(self) -> int:
        span = max(10, int(self.item.department["started"]) - _LONGEST)
        if self.item.state is State.APPROVED:
            span = min(span, _SOON)
        if self.item.state in _DECIDED and not _MORE & set(self.about) and self._just_decided():
            return _RECENTLY + chance(self.item, "day") % _FORTNIGHT
        return 5 + chance(self.item, "day") % span

    def _just_decided(self) -> bool:
        return chance(self.item, "lately") % 5 == 0

    def steps(self) -> Iterator[Step]:
        yield from self._marks()
        yield from _WAYS[self.item.state](self)
        yield from self._transfer()
        yield from self._wanted()
        yield from self._talk()

    def _step(
        self,
        days_ago: int,
        slot: int,
        who: str,
        action: str,
        *,
        by_ids: bool = False,
        looked_at: bool = False,
        **data: Any,
    ) -> Step:
        at = dates.at_work(self.today, days_ago, slot, chance(self.item))
        given = {key: value for key, value in data.items() if value is not None}
        return Step(at, who, self.item, action, given, by_ids, looked_at)

    def _transition(self, days_ago: int, slot: int, who: str, name: str, **data: Any) -> Step:
        return self._step(
            days_ago, slot, who, "inventory_transition", looked_at=True, transition=name, **data
        )

    def _patch(self, days_ago: int, slot: int, who: str, **fields: Any) -> Step:
        return self._step(days_ago, slot, who, "package_patch", **fields)

    def _marks(self) -> Iterator[Step]:
        listed, coordinator = created_days_ago(self.item), self.item.coordinator
        if "assignee" in self.about:
            yield self._step(
                listed, 3, coordinator, "inventory_assign", by_ids=True, user=self.about["assignee"]
            )
        for field, who, days_ago in (
            ("visibility", coordinator, listed),
            ("shared", coordinator, listed),
            ("triage", CDO, min(self.days, 20)),
        ):
            if field in self.about:
                yield self._step(
                    days_ago,
                    4,
                    who,
                    "inventory_mark",
                    by_ids=True,
                    field=field,
                    value=self.about[field],
                )

    def _transfer(self) -> Iterator[Step]:
        if "transfer" in self.about:
            department, text = self.about["transfer"]
            yield self._step(
                _RECENTLY + 1,
                4,
                self.item.coordinator,
                "inventory_transfer_request",
                department=department,
                comment=text,
            )

    def _wanted(self) -> Iterator[Step]:
        for number, (who, reason) in enumerate(self.about.get("want", ())):
            yield self._step(_RECENTLY + 1, 17 + number, who, "inventory_want", reason=reason)

    def _talk(self) -> Iterator[Step]:
        for number, (who, text) in enumerate(self.about.get("talk", ())):
            yield self._step(1, 1 + number, who, "inventory_comment", text=text)

    def draft(self) -> Iterator[Step]:
        if "days" in self.about:
            yield self._patch(self.days, 2, self.item.coordinator, notes=self.item.notes)

    def submitted(self) -> Iterator[Step]:
        yield self._submit(self.days, 0)
        if "waiver" in self.about:
            yield self._step(
                self.days,
                1,
                self.item.coordinator,
                "inventory_waiver_request",
                kind=self.item.blockers[0]["kind"],
                reason=self.about["waiver"],
            )
        if self._classified() and self.days > 4:
            yield self._confirm_class(self.days - 3)
        if self.item.kind == SOURCE and chance(self.item, "still") % 3:
            yield self._transition(self.days // 2, 2, self.item.coordinator, "confirm")

    def _classified(self) -> bool:
        return self.item.kind == ENTRY and self.about.get("classification") != "not_known_yet"

    def _submit(self, days_ago: int, slot: int, comment: str | None = None) -> Step:
        return self._transition(days_ago, slot, self.item.coordinator, "submit", comment=comment)

    def _confirm_class(self, days_ago: int) -> Step:
        return self._step(
            days_ago,
            5,
            PRIVACY,
            "inventory_classification_confirm",
            by_ids=True,
            classification=self.about["classification"],
        )

    def returned(self) -> Iterator[Step]:
        yield self._submit(self.days + 6, 0)
        yield self._return(self.days, 6, self.about["say"])

    def _return(self, days_ago: int, slot: int, comment: str) -> Step:
        return self._transition(
            days_ago, slot, self.about.get("by", self.decider), "return", comment=comment
        )

    def _to_approval(self, approved: int) -> Iterator[Step]:
        """Submitted, looked at from every side, perhaps sent back once, and approved."""
        if "returned" in self.about:
            answer = self.about["answer"]
            yield self._submit(approved + 20, 0)
            yield self._transition(
                approved + 15, 6, PRIVACY, "return", comment=self.about["returned"]
            )
            yield self._patch(approved + 10, 0, self.item.coordinator, comments=answer)
            yield self._submit(approved + 10, 1, answer)
        else:
            yield self._submit(approved + 12, 0)
        yield self._confirm_class(approved + 6)
        for number, (kind, note) in enumerate(self.about.get("reviews", {}).items()):
            yield self._step(
                approved + 4,
                6 + number,
                _REVIEWERS.get(kind, COUNSEL),
                "inventory_review_record",
                kind=kind,
                outcome="passed_with_conditions" if "with" in note else "passed",
                note=note,
            )
        yield from self._resolved(approved + 3)
        yield self._approve(approved)

    def _resolved(self, days_ago: int) -> Iterator[Step]:
        for number, blocker in enumerate(self.item.blockers):
            if "resolved" in blocker:
                yield self._step(
                    days_ago,
                    8 + number,
                    _REVIEWERS.get(blocker["kind"], COUNSEL),
                    "inventory_blocker_status",
                    kind=blocker["kind"],
                    status="resolved",
                    reason=blocker["resolved"],
                )

    def _approve(self, days_ago: int) -> Step:
        kinds = {blocker["kind"] for blocker in self.item.blockers}
        waived = {b["kind"]: b["waived"] for b in self.item.blockers if "waived" in b}
        justification = self.about.get("justification")
        return self._transition(
            days_ago,
            12,
            COUNSEL if kinds and kinds <= _COUNSELS_KINDS else self.decider,
            "approve",
            comment=_THANKS[chance(self.item, "thanks") % len(_THANKS)],
            waive=waived or None,
            fields={"release_justification": justification} if justification else None,
        )

    def approved(self) -> Iterator[Step]:
        yield from self._to_approval(self.days)
        yield from self._again()
        yield from self._changed()

    def _changed(self) -> Iterator[Step]:
        changes = dict(self.about.get("changed", {}))
        if not changes:
            return
        more = changes.pop("notes_add", None)
        if more:
            changes["notes"] = f"{self.item.notes}\n\n{more}"
        who = self.about.get("assignee", self.item.coordinator)
        yield self._patch(_RECENTLY, 3, who, **changes)

    def preparing(self) -> Iterator[Step]:
        yield from self._to_approval(self.days + 5)
        yield self._transition(
            self.days,
            13,
            CDO,
            "prepare",
            comment=self.about["say"],
            publication={"owner": self.item.coordinator, "due": dates.resolve("@+24d", self.today)},
        )

    def published(self) -> Iterator[Step]:
        yield from self._to_approval(self.days + 6)
        yield self._transition(
            self.days, 13, self.decider, "promote", publication=dict(self._publication())
        )
        if chance(self.item, "still") % 3 == 0 and self.days > 4:
            yield self._transition(self.days - 3, 2, self.item.coordinator, "confirm")
        yield from self._again()
        yield from self._changed()
        yield from self._drift()

    def _again(self) -> Iterator[Step]:
        """Changed after the approval, approved a second time, and carried over to the portal."""
        if "again" not in self.about:
            return
        days_ago = max(_RECENTLY + 1, self.days // 2)
        notes = f"{self.item.notes}\n\n{self.about['again']}"
        yield self._patch(days_ago, 3, self.item.coordinator, notes=notes)
        yield self._transition(days_ago, 14, self.decider, "approve")
        if self.item.state is State.PUBLISHED:
            yield self._transition(days_ago, 15, CDO, "promote", publication={"mode": "created"})

    def _drift(self) -> Iterator[Step]:
        """Somebody changed what the city's own page says."""
        if "drift" in self.about:
            changed: Mapping[str, Any] = {
                "title": {"title": f"{self.item.title} (new)"},
                "hidden": {"private": True},
            }.get(self.about["drift"], {"notes": self.about["drift"]})
            at = dates.at_work(self.today, 1, 9, chance(self.item))
            yield Step(at, PORTAL_ADMIN, self.item, "package_patch", changed, on_portal=True)

    def _publication(self) -> Mapping[str, Any]:
        """The loader puts the dataset's id, or the file, in place of what is named here."""
        where = self.about.get("publication", {})
        if "linked" in where:
            return {"mode": "linked", "dataset": where["linked"]}
        if "external" in where:
            return {"mode": "external", "url": where["external"]}
        return {"mode": "created", "data": self.about["data"]}

    def deferred(self) -> Iterator[Step]:
        yield self._submit(self.days + 9, 0)
        yield self._transition(
            self.days,
            10,
            self.decider,
            "defer",
            comment=self.about["say"],
            look_again=self._look_again(),
        )

    def withheld(self) -> Iterator[Step]:
        yield self._submit(self.days + 10, 0)
        yield self._confirm_class(self.days + 4)
        yield self._transition(
            self.days,
            10,
            CDO,
            "withhold",
            comment=self.about["say"],
            look_again=self._look_again(),
        )

    def _look_again(self) -> str | None:
        given = self.about.get("look_again")
        return dates.resolve(given, self.today) if given else None

    def retired(self) -> Iterator[Step]:
        yield self._transition(
            self.days,
            10,
            self.item.coordinator,
            "retire",
            comment=self.about["say"],
            retire_reason=self.about.get("retire_reason"),
        )


_WAYS: Mapping[State, Callable[[_Story], Iterator[Step]]] = {
    State.DRAFT: _Story.draft,
    State.SUBMITTED: _Story.submitted,
    State.RETURNED: _Story.returned,
    State.APPROVED: _Story.approved,
    State.PREPARING: _Story.preparing,
    State.PUBLISHED: _Story.published,
    State.DEFERRED: _Story.deferred,
    State.WITHHELD: _Story.withheld,
    State.RETIRED: _Story.retired,
}
