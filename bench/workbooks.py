"""The jobs of the spreadsheet round trip, timed where the work is."""

from __future__ import annotations

import base64
import io
import random
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy as sa
from ckan import model

WORDS = ("street", "tree", "permit", "budget", "water", "parking", "library", "survey", "fleet")

CELLS = {
    "notes": "long",
    "alternate_title": "short",
    "division": "short",
    "category": "choice",
    "keywords": "list",
    "source_known": "described",
    "system_of_record_note": "long",
    "format": "choices",
    "change_frequency": "choice",
    "earliest_records": "2019-03",
    "geographic_coverage": "short",
    "data_dictionary": "choice",
    "retention": "short",
    "steward": "short",
    "steward_email": "steward@city.example",
    "publishing_unit": "short",
    "existing_etl": "choice",
    "existing_publication": "choices",
    "value": "choice",
    "value_reason": "long",
    "request_frequency": "choice",
    "quality_concern": "none",
    "contains_sensitive_data": "no",
    "classification": "choice",
}
"""With the name 25 columns: what the rows of a workbook hold."""


class Workbooks:
    """Jobs on workbooks; :class:`bench.jobs.Site` is one.

    The editor coordinates every department.
    """

    _request: Callable[[], AbstractContextManager[None]]
    _act: Callable[..., Any]

    def _rows(self, count: int, mark: str) -> Iterator[dict[str, Any]]:
        from ckanext.inventory.fields import schema_for
        from ckanext.inventory.types import ENTRY

        chance = random.Random(mark)
        fields = schema_for(ENTRY).fields
        for number in range(count):
            row: dict[str, Any] = {"title": f"{' '.join(chance.sample(WORDS, 3))} {mark} {number}"}
            for name, what in CELLS.items():
                values = [c.value for c in fields[name].choices if not c.exclusive]
                if what == "long":
                    row[name] = " ".join(chance.choices(WORDS, k=30))
                elif what == "short":
                    row[name] = " ".join(chance.choices(WORDS, k=3))
                elif what == "list":
                    row[name] = chance.sample(WORDS, 4)
                elif what == "choice":
                    row[name] = chance.choice(values)
                elif what == "choices":
                    row[name] = chance.sample(values, 2)
                else:
                    row[name] = what
            yield row

    def _book(self, lines: Any, owner: str) -> bytes:
        """Write lines of content as a workbook of ours."""
        from ckanext.inventory.service import roles, workbooks
        from ckanext.inventory.spreadsheets import layout, workbook
        from ckanext.inventory.spreadsheets.stamp import Stamp
        from ckanext.inventory.types import ENTRY

        person = roles.person(model.Session(), model.User.get("editor"))
        columns = workbooks.layouts_for(person, owner)[ENTRY]
        stamp = Stamp(ENTRY, columns.digest, owner)

        def written() -> Iterator[workbook.Line]:
            for row in lines:
                yield workbook.Line(
                    [
                        layout.write(c.spec, row.get(c.key)) if c.spec is not None else ""
                        for c in columns.columns
                    ]
                )

        book = workbook.Book("Bench", [], [workbook.Filled(columns, stamp, written())])
        return workbook.as_bytes(workbook.write_xlsx, book)

    def book_entries(self, count: int, owner: str, mark: str) -> None:
        """Make entries that workbooks are about, without indexing them.

        :param count: how many
        :param owner: organization id
        :param mark: makes them new
        """
        from ckanext.inventory.model import Outbox
        from ckanext.inventory.service import bulk, roles
        from ckanext.inventory.types import ENTRY

        with self._request():
            session = model.Session()
            person = roles.person(session, model.User.get("editor"))
            rows = [bulk.NewRecord({**row, "owner_org": owner}) for row in self._rows(count, mark)]
            bulk.validate(session, ENTRY, rows, person, "editor")
            bulk.create(session, ENTRY, rows, person, act="import")
            session.execute(sa.delete(Outbox))
            session.commit()

    def book_save_new(self, count: int, owner: str, mark: str) -> float:
        """Save new rows of a workbook, with indexing.

        :returns: seconds of the save, which reads and validates once more
        """
        with self._request():
            data = self._book(self._rows(count, mark), owner)
            return self._save(data, count, "new")

    def book_packages(self, count: int, owner: str, mark: str) -> list[dict[str, Any]]:
        """Return the same rows as :meth:`book_save_new` saves, as a site without fields of its own has them.

        :returns: private datasets for ``package_create``, with extras
        """
        return [
            {
                "name": f"load-{mark}-{number}",
                "title": row["title"],
                "notes": row["notes"],
                "owner_org": owner,
                "private": True,
                "tags": [{"name": word} for word in row["keywords"]],
                "extras": [
                    {"key": key, "value": value if isinstance(value, str) else "; ".join(value)}
                    for key, value in row.items()
                    if key not in ("title", "notes", "keywords")
                ],
            }
            for number, row in enumerate(self._rows(count, mark))
        ]

    def book_save_changed(self, count: int, owner: str, mark: str) -> float:
        """Change a cell in each row of a department's workbook and save, with indexing.

        :returns: seconds of the save
        """
        with self._request():
            data = self._download(owner)
            return self._save(self._edited(data, count, mark), count, "changed")

    def _download(self, owner: str | None, **more: Any) -> bytes:
        found = self._act("inventory_workbook", {"department": owner, **more}, "editor")
        return base64.b64decode(found["content"])

    def _edited(self, data: bytes, count: int, mark: str) -> bytes:
        """Write into the column Comments, the way a spreadsheet program would."""
        import openpyxl

        book = openpyxl.load_workbook(io.BytesIO(data))
        sheet = book["Datasets"]
        headers = [str(cell.value) for cell in sheet[1]]
        column = headers.index("Comments") + 1
        for row in range(2, count + 2):
            sheet.cell(row, column).value = f"{mark} {row}"
        stream = io.BytesIO()
        book.save(stream)
        return stream.getvalue()

    def _save(self, data: bytes, count: int, what: str) -> float:
        found = self._act(
            "inventory_import_preview",
            {"upload": data, "filename": "b.xlsx", "limit": 1, "now": True},
            "editor",
        )
        if found["counts"][what] != count or not found["can_save"]:
            raise RuntimeError(f"{found['counts']} {found['problems'][:3]}")
        started = time.perf_counter()
        self._act(
            "inventory_import_save",
            {"id": found["id"], "fingerprint": found["fingerprint"], "now": True},
            "editor",
        )
        return time.perf_counter() - started

    def book_unchanged(self, owner: str) -> dict[str, float]:
        """Look at a workbook without changes; and only read it.

        :returns: seconds of each
        """
        from ckanext.inventory.service import imports
        from ckanext.inventory.spreadsheets import reader

        with self._request():
            data = self._download(owner)
            started = time.perf_counter()
            reader.read(data, "b.xlsx", imports.limits())
            reading = time.perf_counter() - started
            seconds, counts = self._look(data)
        if counts["changed"] or counts["new"]:
            raise RuntimeError(str(counts))
        return {"preview": seconds, "read": reading}

    def _look(self, data: bytes) -> tuple[float, dict[str, int]]:
        started = time.perf_counter()
        found = self._act(
            "inventory_import_preview",
            {"upload": data, "filename": "b.xlsx", "limit": 1, "now": True},
            "editor",
        )
        seconds = time.perf_counter() - started
        self._act("inventory_import_discard", {"id": found["id"]}, "editor")
        return seconds, found["counts"]

    def book_preview(self, count: int, owner: str, mark: str) -> dict[str, float]:
        """Look at new rows; against calamine's reading and scheming's own validation of them.

        :returns: seconds of each, and how many MB the peak of memory rose by the look
        """
        import ckan.lib.plugins as lib_plugins
        import python_calamine as calamine

        from ckanext.inventory.types import ENTRY

        with self._request():
            data = self._book(self._rows(count, mark), owner)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            seconds, counts = self._look(data)
            risen = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            if counts["new"] != count:
                raise RuntimeError(str(counts))
            model.Session.rollback()
            started = time.perf_counter()
            with calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
                for name in book.sheet_names:
                    for _ in book.get_sheet_by_name(name).iter_rows():
                        pass
            plugin = lib_plugins.lookup_package_plugin(ENTRY)
            schema = plugin.create_package_schema()
            rows = list(self._rows(count, mark))
            for row in rows:
                context: Any = {
                    "model": model,
                    "session": model.Session,
                    "user": "editor",
                    "ignore_auth": True,
                }
                lib_plugins.plugin_validate(
                    plugin,
                    context,
                    {**row, "owner_org": owner, "type": ENTRY},
                    dict(schema),
                    "package_create",
                )
            return {"ours": seconds, "peer": time.perf_counter() - started, "mb": risen}

    def book_write(self, owner: str) -> dict[str, float]:
        """Write a department's workbook; against XlsxWriter's writing of the same bare cells.

        :returns: seconds of each, and how many MB the peak of memory rose
        """
        import xlsxwriter

        from ckanext.inventory.service import roles, workbooks
        from ckanext.inventory.spreadsheets import workbook

        with self._request():
            session = model.Session()
            person = roles.person(session, model.User.get("editor"))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            started = time.perf_counter()
            book = workbooks.build(session, person, workbooks.Wanted(owner))
            data = workbook.as_bytes(workbook.write_xlsx, book)
            seconds = time.perf_counter() - started
            risen = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            sheets = _cells(data)
            started = time.perf_counter()
            stream = io.BytesIO()
            bare = xlsxwriter.Workbook(stream, {"constant_memory": True})
            for rows in sheets:
                sheet = bare.add_worksheet()
                for number, row in enumerate(rows):
                    for column, value in row:
                        sheet.write_string(number, column, value)
            bare.close()
            return {
                "ours": seconds,
                "peer": time.perf_counter() - started,
                "mb": risen,
                "rows": float(max(len(rows) for rows in sheets)),
            }


def _cells(data: bytes) -> list[list[list[tuple[int, str]]]]:
    import python_calamine as calamine

    found: list[list[list[tuple[int, str]]]] = []
    with calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
        for name in book.sheet_names:
            found.append(
                [
                    [(n, str(cell)) for n, cell in enumerate(row) if cell != ""]
                    for row in book.get_sheet_by_name(name).iter_rows()
                ]
            )
    return found
