"""A real city's list as the ``data.json`` that its portal would give, with all its oddities."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ckan import model

from ckanext.inventory.service import register
from tests.harvest.conftest import Catalogue
from tests.harvest.harvesting import entries, errors, run, source
from tests.logic.city import City
from tests.support import make_department

LIST = "dc-edi-2018/dataset_inventory_2018_03_11.csv"


def rows(folder: Path) -> list[dict[str, str]]:
    path = folder / LIST
    if not path.is_file():
        pytest.skip(f"no {LIST}")
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def as_record(row: dict[str, str]) -> dict[str, Any]:
    return {
        "@type": "dcat:Dataset",
        "identifier": row["RECORD_ID"],
        "title": row["DATASET_NAME"],
        "description": row["DATASET_SUMMARY"],
        "keyword": [word.strip() for word in row["KEYWORDS"].split(",")],
        "publisher": {"@type": "org:Organization", "name": row["AGENCY_NAME"]},
        "contactPoint": {"fn": row["DATA_OWNER"], "hasEmail": "mailto:"},
        "accessLevel": "public" if row["DATASET_CLASSIFICATION_NAME"] == "Open" else "non-public",
        "rights": row["DATASET_CLASSIFICATION_REASON"],
        "accrualPeriodicity": row["UPDATE_INTERVAL"],
        "theme": [row["DATASET_CATEGORY"]],
        "temporal": row["EARLIEST_DATE_OF_RECORDS"],
        "distribution": [{"accessURL": row["DATASET_URL"], "format": row["DATASET_TYPE"]}],
    }


def test_a_real_list_arrives_whole_and_once(
    city: City, catalogue: Catalogue, shared_data: Path
) -> None:
    given = rows(shared_data)
    agencies = Counter(row["AGENCY_NAME"] for row in given)
    biggest = [name for name, _count in agencies.most_common(3)]
    departments = {
        name: make_department(f"DC{number}", title=name) for number, name in enumerate(biggest)
    }
    wanted = {
        "departments": {name: department.name for name, department in departments.items()},
        "default_department": "PARKS",
    }
    records = [as_record(row) for row in given]
    usable = {
        str(record["identifier"]).strip()
        for record in records
        if str(record["identifier"]).strip() and record["title"].strip()
    }
    harvest = source(city, catalogue.datasets(*records), wanted)
    done = run(harvest)
    assert done["added"] == len(usable)
    assert done["added"] + done.get("errored", 0) == len(given)
    assert len(errors(harvest)) == done.get("errored", 0)
    found = Counter(row.department for row in entries())
    for name, department in departments.items():
        assert found[department.id] == sum(
            record["identifier"] in usable and record["publisher"]["name"] == name
            for record in {record["identifier"]: record for record in reversed(records)}.values()
        )
    assert register.rebuild(model.Session()) == 0
    again = run(harvest)
    assert again.pop("not modified") == done["added"]
    assert again.get("errored", 0) == done.get("errored", 0)
    assert len(entries()) == done["added"]
