"""What the fix of a cell may say, where its field takes values from a list."""

from __future__ import annotations

from collections.abc import Iterator

import ckan.plugins.toolkit as tk

from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.service.roundtrip import Preview, at_column


def values(found: Preview) -> dict[str, list[str]]:
    """Return what can be typed into the boxes that take a fix.

    :param found: the preview
    :returns: ``sheet!field``, as choices name the fixes of all cells that say the same, to the labels of the
        field's values in the reader's language; only of fields that a problem asks about, or that were fixed
    """
    types = {row.sheet: row.package_type for row in found.rows}
    answer: dict[str, list[str]] = {}
    for sheet, field in _asked(found):
        spec = _spec(found, types.get(sheet, found.settled.package_type), sheet, field)
        if spec is not None and spec.choices:
            answer[f"{sheet}!{field}"] = [tk._(choice.label) for choice in spec.choices]
    return answer


def _asked(found: Preview) -> dict[tuple[str, str], None]:
    """Return the sheets and fields that have a box, each once."""
    asked = [(problem.sheet, problem.key) for problem in found.problems if problem.key]
    for key in found.settled.fixes:
        where, _, field = key.rpartition("!")
        asked.append((where.rpartition("!")[0], field))
    for key in found.settled.fixes_all:
        sheet, _, field = key.rpartition("!")
        asked.append((sheet, field))
    return dict.fromkeys(asked)


def _spec(found: Preview, package_type: str, sheet: str, field: str) -> FieldSpec | None:
    columns = [item for name, items in found.columns if name == sheet for item in items]
    targets = {at_column(item.column.index): item.target for item in columns}
    return next(called(package_type, targets.get(field, field).rpartition(".")[2]), None)


def called(package_type: str, name: str) -> Iterator[FieldSpec]:
    """Find fields, and columns of fields of rows, by their name.

    :param package_type: the type of the records that have them
    :param name: the name
    """
    for spec in schema_for(package_type).fields.values():
        yield from (each for each in (spec, *spec.subfields) if each.name == name)
