"""Promotion is one transaction, whatever core does on the way."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from sqlalchemy.orm import Session

from ckanext.inventory.service import outbox
from tests.logic.promoting import City, dataset, file, record

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
@pytest.mark.parametrize("act", ["promote", "prepare", "again", "withdraw", "leave"])
def test_one_commit_with_files_and_views(
    clean_db: None, monkeypatch: pytest.MonkeyPatch, request: Any, act: str
) -> None:
    city = City()
    entry = city.approved()
    given = {"resources": [{"upload": file("a.png")}, {"upload": file("b.png")}, PICTURE]}
    if act in ("again", "withdraw"):
        city.promote(entry, resources=[PICTURE])
    elif act == "leave":
        city.prepare(entry, **given)
    made: list[str] = request.getfixturevalue("commits")
    made.clear()
    if act == "leave":
        city.go(entry, "return", comment="Not yet.")
    elif act == "withdraw":
        city.go(entry, "withdraw", comment="Wrong.")
    else:
        city.go(entry, "prepare" if act == "prepare" else "promote", publication=given)
    assert made == ["commit", "drain"]
    package = dataset(entry)
    assert package is not None
    views = model.Session.query(model.ResourceView).count()
    assert views == {"withdraw": 1}.get(act, 3)
    assert record(entry).state != "approved" or act == "withdraw"
