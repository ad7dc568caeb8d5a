"""Promotion is one transaction, whatever core does on the way."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from sqlalchemy.orm import Session

from ckanext.inventory.service import outbox
from tests.logic.promoting import City, action, dataset, file, record

PICTURE = {"url": "https://data.example.org/map.png", "name": "Map"}


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was committed, in order; nothing is indexed."""
    made: list[str] = []
    commit = Session.commit

    def counted(self: Session) -> None:
        made.append("commit")
        commit(self)

    monkeypatch.setattr(Session, "commit", counted)
    monkeypatch.setattr(outbox, "drain", lambda session: made.append("drain"))
    return made


@pytest.mark.with_plugins("image_view")
@pytest.mark.ckan_config("ckan.views.default_views", ["image_view"])
@pytest.mark.usefixtures("with_plugins")
def test_one_commit_for_each_act_with_files_and_views(clean_db: None, commits: list[str]) -> None:
    city = City()
    entry = city.approved()

    def go(transition: str, **inputs: Any) -> int:
        """Make a transition and count the views afterwards."""
        commits.clear()
        city.go(entry, transition, **inputs)
        assert commits == ["commit", "drain"], transition
        return model.Session.query(model.ResourceView).count()

    def picture(name: str) -> dict[str, Any]:
        return {"upload": file(name)}

    assert go("prepare", publication={"resources": [picture("a.png"), PICTURE]}) == 2
    assert go("return", comment="Not yet.") == 2
    city.go(entry, "submit", city.coordinator)
    city.approve(entry)
    assert go("promote", publication={"resources": [picture("b.png")]}) == 3
    assert go("promote", publication={"resources": [picture("c.png"), PICTURE]}) == 4
    assert go("withdraw", comment="Wrong.") == 4
    assert len(dataset(entry).resources) == 4


def test_bulk_promotes_what_it_can(db: None) -> None:
    city = City(license_id="")
    entries = [city.approved(title=f"Entry {n}") for n in range(2)]
    revisions = {entry: record(entry).revision for entry in entries}
    external = city.approved(title="Entry 0")
    revisions[external] = record(external).revision

    def promote(mode: str, **publication: Any) -> Any:
        return action(
            "inventory_transition_bulk",
            city.cdo,
            ids=list(revisions),
            transition="promote",
            revisions=revisions,
            mode=mode,
            publication=publication,
        )

    with pytest.raises(tk.ValidationError):
        promote("all", metadata_only=True)
    assert [dataset(entry) for entry in entries] == [None, None]
    answer = promote("possible", metadata_only=True, license_id="cc-by")
    assert len(answer["done"]) == 3
    assert answer["refused"] == []
    assert sorted(dataset(entry).name for entry in revisions) == [
        "entry-0",
        "entry-0-2",
        "entry-1",
    ]
