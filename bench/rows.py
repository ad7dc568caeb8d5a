"""The rows that are imported: a real city's where its folder is there, else generated ones."""

from __future__ import annotations

import csv
import io
import os
import random
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HEADERS = (
    "Department",
    "Dataset name",
    "Description",
    "Data owner",
    "Classification",
    "Reason",
    "Format",
    "Category",
    "Keywords",
    "Earliest records",
    "Update frequency",
    "Interest",
    "Link",
    "ID",
    "On the portal",
)
"""Our header of each of a row's cells, in its order."""

REAL = "dc-edi-2018/dataset_inventory_2018_03_11.csv"
REAL_HEADERS = (
    "AGENCY_NAME",
    "DATASET_NAME",
    "DATASET_SUMMARY",
    "DATA_OWNER",
    "DATASET_CLASSIFICATION_NAME",
    "DATASET_CLASSIFICATION_REASON",
    "DATASET_TYPE",
    "DATASET_CATEGORY",
    "KEYWORDS",
    "EARLIEST_DATE_OF_RECORDS",
    "UPDATE_INTERVAL",
    "INTEREST",
    "DATASET_URL",
    "RECORD_ID",
    "OPENDATA_PORTAL",
)

Row = tuple[str, ...]


def real_file() -> Path | None:
    """Return the real list, or None where the folder of real data is absent."""
    folder = os.environ.get("INVENTORY_SHARED_DATA")
    path = (Path(folder) if folder else ROOT.parent / "shared" / "data") / REAL
    return path if path.is_file() else None


def rows(count: int, mark: str = "") -> list[Row]:
    """Return rows of :data:`HEADERS`; more than there are repeat with a number in name and ID.

    :param count: how many
    :param mark: put into each name and ID, so that another round's rows are new
    """
    base = list(_real() if real_file() else _generated())
    found: list[Row] = []
    for position in range(count):
        again, index = divmod(position, len(base))
        row = list(base[index])
        tail = f"{mark}{again + 1 if again else ''}"
        if tail:
            row[1] = f"{row[1]} ({tail})"
            row[13] = f"{row[13]}-{tail}"
        found.append(tuple(row))
    return found


def _real() -> Iterator[Row]:
    path = real_file()
    assert path is not None
    seen: set[tuple[str, str]] = set()
    with path.open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream):
            row = tuple(line[header].strip() for header in REAL_HEADERS)
            pair = (row[0].casefold(), row[1].casefold())
            if pair not in seen and len(row[1]) < 150:
                seen.add(pair)
                yield row


def _generated() -> Iterator[Row]:
    chance = random.Random(7)
    words = [
        "street",
        "tree",
        "permit",
        "budget",
        "water",
        "parking",
        "inspection",
        "library",
        "contract",
        "survey",
    ]
    for number in range(1500):
        name = " ".join(chance.sample(words, 3)).capitalize() + f" {number}"
        secret = chance.random() < 0.4
        yield (
            f"Department {chance.randrange(40):02d}",
            name,
            " ".join(chance.choices(words, k=40)),
            f"Unit {chance.randrange(90)}",
            "Confidential" if secret else "Open",
            "Holds names and addresses of residents." if secret else "",
            chance.choice(("Database", "Spreadsheet", "Other")),
            chance.choice(("Transportation", "Finance", "Health", "Education")),
            ", ".join(chance.sample(words, 4)),
            f"{chance.randrange(1990, 2017)}-01-01",
            chance.choice(("Daily", "Yearly", "Static", "Monthly")),
            chance.choice(("Frequent Requests", "No Requests", "Unknown")),
            "" if secret else f"https://data.example/{number}",
            str(number),
            chance.choice(("Yes", "No")),
        )


def as_csv(found: list[Row]) -> bytes:
    """Write rows as a file that our import reads.

    :param found: the rows
    """
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(HEADERS)
    writer.writerows(found)
    return stream.getvalue().encode()
