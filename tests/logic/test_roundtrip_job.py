"""Large files are saved by the worker: all or nothing, whatever happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory import config
from ckanext.inventory.logic import import_job
from ckanext.inventory.service import bulk, import_save
from tests.logic.city import City, make_city
from tests.logic.returning import add, again, download, killed, opened, preview, put, save

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
    shown = show(city, waiting)
    assert (shown["status"], shown["ours"], shown["stayed"]) == ("saved", True, [])
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
    import_job.run(waiting["id"])  # looks again, to show how it is
    shown = show(city, waiting)
    assert (shown["status"], notes(city)) == ("failed", "one")
    assert "Something changed" in shown["message"]
    save_again = again(city, waiting)
    save(city, save_again, now=True)
    assert notes(city) == "two"


@pytest.mark.parametrize("step", ["hold", "_mark", "_submit", "_keep"])
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


def test_an_error_at_any_statement_saves_nothing(
    city: City, waiting: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every statement that the job sends through its own session is one at which it may end."""
    statements = 0
    limit = 0

    def count(*args: Any) -> None:
        nonlocal statements
        statements += 1
        if statements == limit:
            raise MemoryError

    session = model.Session()
    seen: list[int] = []
    for limit in range(1, 400, 3):
        statements = 0
        engine = model.meta.engine
        sa.event.listen(engine, "before_cursor_execute", count)
        try:
            import_job.run(waiting["id"])
        except MemoryError:
            pass
        finally:
            sa.event.remove(engine, "before_cursor_execute", count)
        session.rollback()
        shown = show(city, waiting)
        seen.append(limit)
        if shown["status"] == "saved":
            break
        assert notes(city) == "one", limit
        assert shown["status"] in ("failed", "queued", "running"), limit
        found = again(city, waiting) if shown["status"] == "failed" else None
        if found is not None:
            save(city, found)
    assert notes(city) == "two"
    assert len(seen) > 10


def test_it_says_how_far_it_is_and_is_stopped_in_the_middle(
    city: City, queued: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "TOLD", 10)
    monkeypatch.setattr(import_job, "OFTEN", 0)
    book = opened(download(city))
    for number in range(30):
        add(book, "Datasets", Name=f"New {number}")
    found = preview(city, book)
    save(city, found)
    steps: list[tuple[Any, ...]] = []
    original = import_job._step

    def watch(import_id: str, step: str, done: int = 0, **how: Any) -> bool:
        answer = original(import_id, step, done, **how)
        # As another process sees it, while the job's own transaction is open.
        with model.meta.engine.begin() as other:
            query = sa.text("SELECT step, done FROM inventory_import WHERE id = :id")
            steps.append(tuple(other.execute(query, {"id": import_id}).one()))
            if (step, done) == stop_at:
                stop = "UPDATE inventory_import SET status = 'preview', step = '' WHERE id = :id"
                other.execute(sa.text(stop), {"id": import_id})
        return answer

    monkeypatch.setattr(import_job, "_step", watch)
    stop_at: tuple[str, int] | None = ("checking", 20)
    import_job.run(found["id"])
    assert city.do(city.coordinator, "inventory_entry_list")["count"] == 1
    assert show(city, found)["status"] == "preview"
    stop_at = None
    save(city, again(city, found))
    steps.clear()
    import_job.run(found["id"])
    assert show(city, found)["status"] == "saved"
    assert ("checking", 10) in steps
    assert ("checking", 30) in steps
    assert steps[-1] == ("saving", 30)


KILLER = """
import os, sys
from ckan.cli import load_config
from ckan.config.middleware import make_app
app = make_app(load_config(sys.argv[1]))
from ckanext.inventory import config
from ckanext.inventory.logic import import_job
from ckanext.inventory.service import import_save
from ckan import model
def die(*args, **kwargs):
    os._exit(9)
if sys.argv[3] == "commit":
    import sqlalchemy as sa
    sa.event.listen(model.Session, "before_commit", die)
else:
    setattr(import_save, sys.argv[3], die)
with getattr(app, "_wsgi_app", app).test_request_context():
    import_job.run(sys.argv[2])
"""


@pytest.mark.parametrize("step", ["hold", "_keep", "commit"])
def test_a_killed_worker_saves_nothing_and_the_next_one_saves_all(
    city: City, waiting: dict[str, Any], queued: list[list[Any]], step: str
) -> None:
    queued.clear()
    killed(city, KILLER, waiting["id"], step)
    assert notes(city) == "one"
    assert [show(city, waiting)["status"] for _ in range(2)] == ["queued", "queued"]
    assert queued == [[waiting["id"]]]
    import_job.run(waiting["id"])
    assert (show(city, waiting)["status"], notes(city)) == ("saved", "two")


def test_what_kills_each_worker_is_said_and_not_tried_for_ever(
    city: City, waiting: dict[str, Any], queued: list[list[Any]]
) -> None:
    for _ in range(2):
        killed(city, KILLER, waiting["id"], "commit")
        shown = show(city, waiting)
    assert (shown["status"], notes(city)) == ("failed", "one")
    assert "worker stopped twice before anything was saved" in shown["message"]
    assert again(city, waiting)["can_save"]
    save(city, again(city, waiting))
    killed(city, KILLER, waiting["id"], "commit")
    # What a person asked for anew has its own tries.
    assert show(city, waiting)["status"] == "queued"


def test_upkeep_takes_up_what_workers_died_of_and_what_the_queue_lost(
    city: City, waiting: dict[str, Any], queued: list[list[Any]]
) -> None:
    queued.clear()
    assert import_job.take_up(model.Session()) == 1, "nobody put it into the real queue"
    killed(city, KILLER, waiting["id"], "commit")
    assert import_job.take_up(model.Session()) == 1
    assert queued == [[waiting["id"]]] * 2
    import_job.run(waiting["id"])
    assert (show(city, waiting)["status"], notes(city)) == ("saved", "two")
    assert import_job.take_up(model.Session()) == 0
    assert len(queued) == 2
