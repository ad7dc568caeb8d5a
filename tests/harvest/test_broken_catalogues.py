"""Catalogues and records that are not as they should be: one clear message each, and the rest goes on."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckanext.inventory.fields import schema_for
from ckanext.inventory.harvesters import dcat_us
from ckanext.inventory.service import bulk
from ckanext.inventory.types import ENTRY
from tests.harvest.conftest import Catalogue, record
from tests.harvest.harvesting import entries, errors, run, source, states
from tests.logic.city import City

BROKEN_FILES = [
    ("<html>Service unavailable</html>", "is not valid JSON"),
    ("", "is not valid JSON"),
    ("[" * 100_000, "is not valid JSON"),
    (b"\xff\xfe\x00", "is not valid JSON"),
    ("[]", "is no DCAT-US catalogue"),
    ('{"dataset": {}}', "is no DCAT-US catalogue"),
    ('{"datasets": []}', "is no DCAT-US catalogue"),
    ("null", "is no DCAT-US catalogue"),
]


@pytest.mark.parametrize(("body", "message"), BROKEN_FILES)
def test_a_file_that_is_no_catalogue_is_one_error(
    city: City, catalogue: Catalogue, body: Any, message: str
) -> None:
    harvest = source(city, catalogue.datasets(record(1)))
    run(harvest)
    before = states()
    catalogue.put("/data.json", body)
    assert run(harvest) == {"errored": 1}
    [said] = errors(harvest)
    assert message in said
    assert states() == before


def test_a_catalogue_that_does_not_answer_is_one_error(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, f"{catalogue.url}/data.json")
    assert run(harvest) == {"errored": 1}
    assert errors(harvest) == [f"{catalogue.url}/data.json answers 404."]


BROKEN_RECORDS: list[tuple[Any, str, str]] = [
    ("a text", "#1", "Record #1 is no object."),
    (None, "#1", "Record #1 is no object."),
    (record(9, identifier=None), "#1", "Record #1 has no identifier."),
    (record(9, identifier={"a": 1}), "#1", "Record #1 has no identifier."),
    (record(9, title=""), "lh-9", "The record has no title."),
    (record(9, title=["a"]), "lh-9", "The record has no title."),
    (record(9, title="<b> </b>"), "lh-9", "The record has no title."),
]


@pytest.mark.parametrize(("broken", "guid", "message"), BROKEN_RECORDS)
def test_a_record_that_cannot_be_used_stops_no_other(
    city: City, catalogue: Catalogue, broken: Any, guid: str, message: str
) -> None:
    harvest = source(city, catalogue.datasets(broken, record(1), record(2)))
    assert run(harvest) == {"added": 2, "errored": 1}
    assert errors(harvest) == [f"{guid}: {message}"]
    assert [row.title for row in entries()] == ["Street trees 1", "Street trees 2"]


def test_an_identifier_that_occurs_twice_is_said_and_the_first_taken(
    city: City, catalogue: Catalogue
) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(1, title="Again")))
    assert run(harvest) == {"added": 1, "errored": 1}
    assert errors(harvest) == ["lh-1: The identifier occurs twice; the first record was taken."]


def test_records_without_identifiers_remove_nothing(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    run(harvest)
    catalogue.datasets(record(1), record(2, identifier=""))
    assert run(harvest) == {"not modified": 1, "errored": 2}
    assert "Nothing was removed." in "".join(errors(harvest))
    assert len(entries()) == 2


def test_a_value_that_does_not_fit_is_left_out_and_the_rest_kept(
    city: City, catalogue: Catalogue
) -> None:
    odd = record(
        1,
        title="x" * 500,
        description="Trees\x00 and \ud800 more",
        keyword="trees, parks",
        contactPoint={"fn": 7, "hasEmail": "mailto:not an address"},
        accrualPeriodicity="now and then perhaps",
        landingPage="javascript:alert(1)",
        distribution="none",
        temporal="long ago/today",
        spatial="-122.5,37.7,-122.3,37.8",
        language=["klingon", 5],
        describedBy="columns.pdf",
        theme=[None, {}],
        publisher=["x"],
        issued="yesterday",
    )
    harvest = source(city, catalogue.datasets(odd, record(2)))
    assert run(harvest) == {"added": 2}
    content = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")["content"]
    assert content["title"] == "x" * 199 + "…"
    assert content["notes"] == "Trees and ? more"
    assert content["keywords"] == ["trees", "parks"]
    assert content["public_contact_name"] == "7"
    for name in (
        "public_contact_email",
        "change_frequency",
        "existing_publication_url",
        "earliest_records",
        "geographic_coverage",
        "data_dictionary_url",
        "source_date_published",
    ):
        assert name not in content, name
    assert run(harvest) == {"not modified": 2}


def test_what_the_database_refuses_stops_no_other(
    city: City, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = bulk.create

    def refusing(session: Any, package_type: str, rows: Any, *rest: Any, **more: Any) -> Any:
        if any(row.content["title"] == "Street trees 2" for row in rows):
            session.execute(sa.text("SELECT 1 / 0"))
        return create(session, package_type, rows, *rest, **more)

    monkeypatch.setattr(bulk, "create", refusing)
    harvest = source(city, catalogue.datasets(record(1), record(2), record(3)))
    assert run(harvest) == {"added": 2, "errored": 1}
    [said] = errors(harvest)
    assert said.startswith("lh-2: It could not be saved")
    assert [row.title for row in entries()] == ["Street trees 1", "Street trees 3"]
    monkeypatch.setattr(bulk, "create", create)
    assert run(harvest) == {"added": 1, "not modified": 2}


def test_markup_becomes_text(city: City, catalogue: Catalogue) -> None:
    text = "<p>Trees &amp; <b>parks</b>, 3 &lt; 4</p><script>x</script>"
    run(source(city, catalogue.datasets(record(1, description=text))))
    content = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")["content"]
    assert content["notes"] == "Trees & parks , 3 < 4 x"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        anything
        | st.dictionaries(st.sampled_from(sorted(record(1))), anything, max_size=8).map(
            lambda odd: {**record(1), **odd}
        ),
        max_size=4,
    )
)
def test_no_record_breaks_the_reading(harvest_site: Any, records: list[Any]) -> None:
    data = json.dumps({"dataset": records}).encode()
    found = dcat_us.read(data, "https://data.example/data.json", schema_for(ENTRY))
    assert len(found.found) + len(found.broken) == len(records)
    for each in found.found:
        assert each.guid
        assert each.content["title"]
        assert "\x00" not in json.dumps(each.content, ensure_ascii=False)


# Settings

BROKEN_SETTINGS: list[tuple[Any, str]] = [
    ("{departments", "The settings are not valid JSON"),
    ("", "Say which department gets the candidates"),
    ("[]", "have to be one JSON object"),
    ({"department": "PARKS"}, "There is no setting “department”. There are: departments,"),
    ({"departments": []}, "The setting “departments” has to be an object"),
    ({"departments": {}}, "Say which department gets the candidates"),
    ({"departments": {"Parks": None}}, "Say which department gets the candidates"),
    ({"departments": {"Parks": 7}}, "“Parks” in “departments” needs the name or code"),
    ({"departments": {" ": "PARKS"}}, "A publisher in “departments” has no name."),
    ({"departments": {"Parks": "PARKS", "park": "WATER"}}, "names the publisher “park” twice"),
    ({"departments": {"Parks": "HARBOR"}}, "There is no department “HARBOR”."),
    ({"default_department": "nowhere"}, "There is no department “nowhere”."),
    ({"default_department": 5}, "“default_department” has to be a text."),
    (
        {"default_department": "PARKS", "catalogue": "xml"},
        "The setting “catalogue” is “ckan” or “data.json”",
    ),
    ({"default_department": "PARKS", "accept_removals": "yes"}, "has to be true or false"),
]


@pytest.mark.parametrize(("given_settings", "message"), BROKEN_SETTINGS)
def test_settings_that_cannot_be_used_are_refused_with_what_is_wrong(
    city: City, given_settings: Any, message: str
) -> None:
    with pytest.raises(tk.ValidationError) as caught:
        source(city, "https://data.larkhaven.example/data.json", given_settings)
    [said] = caught.value.error_dict["config"]
    assert message in said


def test_settings_that_were_never_given_are_said_at_the_harvest(
    city: City, catalogue: Catalogue
) -> None:
    harvest = source(city, catalogue.datasets(record(1)), config=None)
    assert run(harvest) == {"errored": 1}
    assert "Say which department gets the candidates" in errors(harvest)[0]


def test_publishers_have_their_departments(city: City, catalogue: Catalogue) -> None:
    above = {"name": "Forestry", "subOrganizationOf": {"name": "Parks & Recreation"}}
    url = catalogue.datasets(
        record(1, title="By name"),
        record(2, title="Below it", publisher=above),
        record(3, title="Of water", publisher={"name": "WATER BOARD"}),
        record(4, title="Left out", publisher={"name": "County"}),
        record(5, title="Nobody's", publisher={"name": "State"}),
        record(6, title="Nobody's, too", publisher={"name": "State"}),
        record(7, title="Unnamed", publisher=None),
    )
    wanted = {
        "departments": {
            "Parks and Recreation": "Parks",
            "Parks & Recreation": city.parks.name,
            "Water Board": "water",
            "County": None,
        }
    }
    harvest = source(city, url, wanted)
    assert run(harvest) == {"added": 3, "errored": 2}
    assert {(row.department, row.title) for row in entries()} == {
        (city.parks.id, "By name"),
        (city.parks.id, "Below it"),
        (city.water.id, "Of water"),
    }
    assert sorted(errors(harvest)) == [
        "2 records of “State” were left out: the settings name no department for them.",
        "One record of “no publisher” was left out: the settings name no department for it.",
    ]
