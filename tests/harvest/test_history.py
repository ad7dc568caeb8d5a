"""What harvest does to its own tables by statements of its own can't reach the inventory."""

from __future__ import annotations

import pytest

from tests.harvest.conftest import Catalogue, record
from tests.harvest.harvesting import entries, run, source, states
from tests.logic.city import City, make_city

pytestmark = pytest.mark.usefixtures("really")


@pytest.fixture
def city(really: None) -> City:
    return make_city()


def test_the_memory_outlives_harvests_own_history(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1)))
    run(harvest)
    before = states()
    city.do(city.sysadmin, "harvest_source_job_history_clear", id=harvest)
    assert run(harvest) == {"not modified": 1}
    assert states() == before


def test_clearing_a_source_in_harvest_takes_no_entry_away(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1)))
    run(harvest)
    before = states()
    city.do(city.sysadmin, "harvest_source_clear", id=harvest)
    assert states() == before
    assert city.do(city.coordinator, "package_show", id=entries()[0].package_id)["title"]
    assert run(harvest) == {"not modified": 1}
