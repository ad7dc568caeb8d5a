"""Turn a file's rows into the records that an import would make, with everything that didn't fit.

The plan only creates. A row whose record is already there (the same file, the same ID of the same list, or
the same title in the department) is skipped and reported. An error keeps a row out; a warning leaves a cell
out, and its text is kept in a note or in the comments, so that nothing is lost in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ckanext.inventory.fields import Schema
from ckanext.inventory.spreadsheets.headers import Assignment, Fate, HeaderMap
from ckanext.inventory.spreadsheets.messages import FileProblem, Message, Place, Problem, Severity
from ckanext.inventory.spreadsheets.reader import Source, Table, text
from ckanext.inventory.spreadsheets.synonyms import Synonyms
from ckanext.inventory.spreadsheets.values import Reader, is_day_first
from ckanext.inventory.vocabularies import Vocabularies

from .choices import Choices
from .departments import Departments
from .draft import Columns, Draft, Refusal, Task
from .known import Known
from .outcome import Plan
from .recognition import Recogniser
from .row import plan_row
from .sources import Sources
from .tables import choose_tables, lacking_column


def as_it_stands(table: Table) -> Table:
    """Change nothing of a table.

    :param table: the table
    """
    return table


def make_plan(
    source: Source,
    schema: Schema,
    other: Schema,
    vocabularies: Vocabularies,
    synonyms: Synonyms,
    known: Known,
    choices: Choices,
    cells: Reader,
    refusal: Refusal = lambda _name: "",
    mend: Callable[[Table], Table] = as_it_stands,
) -> Plan:
    """Plan an import.

    :param source: the file as read
    :param schema: schema of what is imported
    :param other: schema of the other private type, to recognise its lists
    :param vocabularies: the lists in force
    :param synonyms: other people's headers
    :param known: what is there already
    :param choices: what was chosen
    :param cells: reads the cells
    :param refusal: why the person may not write a field, empty where they may
    :param mend: puts texts that stand for cells into the rows of a table, once its headers are found
    :returns: the plan
    :raises FileProblem: if no column can serve as the name
    """
    headers = HeaderMap(schema, synonyms, other)
    plan = Plan(notes=list(source.notes))
    tables = [mend(table) for table in choose_tables(source, headers, choices, plan)]
    whole_city = choices.department is None
    assigned = [
        (table, headers.assign(table, choices.columns, whole_city=whole_city)) for table in tables
    ]
    for table, assignments in assigned:
        plan.header_rows[table.sheet] = table.header_row
        lacking = lacking_column(
            table, assignments, schema, HeaderMap(other, synonyms), whole_city=whole_city
        )
        if lacking is None:
            continue
        if not choices.read_known or not table.rows:
            raise FileProblem(lacking.text, **lacking.params)
        plan.lacking = plan.lacking or lacking
    if plan.lacking is not None:
        plan.columns = [(table.sheet, assignments) for table, assignments in assigned]
        return plan
    task = Task(
        schema,
        vocabularies,
        synonyms,
        known,
        choices,
        cells,
        refusal,
        plan,
        Departments(known.departments, choices),
        Sources(known.sources),
        Recogniser(known, asked=choices.read_known),
    )
    for table, assignments in assigned:
        _plan_table(task, source.filename, table, assignments)
    task.departments.report(plan)
    plan.offers = task.sources.offers()
    return plan


def _plan_table(task: Task, filename: str, table: Table, assignments: list[Assignment]) -> None:
    plan = task.plan
    plan.columns.append((table.sheet, assignments))
    plan.total += len(table.rows)
    used = [item for item in assignments if _is_used(task, table, item)]
    ids = [item for item in used if item.target == "external_id"]
    if ids:
        plan.origin = task.choices.origin or default_origin(filename, ids[0].column.header)
    width = max(
        (*(len(cells) for _, cells in table.rows), *(c.index + 1 for c in table.columns)), default=0
    )
    orders = _date_orders(task.schema, table, used)
    columns = Columns(table.sheet, used, orders, plan.origin, width)
    for number, cells in table.rows:
        draft = Draft(task, columns, number, cells)
        draft.give(task.choices.given.get(f"{table.sheet}!{number}", {}))
        plan_row(draft)


def _is_used(task: Task, table: Table, item: Assignment) -> bool:
    """Tell whether a column is read, and say why if it isn't."""
    plan, label = task.plan, item.column.label

    def keep_out(message: Message) -> bool:
        place = Place(table.sheet, table.header_row, item.column.index)
        plan.problems.append(
            Problem(Severity.WARNING, table.sheet, None, label, "", message, place=place)
        )
        return False

    if item.fate is Fate.UNKNOWN:
        return keep_out(item.remark or Message("No field fits this column: it was kept out."))
    if item.fate is Fate.IGNORED:
        return keep_out(item.remark or Message("It was kept out."))
    if item.fate is Fate.LEFT_OUT:
        return False
    reason = task.refusal(item.target) if item.fate is Fate.USED else ""
    if reason:
        return keep_out(Message(reason))
    if item.remark:
        plan.notes.append(
            Message('Column "%(column)s": %(remark)s', {"column": label, "remark": item.remark})
        )
    return True


def _date_orders(
    schema: Schema, table: Table, used: Iterable[Assignment]
) -> dict[int, bool | None]:
    orders: dict[int, bool | None] = {}
    for item in used:
        spec = schema.fields.get(item.target)
        if spec and spec.kind in ("date", "partial_date"):
            index = item.column.index
            orders[index] = is_day_first(
                text(cells[index]) for _, cells in table.rows if index < len(cells)
            )
    return orders


def default_origin(filename: str, header: str) -> str:
    """Name the list that a file's IDs belong to, alike for later versions of the file.

    :param filename: the file's name
    :param header: header of the ID's column
    :returns: the name without dates and version numbers, and the header
    """
    stem = filename.rsplit(".", 1)[0]
    words = re.split(r"[\W_]+", stem)
    kept = [
        word
        for word in words
        if word and not re.fullmatch(r"v?\d+|(?=.*\d)[0-9a-f]{6,40}", word, re.IGNORECASE)
    ]
    return f"{' '.join(kept) or 'list'}: {header or 'ID'}"
