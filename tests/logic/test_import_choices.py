"""What choices on a file may be: texts, whatever is sent."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from tests.logic.city import City, make_city
from tests.logic.returning import preview


@pytest.fixture
def city(db: None) -> City:
    return make_city()


LIST = b"Data set,Value\nTrees,Hgh\n"
TEXT = "has to have a text behind it"
OBJECT = "has to have a JSON object behind it"
CONTROL = "This holds a control character"


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"fixes": {"!2!@1": {"a": 1}}}, TEXT),
        ({"fixes": {"!2!@1": 5}}, TEXT),
        ({"fixes_all": {"!@1": {"Hgh": 7}}}, TEXT),
        ({"fixes_all": {"!@1": "High"}}, OBJECT),
        ({"values": {"value": "x"}}, OBJECT),
        ({"values": {"value": {"x": ["high"]}}}, TEXT),
        ({"conflicts": {"PARKS-0001!value": 5}}, TEXT),
        ({"same": {"!2": 5}}, TEXT),
        ({"departments": {"Zoo": ["a"]}}, TEXT),
        ({"columns": {"Value": {}}}, TEXT),
        ({"columns": {"Value": "\ud800"}}, CONTROL),
        ({"fixes": {"!2!@1": "a\0"}}, CONTROL),
        ({"same": {"\0": "new"}}, CONTROL),
        ({"left_out": ["!2\0"]}, CONTROL),
        ({"sheets": ["\0"]}, CONTROL),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["with the file", "afterwards"])
def test_anything_but_texts_is_refused(
    city: City, choices: dict[str, Any], words: str, first: bool
) -> None:
    if first:
        given = {"upload": LIST, "filename": "list.csv", "department": "parks"}
    else:
        given = {"id": preview(city, LIST, filename="list.csv", department="parks")["id"]}
    with pytest.raises(tk.ValidationError) as refusal:
        city.do(city.coordinator, "inventory_import_preview", **given, **choices)
    assert words in str(refusal.value.error_dict[next(iter(choices))])


@pytest.mark.parametrize("name", ["columns", "values", "departments"])
def test_an_import_in_one_step_takes_texts_only(city: City, name: str) -> None:
    with pytest.raises(tk.ValidationError) as refusal:
        city.do(
            city.coordinator,
            "inventory_import",
            upload=LIST,
            filename="list.csv",
            department="parks",
            **{name: {"Value": [5]}},
        )
    assert list(refusal.value.error_dict) == [name]


def test_nothing_is_what_an_empty_text_is(city: City) -> None:
    choices: dict[str, Any] = {"columns": {"Value": None}}
    found = preview(city, LIST, filename="list.csv", department="parks", **choices)
    assert found["problems"] == []
    assert found["choices"]["columns"] == {"Value": ""}
