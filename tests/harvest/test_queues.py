"""Harvest's own machinery: queues in Redis, its callbacks, aborted jobs, the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.common import config

from tests.harvest.conftest import PLUGINS, Catalogue, record
from tests.harvest.harvesting import entries, last_job, report, run, source, states
from tests.logic.city import City, make_city


@pytest.fixture
def city(really: None) -> City:
    from ckanext.harvest import queue

    queue.purge_queues()
    return make_city()


def gather() -> None:
    """Take one job from the queue, as the gather consumer does."""
    from ckanext.harvest import queue

    consumer = queue.get_gather_consumer()
    queue.gather_callback(consumer, *consumer.basic_get(queue=queue.get_gather_queue_name()))


def fetch_all() -> int:
    """Take all objects from the queue, as the fetch consumer does."""
    from ckanext.harvest import queue

    consumer = queue.get_fetch_consumer()
    count = 0
    while True:
        method, header, body = consumer.basic_get(queue=queue.get_fetch_queue_name())
        if body is None:
            return count
        queue.fetch_callback(consumer, method, header, body)
        count += 1


def contents() -> int:
    """How many objects hold something."""
    model.Session.rollback()
    query = sa.text("SELECT count(*) FROM harvest_object WHERE content <> '{}'")
    return model.Session.scalar(query) or 0


def test_a_job_goes_through_the_queues(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(*(record(number) for number in range(250))))
    job = city.do(city.sysadmin, "harvest_job_create", source_id=harvest)
    gather()
    assert contents() == 2
    assert fetch_all() == 2
    city.do(city.sysadmin, "harvest_jobs_run")
    assert report(job["id"]) == {"added": 250}
    assert contents() == 0
    job = city.do(city.sysadmin, "harvest_job_create", source_id=harvest)
    gather()
    assert fetch_all() == 0
    city.do(city.sysadmin, "harvest_jobs_run")
    assert report(job["id"]) == {"not modified": 250}


def test_a_job_is_not_finished_before_its_batches_are(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    city.do(city.sysadmin, "harvest_job_create", source_id=harvest)
    gather()
    city.do(city.sysadmin, "harvest_jobs_run")
    assert last_job(harvest).status == "Running"
    assert fetch_all() >= 1
    city.do(city.sysadmin, "harvest_jobs_run")
    assert last_job(harvest).status == "Finished"


def test_a_batch_that_is_handed_out_twice_is_done_once(city: City, catalogue: Catalogue) -> None:
    from ckanext.harvest import queue

    harvest = source(city, catalogue.datasets(record(1), record(2)))
    job = city.do(city.sysadmin, "harvest_job_create", source_id=harvest)
    gather()
    [leader] = model.Session.scalars(
        sa.text("SELECT id FROM harvest_object WHERE content <> '{}'")
    ).all()
    publisher = queue.get_fetch_publisher()
    publisher.send({"harvest_object_id": leader})
    fetch_all()
    before = states()
    publisher.send({"harvest_object_id": leader})
    fetch_all()
    city.do(city.sysadmin, "harvest_jobs_run")
    assert report(job["id"]) == {"added": 2}
    assert states() == before
    assert len(entries()) == 2


def test_what_an_aborted_job_left_is_emptied_by_the_next(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    aborted = city.do(city.sysadmin, "harvest_job_create", source_id=harvest)
    gather()
    city.do(city.sysadmin, "harvest_job_abort", id=aborted["id"])
    fetch_all()
    assert entries() == []
    assert run(harvest) == {"added": 2}
    assert contents() == 0
    waiting = sa.text(
        "SELECT count(*) FROM harvest_object WHERE state NOT IN ('COMPLETE', 'ERROR')"
    )
    assert model.Session.scalar(waiting) == 0


def test_the_consumers_crash_and_the_batch_is_done_later(
    city: City, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ckanext.inventory.service import candidates

    harvest = source(city, catalogue.datasets(record(1), record(2)))
    job = city.do(city.sysadmin, "harvest_job_create", source_id=harvest)
    gather()

    def crash(*args: Any) -> Any:
        raise RuntimeError("the process was killed")

    with monkeypatch.context() as patch:
        patch.setattr(candidates, "remove", crash)
        with pytest.raises(RuntimeError):
            fetch_all()
    model.Session.remove()
    assert entries() == []
    assert contents() == 1
    leader = sa.text("UPDATE harvest_object SET state = 'WAITING' WHERE content <> '{}'")
    model.Session.execute(leader)
    model.Session.commit()
    city.do(city.sysadmin, "harvest_jobs_run")  # sends again what waits and isn't queued
    fetch_all()
    city.do(city.sysadmin, "harvest_jobs_run")
    assert report(job["id"]) == {"added": 2}


def test_the_command_line_harvests(city: City, catalogue: Catalogue, tmp_path: Path) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2, title="")))
    ini = tmp_path / "harvest.ini"
    ini.write_text(
        f"[app:main]\nuse = config:{config['__file__']}\n"
        f"ckan.plugins = {' '.join(PLUGINS)}\n"
        "ckan.harvest.mq.type = redis\n"
        "ckanext.inventory.harvest.allowed_hosts = 127.0.0.1\n"
    )
    ckan = Path(sys.executable).with_name("ckan")
    command = [str(ckan), "--config", str(ini), "harvester", "run-test", harvest]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert report(last_job(harvest).id) == {"added": 1, "errored": 1}
    assert [row.title for row in entries()] == ["Street trees 1"]
