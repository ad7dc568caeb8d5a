""" "The same one?": which records the new rows of a file may be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Record
from ckanext.inventory.service import register, search
from ckanext.inventory.spreadsheets.planning.alike import Grade, Names
from ckanext.inventory.spreadsheets.planning.known import Ref, fold
from ckanext.inventory.types import ENTRY, SOURCE, Person

from .plans import NEW, OUT, RowPlan


class Sameness:
    """Knows what the records of departments are called, as far as somebody may read them.

    :param session: the database session
    :param person: who brings the file
    """

    def __init__(self, session: Session, person: Person) -> None:
        self._session = session
        self._visible = search.visible(policy.scope(person))
        self._names: dict[tuple[str, str], Names] = {}

    def names(self, package_type: str, department: str) -> Names:
        """Return the names of a department's records.

        :param package_type: the records' type
        :param department: organization id
        """
        self._load(package_type, {department})
        return self._names[package_type, department]

    def _load(self, package_type: str, departments: Iterable[str]) -> None:
        wanted = {one for one in departments if (package_type, one) not in self._names}
        if not wanted:
            return
        query = sa.select(Record.department, Record.package_id, Record.number, Record.title).where(
            Record.package_type == package_type,
            Record.department.in_(wanted),
            Record.package_state == "active",
            self._visible,
        )
        found: dict[str, list[Ref]] = {department: [] for department in wanted}
        for row in self._session.execute(query.order_by(Record.number)):
            found[row.department].append(Ref.of(row))
        for department, refs in found.items():
            self._names[package_type, department] = Names(refs)

    def offer(
        self, rows: Iterable[RowPlan], answers: Mapping[str, str]
    ) -> list[tuple[RowPlan, RowPlan]]:
        """Offer records that new rows look like, and leave out those that are there by the same name.

        A row is offered the record of the same name, else of nearly the same name, else of a name with
        one word more or less that comes from the same source.

        :param rows: rows of a file
        :param answers: ``sheet!row`` to what was answered so far
        :returns: rows that bear the name of a row further up, which are left out, and that row
        """
        new = [row for row in rows if row.new is not None and row.same is None]
        for package_type in (SOURCE, ENTRY):
            mine = [row for row in new if row.package_type == package_type]
            self._load(package_type, {_owner(row) for row in mine})
        akin: list[tuple[RowPlan, list[Ref]]] = []
        twins: list[tuple[RowPlan, RowPlan]] = []
        seen: dict[tuple[str, str, str], RowPlan] = {}
        for row in new:
            found = list(self.names(row.package_type, _owner(row)).find(row.title))
            alike = [(grade, ref) for grade, ref in found if grade is not Grade.AKIN]
            if alike:
                row.same = alike[0][1]
            elif found and _has_source(row.content):
                akin.append((row, [ref for _grade, ref in found]))
            there = bool(alike) and alike[0][0] is Grade.SAME
            answer = answers.get(row.where, "")
            twin = seen.setdefault((row.package_type, _owner(row), fold(row.title)), row)
            if answer == OUT or (there and answer != NEW):
                row.left_out = True
            elif twin is not row and answer != NEW:
                row.left_out = True
                twins.append((row, twin))
        if akin:
            self._offer_akin(akin)
        return twins

    def _offer_akin(self, rows: Sequence[tuple[RowPlan, list[Ref]]]) -> None:
        """Offer the first record of a name akin to a row's that comes from the row's source."""
        stored = register.current_contents(
            self._session, {ref.id for _row, refs in rows for ref in refs}
        )
        both = [row.content for row, _refs in rows] + list(stored.values())
        titles = self._titles({source for content in both for source in _linked(content)})
        for row, refs in rows:
            mine = _sources(row.content, titles)
            row.same = next(
                (ref for ref in refs if mine & _sources(stored.get(ref.id, {}), titles)), None
            )

    def _titles(self, ids: Collection[str]) -> dict[str, str]:
        """Return what sources are called, so that a described one is found by a linked one."""
        if not ids:
            return {}
        query = sa.select(Record.package_id, Record.title).where(
            Record.package_id.in_(ids), sa.or_(self._visible, Record.shared.is_(sa.true()))
        )
        return {row.package_id: fold(row.title) for row in self._session.execute(query)}


def _owner(row: RowPlan) -> str:
    return str(row.content.get("owner_org"))


def _linked(content: Mapping[str, Any]) -> list[str]:
    return list(content.get("source_ids") or ())


def _described(content: Mapping[str, Any]) -> str:
    return fold(str(content.get("system_of_record_note") or ""))


def _has_source(content: Mapping[str, Any]) -> bool:
    return bool(_linked(content) or _described(content))


def _sources(content: Mapping[str, Any], titles: Mapping[str, str]) -> set[str]:
    """Name an entry's sources, linked or only described."""
    return {*(titles.get(one, one) for one in _linked(content)), _described(content)} - {""}
