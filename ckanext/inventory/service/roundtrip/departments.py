"""The departments of new rows in a workbook over several: found, near, unknown or not one's own."""

from __future__ import annotations

from functools import cached_property

from ckanext.inventory.fields import schema_for
from ckanext.inventory.service import imports
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets.messages import Message, Severity, also
from ckanext.inventory.spreadsheets.planning.departments import DepartmentNames, heir_of
from ckanext.inventory.spreadsheets.planning.known import Department
from ckanext.inventory.spreadsheets.returned import Line, Page

from .ground import Ground
from .plans import RowPlan


class RowDepartments:
    """Finds the departments that new rows name or belong to.

    :param ground: what comparisons of the file share
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._near: dict[str, str] = {}

    @cached_property
    def _known(self) -> list[Department]:
        return imports.departments_for(self._ground.session, self._ground.person)

    @cached_property
    def _names(self) -> DepartmentNames:
        return DepartmentNames(self._known)

    @cached_property
    def _mine(self) -> list[Department]:
        return [department for department in self._known if department.allowed]

    @cached_property
    def _names_of_mine(self) -> DepartmentNames:
        return DepartmentNames(self._mine)

    @cached_property
    def _offered(self) -> tuple[str, ...]:
        return tuple(imports.departments_offered(self._known))

    def of(self, line: Line) -> str | None:
        """Return the department that a row names or belongs to.

        :param line: the row
        :returns: organization id; None where it names none that the site knows
        """
        found = self._find(line)
        return found.id if found is not None else None

    def _written(self, line: Line) -> str:
        fix = self._fix(line)
        return line.text_of(layouts.DEPARTMENT) if fix is None else fix.strip()

    def _fix(self, line: Line) -> str | None:
        return self._ground.fix(line, layouts.DEPARTMENT)

    def _find(self, line: Line) -> Department | None:
        written = self._written(line)
        if written:
            return self._names.find(written)
        if self._ground.department:
            return next((one for one in self._known if one.id == self._ground.department), None)
        return self._mine[0] if len(self._mine) == 1 else None

    def settle(self, page: Page, line: Line, plan: RowPlan) -> bool:
        """Put a new row into its department, or say once what is wrong with what it names.

        :param page: its sheet
        :param line: the row
        :param plan: what it would do; gets the department
        :returns: whether the row has one
        """
        written, found = self._written(line), self._find(line)
        wrong = self._wrong(written, found)
        # The rows of a workbook of one department name none.
        fixable = bool(self._mine) and page.layout.column(layouts.DEPARTMENT) is not None
        if fixable and (wrong is not None or self._fix(line) is not None):
            self._ground.preview.offered[layouts.DEPARTMENT] = self._offered
        if found is not None and wrong is None:
            plan.content[layouts.DEPARTMENT] = found.id
            self._ground.preview.departments.add(found.id)
            return True
        self._ground.problem(
            plan,
            Severity.ERROR,
            layouts.DEPARTMENT,
            written,
            also(wrong or _UNKNOWN, _CHOOSE if fixable else _LEAVE_OUT),
            self._meant(written, found),
            fixable=fixable,
            label=schema_for(plan.package_type).fields[layouts.DEPARTMENT].label,
        )
        return False

    def _meant(self, written: str, found: Department | None) -> str:
        """Return what the department is called that is probably meant; many rows may say the same."""
        if written not in self._near:
            names = self._names_of_mine
            near = self._successor(found) if found is not None else names.near(written)
            self._near[written] = names.called(near) if written and near is not None else ""
        return self._near[written]

    def _successor(self, found: Department) -> Department | None:
        """Return the open department that one was merged into, if it is theirs."""
        heir = heir_of(found, self._known)
        return heir if heir.allowed else None

    def _wrong(self, written: str, found: Department | None) -> Message | None:
        if found is None:
            return _UNKNOWN if written else _NONE
        if not found.allowed:
            return _CLOSED if found.merged_into else _NOT_YOURS
        return _SEVERAL if self._names_of_mine.is_doubtful(written) else None


_UNKNOWN = Message("No department has this name.")
_NONE = Message("The row names no department.")
_CLOSED = Message("This department was merged into another one.")
_NOT_YOURS = Message("You can't add to this department.")
_SEVERAL = Message("Several departments have this name.")
_CHOOSE = Message("Choose the one that is meant, or leave the row out.")
_LEAVE_OUT = Message("Leave the row out, or ask the department to add it.")
