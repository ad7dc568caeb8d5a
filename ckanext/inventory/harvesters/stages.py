"""Harvest's stages: gather reads the catalogue and says what is to do, import does it by the batch.

Harvest hands out its objects one at a time. So the first object of each batch, its *leader*, carries the
records of the whole batch, and only leaders are put on the queue; the others are rows of the report that
are settled with it, in one transaction. No object ever names the entry that came of it: whatever harvest
does to its objects and their packages (clear, reimport, index) can't reach an entry.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckanext.harvest.model import (
    HarvestGatherError,
    HarvestJob,
    HarvestObject,
    HarvestObjectError,
)
from sqlalchemy import event
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config
from ckanext.inventory.fields import schema_for
from ckanext.inventory.harvesters import ckan_portal, dcat_us, fetching, settings
from ckanext.inventory.harvesters.problems import CatalogueError, shorten
from ckanext.inventory.harvesters.reading import Broken, Found, Reading
from ckanext.inventory.harvesters.settings import Departments, Settings
from ckanext.inventory.model import Candidate
from ckanext.inventory.service import candidates, outbox
from ckanext.inventory.service.candidates import Catalogue, Item, Outcome
from ckanext.inventory.types import ENTRY

log = logging.getLogger(__name__)

BATCH = 200
"""Records of a batch: one transaction, one object on the queue."""

MANY = 10
SHARE = 0.3
"""More than this part of the known records, and more than a few, don't go without being asked for."""

MAX_MESSAGES = 20

EMPTY = "{}"
"""What an object holds when it is done: nothing. Harvest's page of an object without any fails."""

COMPLETE, ERROR, WAITING, FETCHED = "COMPLETE", "ERROR", "WAITING", "FETCH"

_KEPT = "inventory_report"
"""Attribute of a leader that keeps its line of the report: harvest works it out by the package."""

_gather_error: Any = cast(Any, HarvestGatherError).create
_object: Any = cast(Any, HarvestObject).__table__
_object_error: Any = cast(Any, HarvestObjectError).__table__


@dataclass
class _Plan:
    unchanged: list[str] = field(default_factory=list[str])
    work: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    left_out: Counter[str] = field(default_factory=Counter[str])
    stamps: list[Found] = field(default_factory=list[Found])
    back: list[str] = field(default_factory=list[str])
    messages: list[str] = field(default_factory=list[str])


def gather(job: HarvestJob) -> list[str] | None:
    """Read a job's catalogue and make harvest's objects: a line of the report for each record.

    :param job: harvest's job
    :returns: ids of the objects to import, None if the catalogue can't be used
    """
    session = cast(Session, model.Session())
    source: Any = job.source
    _close_earlier_jobs(session, job)
    known = candidates.known(session, source.id)
    try:
        wanted = settings.parse(source.config)
        departments = settings.look_up(session, wanted)
        reading = _read(source.url, wanted, known)
    except CatalogueError as problem:
        log.info("harvest job %s: the catalogue can't be used", job.id)
        _gather_error(str(problem), job)
        return None
    plan = _plan(reading, known, departments, wanted)
    leaders = _make_objects(session, job, plan, reading.broken)
    _note(session, source.id, plan)
    session.commit()
    for message in plan.messages:
        _gather_error(message, job)
    log.info("harvest job %s: %s batches to import", job.id, len(leaders))
    return leaders


def _close_earlier_jobs(session: Session, job: HarvestJob) -> None:
    """Empty and close what an aborted job of the same source left behind."""
    earlier = sa.and_(
        _object.c.harvest_source_id == job.source_id, _object.c.harvest_job_id != job.id
    )
    session.execute(
        sa.update(_object).where(earlier, _object.c.content != EMPTY).values(content=EMPTY)
    )
    session.execute(
        sa.update(_object)
        .where(earlier, _object.c.state.not_in([COMPLETE, ERROR]))
        .values(state=ERROR, report_status=candidates.ERRORED)
    )
    session.commit()


def _read(url: str, wanted: Settings, known: Mapping[str, Candidate]) -> Reading:
    limits = fetching.Limits(
        max_bytes=config.harvest_max_bytes(), allowed_hosts=config.harvest_allowed_hosts()
    )
    schema = schema_for(ENTRY)
    if wanted.kind_of(url) == settings.DATA_JSON:
        return dcat_us.read(fetching.get(url, limits), url, schema)
    stamps = {guid: row.modified for guid, row in known.items()}
    return ckan_portal.read(
        url, lambda address: fetching.get(address, limits), schema, stamps, wanted.filter
    )


def _plan(
    reading: Reading,
    known: Mapping[str, Candidate],
    departments: Departments,
    wanted: Settings,
) -> _Plan:
    plan = _Plan(unchanged=list(reading.unread))
    for found in reading.found:
        row = known.get(found.guid)
        organization, by_name = departments.of(found.publishers)
        if row is None and organization is None:
            if not by_name:
                plan.left_out[found.publishers[0] if found.publishers else ""] += 1
        elif row is not None and (row.digest == found.digest or organization is None):
            plan.unchanged.append(found.guid)
            if row.modified != found.modified:
                plan.stamps.append(found)
        else:
            plan.work.append(
                {
                    "guid": found.guid,
                    "digest": found.digest,
                    "modified": found.modified,
                    "content": {**found.content, "owner_org": organization},
                }
            )
    _removals(plan, reading, known, wanted)
    _tell_left_out(plan)
    return plan


def _removals(
    plan: _Plan, reading: Reading, known: Mapping[str, Candidate], wanted: Settings
) -> None:
    """Say which records went; not if it looks as if the catalogue were at fault."""
    present = {found.guid for found in reading.found}
    present |= {*reading.unread, *(broken.guid for broken in reading.broken)}
    plan.back = [guid for guid in present if guid in known and known[guid].gone_at is not None]
    there = [guid for guid, row in known.items() if row.gone_at is None]
    gone = [guid for guid in there if guid not in present]
    if not gone:
        return
    if any(broken.guid.startswith("#") for broken in reading.broken):
        plan.messages.append(
            tk._(
                "Some records have no identifier, so it can't be told which ones went. Nothing "
                "was removed."
            )
        )
        return
    if not wanted.accept_removals and (
        not present or (len(gone) > MANY and len(gone) > SHARE * len(there))
    ):
        plan.messages.append(
            tk._(
                "{gone} of {known} records are no longer in the catalogue. So many at once look "
                "like a fault of the catalogue, so nothing was removed. If it is right, add "
                '"accept_removals": true to the settings and harvest again.'
            ).format(gone=len(gone), known=len(there))
        )
        return
    plan.work += [{"guid": guid, "gone": True} for guid in gone]


def _tell_left_out(plan: _Plan) -> None:
    for publisher, count in plan.left_out.most_common(MAX_MESSAGES):
        plan.messages.append(
            tk.ungettext(
                "One record of “{publisher}” was left out: the settings name no department for it.",
                "{count} records of “{publisher}” were left out: the settings name no department "
                "for them.",
                count,
            ).format(count=count, publisher=shorten(publisher) or tk._("no publisher"))
        )
    more = len(plan.left_out) - MAX_MESSAGES
    if more > 0:
        plan.messages.append(
            tk._("{count} more publishers were left out in the same way.").format(count=more)
        )


def _make_objects(
    session: Session, job: HarvestJob, plan: _Plan, broken: Sequence[Broken]
) -> list[str]:
    """Write the objects of a job in a few statements."""
    now = _naive(clock.now())
    columns: dict[str, Any] = {
        "harvest_job_id": job.id,
        "harvest_source_id": job.source_id,
        "current": False,
        "gathered": now,
        "retry_times": 0,
    }
    rows: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    leaders: list[str] = []

    def add(guid: str, state: str, status: str | None = None) -> str:
        settled = now if status else None
        rows.append(
            {
                **columns,
                "id": str(uuid.uuid4()),
                "guid": guid,
                "state": state,
                "report_status": status,
                "content": EMPTY,
                "import_finished": settled,
            }
        )
        return str(rows[-1]["id"])

    for guid in plan.unchanged:
        add(guid, COMPLETE, candidates.UNCHANGED)
    for record in broken:
        object_id = add(record.guid, ERROR, candidates.ERRORED)
        errors.append(_error(object_id, record.message, "Gather", now))
    for start in range(0, len(plan.work), BATCH):
        batch = plan.work[start : start + BATCH]
        for record in batch:
            record["object"] = add(str(record["guid"]), FETCHED)
        leader = rows[-len(batch)]
        leader["state"] = WAITING
        leader["content"] = json.dumps(batch)
        leaders.append(str(leader["id"]))
    if rows:
        session.execute(sa.insert(_object), rows)
    if errors:
        session.execute(sa.insert(_object_error), errors)
    return leaders


def _error(object_id: str, message: str, stage: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "harvest_object_id": object_id,
        "message": message,
        "stage": stage,
        "created": now,
    }


def _note(session: Session, source_id: str, plan: _Plan) -> None:
    """Keep the catalogue's newer stamps, and which records came back."""
    if plan.stamps:
        table: Any = Candidate.__table__
        session.execute(
            sa.update(table)
            .where(table.c.source_id == source_id, table.c.guid == sa.bindparam("key"))
            .values(modified=sa.bindparam("stamp")),
            [{"key": found.guid, "stamp": found.modified} for found in plan.stamps],
        )
    candidates.back(session, source_id, plan.back)


def _naive(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.timezone.utc).replace(tzinfo=None)


def import_batch(leader: HarvestObject) -> bool | str:
    """Do what a leader's batch says, and settle the objects of all its records.

    :param leader: harvest's object, with the records of its batch
    :returns: as harvest wants it for the leader's own record
    """
    session = cast(Session, model.Session())
    session.refresh(leader, with_for_update=True)
    target: Any = leader
    if target.content in (None, EMPTY):
        # handed out twice: it was done the first time
        return _answer(target, target.report_status or candidates.UNCHANGED)
    batch = cast("list[dict[str, Any]]", json.loads(target.content))
    catalogue = Catalogue(target.source.id, shorten(target.source.title or target.source.url, 200))
    user_name = str(
        tk.get_action("get_site_user")({"ignore_auth": True, "defer_commit": True}, {})["name"]
    )
    items = [
        Item(record["guid"], record["digest"], record["content"], record["modified"])
        for record in batch
        if not record.get("gone")
    ]
    gone = [str(record["guid"]) for record in batch if record.get("gone")]
    outcomes = candidates.bring(session, catalogue, items, user_name)
    outcomes |= candidates.remove(session, catalogue, gone)
    _settle(session, target, batch, outcomes)
    session.commit()
    outbox.drain(session)
    return _answer(target, outcomes[target.guid].status)


def _settle(
    session: Session,
    leader: Any,
    batch: Sequence[Mapping[str, Any]],
    outcomes: Mapping[str, Outcome],
) -> None:
    now = _naive(clock.now())
    by_status: dict[str, list[str]] = {}
    errors: list[dict[str, Any]] = []
    for record in batch:
        outcome = outcomes[record["guid"]]
        by_status.setdefault(outcome.status, []).append(str(record["object"]))
        errors += [_error(record["object"], text, "Import", now) for text in outcome.messages]
    superseded = [
        str(record["guid"])
        for record in batch
        if outcomes[record["guid"]].status in (candidates.UPDATED, candidates.DELETED)
    ]
    if superseded:
        session.execute(
            sa.update(_object)
            .where(
                _object.c.harvest_source_id == leader.harvest_source_id,
                _object.c.guid.in_(superseded),
                _object.c.current.is_(sa.true()),
            )
            .values(current=False)
        )
    for status, ids in by_status.items():
        session.execute(
            sa.update(_object)
            .where(_object.c.id.in_(ids))
            .values(
                state=ERROR if status == candidates.ERRORED else COMPLETE,
                report_status=status,
                current=status in (candidates.ADDED, candidates.UPDATED),
                content=EMPTY,
                import_started=leader.import_started,
                import_finished=now,
            )
        )
    if errors:
        session.execute(sa.insert(_object_error), errors)
    session.expire(leader)


def _answer(leader: Any, status: str) -> bool | str:
    setattr(leader, _KEPT, status)
    if status == candidates.UNCHANGED:
        return "unchanged"
    return status != candidates.ERRORED


def _keep_report(mapper: Any, connection: Any, leader: Any) -> None:
    """Keep a leader's line of the report: harvest would count the objects of its package."""
    kept = getattr(leader, _KEPT, None)
    if kept is not None:
        leader.report_status = kept


event.listen(HarvestObject, "before_update", _keep_report)
