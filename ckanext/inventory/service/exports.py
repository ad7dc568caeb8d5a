"""Giving out what a person may read, as a table: streamed from the register, never a list in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import vocabularies
from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.model import Record, Revision
from ckanext.inventory.service import search
from ckanext.inventory.spreadsheets import export
from ckanext.inventory.types import ENTRY, Person, State
from ckanext.inventory.workflow import STATE_LABELS

BATCH = 500
SKIPPED = frozenset({"owner_org", "external_id_origin"})
CSV, XLSX = "csv", "xlsx"
FORMATS: Mapping[str, str] = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Format to media type."""


def write(session: Session, person: Person, query: search.Query, file_format: str) -> bytes:
    """Write the entries or sources that a person may read, in the order of their numbers.

    :param session: the database session
    :param person: who asks
    :param query: what to look for; its limit and order don't count
    :param file_format: a key of :data:`FORMATS`
    :returns: the file
    """
    fields = [
        spec for spec in schema_for(query.package_type).fields.values() if spec.name not in SKIPPED
    ]
    columns = _columns(query.package_type, fields)
    rows = _rows(session, person, query, fields)
    if file_format == CSV:
        return "".join(export.csv_lines([name for name, _ in columns], rows)).encode()
    stream = io.BytesIO()
    title = tk._("Entries") if query.package_type == ENTRY else tk._("Sources")
    export.write_xlsx(stream, title, columns, rows)
    return stream.getvalue()


def _columns(package_type: str, fields: Sequence[FieldSpec]) -> list[tuple[str, int]]:
    columns = [(tk._("Number"), 14)]
    columns += [(_header(spec), export.WIDTHS.get(spec.kind, 18)) for spec in fields]
    columns += [(tk._("Department"), 24), (tk._("State"), 14)]
    if package_type == ENTRY:
        columns += [(tk._("Classification in force"), 18), (tk._("Likelihood of release"), 18)]
        columns += [(tk._("How many want it"), 10)]
    return columns


def _header(spec: FieldSpec) -> str:
    """Name a field so that it is told apart: some labels ("Details") occur twice."""
    label = tk._(spec.label)
    return f"{label} ({spec.term})" if spec.term and spec.term != spec.label else label


def _rows(
    session: Session, person: Person, query: search.Query, fields: Sequence[FieldSpec]
) -> Iterator[list[export.Cell]]:
    group = model.group_table
    statement = (
        sa.select(
            Record.package_id,
            Record.number,
            Record.state,
            Record.classification,
            Record.likelihood,
            Record.wanted,
            Record.source_ids,
            Revision.content,
            group.c.title.label("department"),
        )
        .join(
            Revision,
            sa.and_(Revision.package_id == Record.package_id, Revision.revision == Record.revision),
        )
        .outerjoin(group, group.c.id == Record.department)
        .where(*search.conditions(person, query))
        .order_by(Record.number)
        .execution_options(yield_per=BATCH)
    )
    lists = vocabularies.load()
    for batch in session.execute(statement).mappings().partitions():
        numbers = search.titles(
            session, person, {source for row in batch for source in row["source_ids"]}
        )
        for row in batch:
            content = {**row["content"]}
            if row["source_ids"]:
                content["source_ids"] = [
                    numbers[source]["number"] for source in row["source_ids"] if source in numbers
                ]
            cells: list[export.Cell] = [row["number"]]
            cells += [export.cell_of(spec, content.get(spec.name)) for spec in fields]
            cells += [row["department"], tk._(STATE_LABELS[State(row["state"])])]
            if query.package_type == ENTRY:
                cells += [
                    _label(lists, name, row[name]) for name in ("classification", "likelihood")
                ]
                cells.append(row["wanted"] or None)
            yield cells


def _label(lists: vocabularies.Vocabularies, name: str, value: str | None) -> str | None:
    return tk._(lists.label(name, value)) if value else None
