"""``bin/demo --inventory FILE``: looked at first, then taken over with its past states, or imported."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from ckan import model

from devstack import older
from devstack.client import Client
from devstack.problem import Problem
from tests.support import make_token, make_user

STATES = """Dataset name,Description,Status,Link,Department
Street trees,Every tree,Released,https://trees.example/all,Parks
Benches,Where to sit,Released,,Parks
Keys,Who holds which,Secret,,Works
Ponds,Depth,On hold,,Parks
Rats,Seen and caught,Somewhere between,,Works
"""
NAMES = "Dataset name,Description\nStreet trees,Every tree\nBenches,Where to sit\n"


@pytest.fixture
def site(live_site: Client) -> Client:
    admin = make_user(sysadmin=True)
    return Client(live_site.url, make_token(admin), timeout_seconds=300)


@pytest.fixture(autouse=True)
def free_names(live_site: Client) -> Iterator[None]:
    """One site serves all tests of this module, and the name of an account is taken once."""
    yield
    user = model.User.__table__
    mine = user.c.name.in_(["coordinator", "cdo", "reviewer", "viewer", "editor"])
    free = {"name": user.c.name + "-" + user.c.id, "email": user.c.id + "@example.org"}
    model.Session.execute(sa.update(user).where(mine).values(free))
    model.Session.commit()


def test_past_states_are_shown_and_then_taken_over(
    site: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "older.csv"
    file.write_text(STATES)

    people = older.load(site.url, site, file, "Parks and Works")

    assert next(account.role for account in people) == "coordinator"
    assert {account.role for account in people} == {
        "coordinator",
        "cdo",
        "reviewer",
        "viewer",
        "editor",
    }
    cdo = Client(site.url, next(one.token for one in people if one.role == "cdo"))
    listed = cdo.action("inventory_entry_list", limit=100)["results"]
    states = {row["title"]: row["state"] for row in listed}
    assert states == {
        "Street trees": "published",
        "Benches": "approved",
        "Keys": "draft",
        "Ponds": "deferred",
        "Rats": "draft",
    }
    said = capsys.readouterr().out
    assert "state from “Status”" in said
    assert "draft (nobody knows the word)" in said
    assert "1 that were published have neither and come approved" in said
    assert "Of 5 rows 5 were taken over" in said
    assert said.index("would come") < said.index("were taken over")


def test_a_file_without_a_past_becomes_drafts(
    site: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "names.csv"
    file.write_text(NAMES)

    older.load(site.url, site, file, "Library")

    assert "Of 2 rows 2 became drafts" in capsys.readouterr().out


def test_what_is_no_inventory_gives_one_clear_sentence(site: Client, tmp_path: Path) -> None:
    file = tmp_path / "agencies.csv"
    file.write_text("Agency,Participates\nParks,Yes\n")

    with pytest.raises(Problem):
        older.load(site.url, site, file, "Zoo")


def test_a_real_city_is_taken_over_with_its_departments(
    site: Client, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shared_data / "dc-edi-2018" / "dataset_inventory_2018_03_11.csv"
    with file.open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    on_portal = Counter(row["OPENDATA_PORTAL"] for row in rows)
    assert on_portal == {"No": 1123, "Yes": 517}  # counted by hand, too

    people = older.load(site.url, site, file, None)

    coordinator = people[0]
    assert coordinator.role == "coordinator"
    assert len(coordinator.departments) == 1
    said = capsys.readouterr().out
    assert "state from “OPENDATA_PORTAL”" in said
    # three of those on the portal stand in the file twice
    assert "Of 1640 rows 1637 were taken over, 3 were skipped and 0 refused" in said
    assert "They are: 1123 draft, 514 published." in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sandiego/inventory_2016-09-29.csv", "Of 145 rows"),
        ("brazil-pda-mp/Inventario_consulta_publica.ods", "Of 59 rows"),
        (
            "nyc-1993/public-data-directory-1993-applications-clean.csv",
            "became sources",
        ),
    ],
)
def test_other_real_files(
    site: Client, shared_data: Path, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    people = older.load(site.url, site, shared_data / name, name.partition("/")[0])

    assert len(people) == 5
    assert says in capsys.readouterr().out
