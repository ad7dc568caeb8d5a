"""Linking entries that exist already to what is on the portal already, many in one audited act.

A linked entry is on the portal as of then, as decided before this system: nothing is copied, nobody here
counts as who approved it. What an approval or a decision against it stands for is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, vocabularies
from ckanext.inventory.model import Link, Record
from ckanext.inventory.publishing import resolving
from ckanext.inventory.publishing.resolving import NOTHING, Target
from ckanext.inventory.service import events, facts, takeover
from ckanext.inventory.service.takeover import Past
from ckanext.inventory.types import ENTRY, NOT_KNOWN, PRIVATE_TYPES, Person, State
from ckanext.inventory.workflow import HAS_APPROVED_TEXT

ACT = "link"

LINKABLE = frozenset({State.DRAFT, State.SUBMITTED, State.RETURNED, State.APPROVED, State.DEFERRED})
"""States that linking ends: in the others there is a link, or a decision against one."""

NO_ENTRY = "no_entry"
SEVERAL_ENTRIES = "several_entries"
NOT_FOUND = "not_found"
SEVERAL_DATASETS = "several_datasets"
NOTHING_SAID = "nothing_said"
TWICE = "twice"
LINKED_ALREADY = "linked_already"
STATE = "state"
BLOCKED = "blocked"
LEVEL = "level"
"""Why something isn't linked."""


@dataclass(frozen=True)
class Asked:
    """A wish: this entry, that dataset.

    :param entry: number, name or id; empty where the other two name it
    :param references: ids, names or addresses of the dataset, the more certain first
    :param external_id: the entry's id elsewhere
    :param title: the entry's title
    :param sheet: sheet that says so
    :param row: row that says so
    :param score: how alike they are, for a suggestion
    """

    entry: str
    references: tuple[str, ...]
    external_id: str = ""
    title: str = ""
    sheet: str = ""
    row: int | None = None
    score: float | None = None

    @property
    def named(self) -> str:
        """What names the entry."""
        return self.entry or self.external_id or self.title


@dataclass(frozen=True)
class Pair:
    """An entry that can be linked, and to what.

    :param asked: the wish
    :param record: the register row
    :param target: the dataset here, or the address elsewhere
    """

    asked: Asked
    record: Record
    target: Target


@dataclass(frozen=True)
class LeftOut:
    """A wish that isn't fulfilled.

    :param asked: the wish
    :param reason: one of the words of this module
    :param record: the entry, if it was found
    """

    asked: Asked
    reason: str
    record: Record | None = None


@dataclass
class LinkPlan:
    """What linking would do.

    :param pairs: what is linked
    :param left_out: what isn't, and why
    :param shared: dataset id → numbers of its entries, where there are several
    """

    pairs: list[Pair] = field(default_factory=list[Pair])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])
    shared: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])


def plan(
    session: Session,
    asked: Sequence[Asked],
    *,
    department: str | None = None,
    lock: bool = False,
) -> LinkPlan:
    """Say what linking would do. Writes nothing.

    :param session: the database session
    :param asked: the wishes
    :param department: look for titles and ids from elsewhere in this department only
    :param lock: hold entries and datasets, because the act follows in this transaction
    :returns: the plan
    """
    found = _Entries(session, asked, department)
    targets = resolving.resolve(session, {text for one in asked for text in one.references})
    if lock:
        targets = _hold(session, found, targets)
    linked = _linked(session, found.ids)
    done = LinkPlan()
    taken: set[str] = set()
    for one in asked:
        record, reason = found.of(one)
        target, other = _target(one, targets)
        if record is not None and not reason:
            reason = _against(record, linked) or (TWICE if record.package_id in taken else "")
        if record is None or reason or other:
            done.left_out.append(LeftOut(one, reason or other, record))
            continue
        taken.add(record.package_id)
        done.pairs.append(Pair(one, record, target))
    done.shared = _shared(session, done.pairs)
    return done


class _Entries:
    """The entries that wishes name, found in three statements at most."""

    def __init__(self, session: Session, asked: Sequence[Asked], department: str | None) -> None:
        self.by_name = {
            key: row
            for key, row in facts.find(session, {one.entry for one in asked if one.entry}).items()
            if row.package_type == ENTRY and row.package_state == model.State.ACTIVE
        }
        rest = [one for one in asked if one.entry not in self.by_name]
        ids = {one.external_id.casefold() for one in rest if one.external_id}
        titles = {_plain(one.title) for one in rest if one.title}
        self.by_id = self._lists(session, sa.func.lower(Record.external_id), ids, department)
        title = sa.func.lower(sa.func.regexp_replace(sa.func.trim(Record.title), r"\s+", " ", "g"))
        self.by_title = self._lists(session, title, titles, department)

    @staticmethod
    def _lists(
        session: Session,
        column: sa.ColumnElement[Any],
        wanted: Collection[str],
        department: str | None,
    ) -> dict[str, list[Record]]:
        if not wanted:
            return {}
        query = sa.select(column.label("said"), Record).where(
            Record.package_type == ENTRY,
            Record.package_state == model.State.ACTIVE,
            Record.state != State.RETIRED.value,
            column.in_(wanted),
        )
        if department is not None:
            query = query.where(Record.department == department)
        found: dict[str, list[Record]] = {}
        for said, row in session.execute(query).tuples():
            found.setdefault(said, []).append(row)
        return found

    @property
    def ids(self) -> set[str]:
        lists = [*self.by_id.values(), *self.by_title.values()]
        rows = [*self.by_name.values(), *(row for each in lists for row in each)]
        return {row.package_id for row in rows}

    def of(self, one: Asked) -> tuple[Record | None, str]:
        """Return the entry of a wish; else None and why."""
        if one.entry:
            row = self.by_name.get(one.entry)
            return row, "" if row is not None else NO_ENTRY
        rows = self.by_id.get(one.external_id.casefold(), []) if one.external_id else []
        rows = rows or (self.by_title.get(_plain(one.title), []) if one.title else [])
        if len(rows) == 1:
            return rows[0], ""
        return None, SEVERAL_ENTRIES if rows else NO_ENTRY


def _plain(title: str) -> str:
    return " ".join(title.split()).lower()


def _hold(session: Session, found: _Entries, targets: Mapping[str, Target]) -> dict[str, Target]:
    """Hold entries and datasets until the end of the transaction, and look at both afresh."""
    rows = (
        sa.select(Record)
        .where(Record.package_id.in_(found.ids))
        .order_by(Record.package_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    session.scalars(rows).all()
    package = model.package_table
    wanted = {target.dataset_id for target in targets.values() if target.dataset_id}
    public = set(
        session.scalars(
            sa.select(package.c.id)
            .where(
                package.c.id.in_(wanted),
                package.c.state == model.State.ACTIVE,
                package.c.private.is_(False),
                package.c.type.not_in(PRIVATE_TYPES),
            )
            .order_by(package.c.id)
            .with_for_update(read=True)
        )
    )
    return {
        text: target if not target.dataset_id or target.dataset_id in public else NOTHING
        for text, target in targets.items()
    }


def _linked(session: Session, ids: Collection[str]) -> set[str]:
    query = sa.select(Link.entry_id).where(Link.entry_id.in_(ids))
    return set(session.scalars(query))


def _target(one: Asked, targets: Mapping[str, Target]) -> tuple[Target, str]:
    """Choose a dataset here before an address elsewhere; else say why there is none."""
    found = [targets.get(text, NOTHING) for text in one.references]
    here = [target for target in found if target.dataset_id]
    if here:
        return here[0], ""
    if any(target.several for target in found):
        return NOTHING, SEVERAL_DATASETS
    elsewhere = [target for target in found if target.url]
    if elsewhere:
        return elsewhere[0], ""
    return NOTHING, NOT_FOUND if one.references else NOTHING_SAID


def _against(record: Record, linked: Collection[str]) -> str:
    """Say what stands against linking an entry."""
    if record.package_id in linked:
        return LINKED_ALREADY
    if State(record.state) not in LINKABLE:
        return STATE
    if record.open_kinds:
        return BLOCKED
    level = vocabularies.load().levels.get(record.classification or "")
    if level is not None and level.value != NOT_KNOWN and not level.releasable:
        return LEVEL
    return ""


def _shared(session: Session, pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """Tell which datasets would have several entries, those counted that they have already."""
    numbers: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.target.dataset_id:
            numbers.setdefault(pair.target.dataset_id, []).append(pair.record.number)
    query = (
        sa.select(Link.dataset_id, Record.number)
        .join(Record, Record.package_id == Link.entry_id)
        .where(Link.dataset_id.in_(list(numbers)))
    )
    for dataset_id, number in session.execute(query).tuples():
        numbers[str(dataset_id)].append(number)
    return {key: sorted(found) for key, found in numbers.items() if len(found) > 1}


def run(session: Session, person: Person, planned: LinkPlan, how: Mapping[str, Any]) -> int:
    """Link what the plan says: a few statements, one event. The caller commits.

    :param session: the database session
    :param person: the CDO
    :param planned: the plan, made in this transaction with ``lock``
    :param how: words on the act as a whole
    :returns: how many are linked
    """
    if not planned.pairs:
        return 0
    now = clock.now()
    states = {pair.record.package_id: State(pair.record.state) for pair in planned.pairs}
    links: list[dict[str, Any]] = []
    for pair in planned.pairs:
        record = pair.record
        if State(record.state) not in HAS_APPROVED_TEXT:
            record.approved_revision = record.revision
            record.approved_hash = record.material_hash
            record.approved_by, record.approved_at = None, now
        record.state, record.state_since, record.waiting_since = State.PUBLISHED.value, now, now
        record.ever_submitted = True
        record.look_again = None
        past = Past(State.PUBLISHED, dataset_id=pair.target.dataset_id, url=pair.target.url)
        links.append(
            takeover.link_row(
                record.package_id,
                past,
                record.approved_revision or record.revision,
                record.approved_hash or record.material_hash,
                person,
                now,
            )
        )
    session.flush()
    session.execute(sa.insert(Link), links)
    events.record(
        session,
        ACT,
        person.user_id,
        [
            events.Row(
                pair.record.package_id,
                pair.record.department,
                states[pair.record.package_id].value,
                State.PUBLISHED.value,
                pair.record.revision,
                {
                    "title": pair.record.title,
                    "number": pair.record.number,
                    "before_this_system": True,
                    "linked": pair.target.dataset_id or pair.target.url,
                    **({**how, "count": len(planned.pairs)} if position == 0 else {}),
                },
            )
            for position, pair in enumerate(planned.pairs)
        ],
    )
    return len(planned.pairs)


def reasons(planned: LinkPlan) -> dict[str, int]:
    """Count what is left out by why.

    :param planned: the plan
    :returns: reason → number
    """
    return dict(Counter(one.reason for one in planned.left_out))
