"""Which record a row means: its number, name, department and ID."""

from __future__ import annotations

from collections.abc import Sequence

from ckanext.inventory.spreadsheets.headers import DEPARTMENT, NUMBER
from ckanext.inventory.spreadsheets.messages import Message, shorten
from ckanext.inventory.spreadsheets.values import plain_text

from .draft import Draft
from .known import Department, Ref
from .recognition import Identity

MAX_TITLE = 200


def read_number(draft: Draft) -> Ref | None:
    """Find the record whose number the row bears.

    :param draft: the row
    """
    for item, written in draft.texts(NUMBER):
        found = draft.task.known.numbers.get(written.upper())
        if found:
            return found
        draft.warn(
            item.column,
            written,
            Message("No record has this number: a new one is given."),
        )
    return None


def read_title(draft: Draft) -> bool:
    """Read the name, shortened if it is too long.

    :param draft: the row
    :returns: whether it has one
    """
    texts = draft.texts("title")
    if not texts:
        draft.fail(draft.columns.first("title"), "", Message("The row has no name."))
        return False
    item, written = texts[0]
    reading = plain_text(written)
    title = " ".join(str(reading.value).split())
    if reading.message:
        draft.warn(item.column, written, reading.message)
    if len(title) > MAX_TITLE:
        full, title = title, shorten(title, MAX_TITLE)
        draft.warn(
            item.column,
            written,
            Message(
                "A name has at most %(limit)s characters: it was shortened, the whole text is "
                "in the description or the comments.",
                {"limit": MAX_TITLE},
            ),
        )
        if draft.texts("notes"):
            draft.comments.append(full)
        else:
            draft.content["notes"] = full
            draft.add_beside("notes", item.column.label, full)
    draft.content["title"] = title
    return True


def read_department(draft: Draft) -> bool:
    """Find the department, given or named by the row.

    :param draft: the row
    :returns: False if the row is left out with its department
    """
    departments, given = draft.task.departments, draft.task.choices.department
    texts = draft.texts(DEPARTMENT)
    candidates = [written for _, written in texts]
    found = departments.find(candidates)
    if given:
        draft.department = given
        if found and found.id != given:
            draft.fail(
                texts[0][0].column,
                candidates[0],
                Message(
                    'The row names "%(department)s", which is another department: leave the row out, '
                    "or bring the file there.",
                    {"department": found.title},
                ),
            )
        elif candidates and not found and "division" in draft.fields:
            division = draft.content["division"] = max(candidates, key=len)
            draft.add_beside("division", texts[0][0].column.label, division)
            departments.read_as_division(division)
    elif found and found.allowed:
        draft.department = found.id
    elif candidates:
        chosen = departments.by_choice(candidates, found)
        if chosen == "":
            return False
        draft.department = chosen or _not_addable(draft, candidates, found)
    else:
        draft.fail(draft.columns.first(DEPARTMENT), "", Message("The row names no department."))
    draft.content[DEPARTMENT] = draft.department
    return True


def _not_addable(draft: Draft, candidates: Sequence[str], found: Department | None) -> str:
    """Keep the row out unless its department is to be made; reported once for all its rows."""
    if found:
        draft.task.departments.forbid(found)
        draft.failed = True
        return found.id
    if not draft.task.choices.create_departments:
        draft.failed = True
    return draft.task.departments.unknown(candidates)


def read_identity(draft: Draft) -> Identity:
    """Read the ID in a list, and return all that the row is recognised by.

    :param draft: the row, with name and department
    """
    foreign = None
    texts = draft.texts("external_id")
    if texts:
        named = [" ".join(written.split()) for _, written in draft.texts("external_id_origin")]
        origin = named[0] if named else draft.columns.origin
        external_id = " ".join(texts[0][1].split())
        foreign = (origin, external_id)
        draft.content |= {"external_id": external_id, "external_id_origin": origin}
    return Identity(
        draft.columns.sheet, draft.number, draft.department, draft.content["title"], foreign
    )
