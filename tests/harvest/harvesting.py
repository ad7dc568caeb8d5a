"""Setting up sources and running them through harvest's real stages."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.model import Record
from ckanext.inventory.service import candidates
from tests.logic.city import City

STATUSES = ("added", "updated", "not modified", "deleted", "errored")


def source(city: City, url: str, settings: Any = None, **fields: Any) -> str:
    """Make a harvest source of candidates; by default all of it goes to the parks department."""
    wanted = {"default_department": "PARKS"} if settings is None else settings
    made = city.do(
        city.sysadmin,
        "harvest_source_create",
        **{
            "url": url,
            "name": "larkhaven-open-data",
            "title": "Larkhaven open data",
            "source_type": candidates.SOURCE_TYPE,
            "owner_org": city.water.id,
            "config": wanted if isinstance(wanted, str) else json.dumps(wanted),
            **fields,
        },
    )
    return str(made["id"])


def run(source_id: str) -> dict[str, int]:
    """Harvest a source as harvest does it, and return its own report."""
    from ckanext.harvest import queue
    from ckanext.harvest.model import HarvestJob, HarvestSource
    from ckanext.harvest.tests import lib

    job = HarvestJob(source=HarvestSource.get(source_id))
    job.save()
    job_id = job.id
    lib.run_harvest_job(job, queue.get_harvester(candidates.SOURCE_TYPE))
    return report(job_id)


def report(job_id: str) -> dict[str, int]:
    """The counts of harvest's own report, without zeros."""
    shown = tk.get_action("harvest_job_show")({"ignore_auth": True}, {"id": job_id})
    assert shown["status"] == "Finished"
    assert set(shown["stats"]) <= set(STATUSES)
    return {name: count for name, count in shown["stats"].items() if count}


def last_job(source_id: str) -> Any:
    """The newest job of a source."""
    from ckanext.harvest.model import HarvestJob

    query = model.Session.query(HarvestJob).filter_by(source_id=source_id)
    return query.order_by(HarvestJob.created.desc()).first()


def errors(source_id: str) -> list[str]:
    """What the report of the newest job says, of the catalogue and of its records."""
    job = last_job(source_id)
    said = tk.get_action("harvest_job_report")({"ignore_auth": True}, {"id": job.id})
    found = [each["message"] for each in said["gather_errors"]]
    for each in said["object_errors"].values():
        found += [f"{each['guid']}: {error['message']}" for error in each["errors"]]
    return found


def entries() -> list[Record]:
    """What is in the register, by number."""
    model.Session.expire_all()
    return list(
        model.Session.scalars(
            sa.select(Record).where(Record.package_state == "active").order_by(Record.number)
        )
    )


def states() -> Counter[tuple[Any, ...]]:
    """Everything that a harvest may have done to entries, to compare before and after."""
    from ckanext.inventory.model import event

    model.Session.expire_all()
    rows = model.Session.execute(
        sa.select(
            Record.package_id,
            Record.revision,
            Record.title,
            Record.state,
            Record.package_state,
            Record.modified_at,
        )
    )
    found = Counter(tuple(row) for row in rows)
    found[("events",)] = model.Session.scalar(sa.select(sa.func.count()).select_from(event)) or 0
    return found
