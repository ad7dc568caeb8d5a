"""Large files are saved by the worker: all or nothing, whatever happens to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model

from ckanext.inventory import config
from ckanext.inventory.logic import import_job
from ckanext.inventory.service import import_save
from tests.logic.city import City, make_city
from tests.logic.returning import add, again, download, opened, preview, put, save

pytestmark = pytest.mark.usefixtures("clean_db")


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """What was left to the worker."""
    jobs: list[list[Any]] = []
    monkeypatch.setattr(config, "import_job_rows", lambda: 1)
    monkeypatch.setattr(tk, "enqueue_job", lambda job, args, **kwargs: jobs.append(args))
    return jobs


@pytest.fixture
def city(clean_db: None) -> Iterator[City]:
    city = make_city()
    city.entry(title="Trees", notes="one")
    model.Session.commit()
    yield city
    model.Session.remove()


@pytest.fixture
def waiting(city: City, queued: list[list[Any]]) -> dict[str, Any]:
    """A file of two changes that waits for the worker."""
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two")
    add(book, "Datasets", Name="New")
    found = preview(city, book)
    answer = save(city, found)
    assert answer["status"] == "queued"
    assert queued == [[found["id"]]], "nothing but the id goes to Redis (leak L38)"
    return found


def show(city: City, found: dict[str, Any]) -> dict[str, Any]:
    model.Session.expire_all()
    return city.do(city.coordinator, "inventory_import_show", id=found["id"])


def notes(city: City) -> str:
    model.Session.expire_all()
    return city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")["content"]["notes"]


def test_the_worker_saves_and_a_second_one_does_nothing(
    city: City, waiting: dict[str, Any]
) -> None:
    assert notes(city) == "one"
    import_job.run(waiting["id"])
    assert show(city, waiting)["status"] == "saved"
    assert notes(city) == "two"
    import_job.run(waiting["id"])
    assert city.do(city.coordinator, "inventory_entry_list")["count"] == 2


def test_it_can_be_stopped_before_anything_is_saved(city: City, waiting: dict[str, Any]) -> None:
    city.do(city.coordinator, "inventory_import_discard", id=waiting["id"])
    import_job.run(waiting["id"])
    assert notes(city) == "one"
    shown = show(city, waiting)
    assert shown["status"] == "preview", "its choices are still there"
    assert again(city, waiting)["can_save"]


def test_a_change_in_between_is_said_by_the_job(city: City, waiting: dict[str, Any]) -> None:
    city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0001", comments="here")
    import_job.run(waiting["id"])
    shown = show(city, waiting)
    assert (shown["status"], notes(city)) == ("failed", "one")
    assert "Something changed" in shown["message"]
    save_again = again(city, waiting)
    city.do(
        city.coordinator,
        "inventory_import_save",
        id=save_again["id"],
        fingerprint=save_again["fingerprint"],
        now=True,
    )
    assert notes(city) == "two"


STEPS = ["hold", "_mark", "last_event"]


@pytest.mark.parametrize("step", STEPS)
def test_an_error_at_any_step_saves_nothing(
    city: City, waiting: dict[str, Any], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(import_save, step, fail)
        with pytest.raises(MemoryError):
            import_job.run(waiting["id"])
    shown = show(city, waiting)
    assert (shown["status"], notes(city)) == ("failed", "one")
    assert shown["message"]
    found = again(city, waiting)
    save(city, found)
    import_job.run(found["id"])
    assert notes(city) == "two"


KILLER = """
import os, sys
from ckan.cli import load_config
from ckan.config.middleware import make_app
app = make_app(load_config(sys.argv[1]))
from ckanext.inventory import config
from ckanext.inventory.logic import import_job
from ckanext.inventory.service import import_save
setattr(import_save, sys.argv[3], lambda *args, **kwargs: os._exit(9))
with getattr(app, "_wsgi_app", app).test_request_context():
    import_job.run(sys.argv[2])
"""


@pytest.mark.parametrize("step", ["hold", "last_event"])
def test_a_killed_worker_saves_nothing_and_it_is_said(
    city: City, waiting: dict[str, Any], step: str
) -> None:
    model.Session.remove()
    ini = Path(__file__).parents[2] / "test.ini"
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(ini), waiting["id"], step],
        env=dict(os.environ),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 9, done.stderr.decode()[-2000:]
    for name in vars(city):
        setattr(city, name, model.Session.merge(getattr(city, name)))
    shown = show(city, waiting)
    assert (shown["status"], notes(city)) == ("failed", "one")
    assert "worker stopped" in shown["message"]
    assert again(city, waiting)["can_save"]
