"""A catalogue and a city that both go on changing, and a harvest in between, many times."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.model import Candidate, Record
from tests.harvest.conftest import Catalogue, record
from tests.harvest.harvesting import run, source, states
from tests.logic.city import City


class Story:
    """What happened so far, and what has to be true of it."""

    def __init__(self, city: City, catalogue: Catalogue, seed: int) -> None:
        self.city = city
        self.catalogue = catalogue
        self.chance = random.Random(seed)
        self.upstream: dict[int, str] = {number: f"Set {number}" for number in range(8)}
        self.touched: dict[str, tuple[Any, ...]] = {}
        self.serve()
        settings = {"default_department": "PARKS", "accept_removals": True}
        self.harvest = source(city, f"{catalogue.url}/data.json", settings)

    def serve(self) -> None:
        records = [record(number, title=title) for number, title in sorted(self.upstream.items())]
        self.catalogue.datasets(*records)

    def records(self) -> dict[str, Record]:
        model.Session.expire_all()
        return {row.package_id: row for row in model.Session.scalars(sa.select(Record))}

    @staticmethod
    def standing(row: Record) -> tuple[Any, ...]:
        return (row.revision, row.title, row.state, row.package_state, row.assignee)

    def change_upstream(self) -> None:
        for _ in range(self.chance.randint(0, 4)):
            number = self.chance.randrange(12)
            if number in self.upstream and self.chance.random() < 0.4:
                del self.upstream[number]
            else:
                self.upstream[number] = f"Set {number}, version {self.chance.randrange(1000)}"
        if not self.upstream:
            self.upstream[0] = "Set 0"
        self.serve()

    def touch(self) -> None:
        free = [
            row
            for row in self.records().values()
            if row.package_id not in self.touched and row.package_state == "active"
        ]
        if not free:
            return
        row = self.chance.choice(free)
        act = self.chance.choice(("edit", "assign", "comment", "delete"))
        coordinator, number = self.city.coordinator, row.number
        if act == "edit":
            self.city.do(coordinator, "inventory_entry_patch", id=number, value="high")
        elif act == "assign":
            self.city.do(coordinator, "inventory_assign", ids=[number], user=self.city.editor.name)
        elif act == "comment":
            self.city.do(coordinator, "inventory_comment", id=number, text="Is this ours?")
        else:
            self.city.do(coordinator, "package_delete", id=row.package_id)
        self.touched[row.package_id] = self.standing(self.records()[row.package_id])

    def check(self) -> None:
        records = self.records()
        for entry_id, before in self.touched.items():
            assert self.standing(records[entry_id]) == before
        candidates = {row.guid: row for row in model.Session.scalars(sa.select(Candidate))}
        for number, title in self.upstream.items():
            entry_id = candidates[f"lh-{number}"].entry_id
            if entry_id not in self.touched:
                row = records[str(entry_id)]
                assert (row.title, row.package_state) == (title, "active")
        present = {f"lh-{number}" for number in self.upstream}
        for guid, row in candidates.items():
            assert (row.gone_at is None) == (guid in present)
            assert guid in present or row.entry_id in self.touched
        named = [row.entry_id for row in candidates.values()]
        assert len(named) == len(set(named))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_nobody_loses_work_and_drafts_keep_up(
    city: City, catalogue: Catalogue, seed: int
) -> None:
    story = Story(city, catalogue, seed)
    run(story.harvest)
    story.check()
    for _ in range(8):
        story.change_upstream()
        story.touch()
        run(story.harvest)
        story.check()
        before = states()
        assert set(run(story.harvest)) == {"not modified"}
        assert states() == before
