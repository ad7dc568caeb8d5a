"""Taking over from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ckan.tests import factories
from click.testing import CliRunner, Result

from ckanext.inventory.cli import inventory
from tests.logic.city import City, make_city


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(inventory, ["take-over", *arguments])


def test_datasets_of_the_portal(city: City) -> None:
    factories.Dataset(name="street-trees", title="Street trees", owner_org=city.parks.id)
    assert "street-trees" in _run("portal", "--user", "cdo").output
    looked = _run("portal", "--all", "--dry-run", "--user", "cdo")
    assert (looked.exit_code, "Would make 1 entries." in looked.output) == (0, True)
    done = _run("portal", "--organization", city.parks.name, "--user", "cdo", "--json")
    assert json.loads(done.stdout)["rows"][0]["number"] == "PARKS-0001"
    refused = _run("portal", "--all", "--user", "viewer")
    assert refused.exit_code == 1


def test_a_file_with_its_past(city: City, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("Dataset name,Department,Status\nTrees,Parks,Blue\n")
    looked = _run("file", str(file), "--dry-run", "--user", "cdo")
    assert (looked.exit_code, "say it" in looked.output) == (1, True)
    done = _run("file", str(file), "--state", "blue=approved", "--user", "cdo")
    assert done.exit_code == 0, done.output
    assert "Took over 1 of 1 rows" in done.output
