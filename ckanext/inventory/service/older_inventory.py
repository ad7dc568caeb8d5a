"""Taking over an older inventory: a file with its past states, days, reasons and links.

The rows are read and validated as an import reads them; what is said of their past is looked at besides.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, vocabularies
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import PastState
from ckanext.inventory.partial_date import parse_partial_date
from ckanext.inventory.publishing import resolving
from ckanext.inventory.publishing.resolving import NOTHING, Target
from ckanext.inventory.service import bulk, imports, takeover
from ckanext.inventory.service.imports import Prepared, Upload
from ckanext.inventory.service.takeover import Past, Taken
from ckanext.inventory.spreadsheets import past, synonyms
from ckanext.inventory.spreadsheets.headers import HeaderMap
from ckanext.inventory.spreadsheets.planning.choices import Choices
from ckanext.inventory.spreadsheets.reader import read
from ckanext.inventory.spreadsheets.told import Told, ToldRow
from ckanext.inventory.spreadsheets.values import Reader
from ckanext.inventory.types import ENTRY, NOT_KNOWN, Person, State

SAMPLES = 3

CHOSEN, REMEMBERED, GUESSED = "chosen", "remembered", "guessed"

NO_REASON = "It was withheld before this system; the older inventory gives no reason."


@dataclass(frozen=True)
class Wish:
    """What somebody said of the past.

    :param columns: part → header
    :param states: word → state
    """

    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    states: Mapping[str, State] = field(default_factory=dict[str, State])


@dataclass
class Word:
    """A word of the older inventory and what it means here.

    :param word: as counted; empty for an empty cell
    :param state: what it means, None while nobody said
    :param how: chosen, remembered, guessed, or empty
    :param rows: how many rows say so
    :param samples: titles of a few of them
    """

    word: str
    state: State | None
    how: str
    rows: int = 0
    samples: list[str] = field(default_factory=list[str])


@dataclass
class Remark:
    """Something about a row's link that somebody should know.

    :param sheet: its sheet
    :param row: its row
    :param title: its title
    :param reference: what the file says
    """

    sheet: str
    row: int
    title: str
    reference: str


@dataclass
class OlderPlan:
    """What taking over would do.

    :param prepared: the rows as an import reads them
    :param columns: which column tells what
    :param words: words of the state's column
    :param taken: entries with their past; rows whose word means nothing yet are absent
    :param not_found: published rows whose dataset isn't on the portal
    :param nowhere: published rows without dataset and address, which arrive approved
    :param several: rows whose address belongs to several datasets
    :param shared: dataset id → titles, where several entries have the same dataset
    """

    prepared: Prepared
    columns: Told
    words: list[Word]
    taken: list[Taken]
    not_found: list[Remark] = field(default_factory=list[Remark])
    nowhere: list[Remark] = field(default_factory=list[Remark])
    several: list[Remark] = field(default_factory=list[Remark])
    shared: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])

    @property
    def unsaid(self) -> list[Word]:
        """The words of which nobody said what they mean."""
        return [word for word in self.words if word.state is None]

    def arriving(self) -> dict[str, int]:
        """Count the entries by the state that they would get."""
        return dict(Counter(one.past.arrives.value for one in self.taken))


def plan(
    session: Session,
    person: Person,
    user_name: str,
    upload: Upload,
    choices: Choices,
    wish: Wish,
    *,
    lock: bool = False,
) -> OlderPlan:
    """Say what taking over a file would do. Writes nothing.

    :param session: the database session
    :param person: the CDO
    :param user_name: their account
    :param upload: the file
    :param choices: how its rows are read
    :param wish: how its past is read
    :param lock: hold the departments, because the act follows in this transaction
    :returns: the plan
    :raises FileProblem: if the file can't be read or has no column for the name
    """
    prepared = imports.plan_import(session, person, user_name, ENTRY, upload, choices, lock=lock)
    columns = _columns(upload, prepared, wish)
    rows = [_row_of(columns, record) for record in prepared.records]
    has_state = "state" in columns.chosen
    said = [past.word_in(row, has_state=has_state) for row in rows]
    words = _words(session, said, prepared.records, wish)
    found = OlderPlan(prepared, columns, list(words.values()), [])
    states = [words[word].state for word in said]
    targets = _targets(session, rows, states)
    dates = _dates(choices)
    kept: list[Taken] = []
    for record, row, word, state in zip(prepared.records, rows, said, states, strict=True):
        if state is not None:
            past_of = _past(row, word, state, targets, dates)
            kept.append(Taken(record, past_of))
            _remark(found, record, row, past_of, targets)
    _explain_withheld(session, person, user_name, kept)
    found.taken = kept
    _note_shared(found)
    return found


def _columns(upload: Upload, prepared: Prepared, wish: Wish) -> Told:
    source = read(upload.data, upload.filename, imports.limits())
    headers = HeaderMap(schema_for(ENTRY), synonyms.load())
    read_sheets = {sheet for sheet, _assignments in prepared.plan.columns}
    sheets = [sheet for sheet in source.sheets if sheet.name in read_sheets]
    return past.find(sheets, headers.score, wish.columns)


def _row_of(columns: Told, record: bulk.NewRecord) -> ToldRow:
    assert record.origin is not None
    _digest, sheet, number = record.origin
    return columns.rows.get((sheet, number), ToldRow())


def _title(record: bulk.NewRecord) -> str:
    return str(record.content.get("title") or "")


def _words(
    session: Session, said: Sequence[str], records: Sequence[bulk.NewRecord], wish: Wish
) -> dict[str, Word]:
    remembered = _remembered(session, set(said))
    words: dict[str, Word] = {}
    for word, record in zip(said, records, strict=True):
        if word not in words:
            if word in wish.states:
                words[word] = Word(word, wish.states[word], CHOSEN)
            elif word in remembered:
                words[word] = Word(word, remembered[word], REMEMBERED)
            else:
                guessed = past.guess(word)
                words[word] = Word(word, guessed, GUESSED if guessed else "")
        words[word].rows += 1
        if len(words[word].samples) < SAMPLES:
            words[word].samples.append(_title(record))
    return dict(sorted(words.items(), key=lambda item: -item[1].rows))


def _remembered(session: Session, words: set[str]) -> dict[str, State]:
    query = sa.select(PastState.word, PastState.state).where(PastState.word.in_(words))
    return {row.word: State(row.state) for row in session.execute(query)}


def _references(row: ToldRow) -> list[str]:
    """What a row says of its dataset, the more certain first."""
    return [row.cells[part] for part in ("dataset", "url") if row.cells.get(part)]


def _targets(
    session: Session, rows: Sequence[ToldRow], states: Sequence[State | None]
) -> dict[str, Target]:
    wanted = {
        reference
        for row, state in zip(rows, states, strict=True)
        if state is State.PUBLISHED
        for reference in _references(row)
    }
    return resolving.resolve(session, wanted)


def _target(row: ToldRow, targets: Mapping[str, Target]) -> Target:
    """Choose a dataset here before an address elsewhere."""
    found = [targets.get(reference, NOTHING) for reference in _references(row)]
    here = [target for target in found if target.dataset_id]
    elsewhere = [target for target in found if target.url]
    return next(iter([*here, *elsewhere]), NOTHING)


def _dates(choices: Choices) -> tuple[Reader, bool]:
    day_first = choices.day_first or config.import_day_first()
    words = vocabularies.load()
    reader = Reader(words, synonyms.load(), {}, {}, day_first=day_first, year=clock.today().year)
    return reader, day_first


def _partial(row: ToldRow, part: str, dates: tuple[Reader, bool]) -> str | None:
    reader, day_first = dates
    cell = row.raw.get(part)
    if cell is None:
        return None
    return reader.parse_date(cell, row.cells.get(part, ""), day_first=day_first)


def _past(
    row: ToldRow,
    word: str,
    state: State,
    targets: Mapping[str, Target],
    dates: tuple[Reader, bool],
) -> Past:
    target = _target(row, targets) if state is State.PUBLISHED else NOTHING
    written = _partial(row, "date", dates)
    again = _partial(row, "look_again", dates)
    return Past(
        state,
        said=row.cells.get("state", "") or word,
        on=_first_day(written) if written else None,
        reason=row.cells.get("reason", ""),
        look_again=again if state in (State.DEFERRED, State.WITHHELD) else None,
        dataset_id=target.dataset_id,
        url=target.url,
    )


def _first_day(written: str) -> dt.date | None:
    """Return the first day of a partial date that isn't in the future."""
    year, month, day = [*str(parse_partial_date(written)).split("-"), "01", "01"][:3]
    found = dt.date(int(year), int(month), int(day))
    return found if found <= clock.today() else None


def _remark(
    found: OlderPlan,
    record: bulk.NewRecord,
    row: ToldRow,
    past_of: Past,
    targets: Mapping[str, Target],
) -> None:
    if past_of.state is not State.PUBLISHED or record.origin is None:
        return
    references = _references(row)
    _digest, sheet, number = record.origin
    for reference in references:
        target = targets.get(reference, NOTHING)
        remark = Remark(sheet, number, _title(record), reference)
        if target.several:
            found.several.append(remark)
        elif not target.found:
            found.not_found.append(remark)
    if not past_of.linked:
        found.nowhere.append(Remark(sheet, number, _title(record), ", ".join(references)))


def _note_shared(found: OlderPlan) -> None:
    titles: dict[str, list[str]] = {}
    for one in found.taken:
        if one.past.dataset_id:
            titles.setdefault(one.past.dataset_id, []).append(_title(one.record))
    found.shared = {key: several for key, several in titles.items() if len(several) > 1}


def _explain_withheld(
    session: Session, person: Person, user_name: str, taken: Sequence[Taken]
) -> None:
    """Give what is withheld without a blocker the open one that its state needs."""
    bare = [
        one
        for one in taken
        if one.past.state is State.WITHHELD and not one.record.content.get("release_blockers")
    ]
    if not bare:
        return
    for one in bare:
        row = {"kind": NOT_KNOWN, "rationale": one.past.reason or NO_REASON}
        one.record.content = {
            **one.record.content,
            "blocker_status": "some",
            "release_blockers": [row],
        }
    before = [one.record.validated for one in bare]
    errors = bulk.validate(session, ENTRY, [one.record for one in bare], person, user_name)
    for one, wrong, validated in zip(bare, errors, before, strict=True):
        if wrong:
            one.record.validated = validated


def run(session: Session, person: Person, planned: OlderPlan) -> imports.Done:
    """Take the file over, and remember what its words mean. The caller commits.

    :param session: the database session
    :param person: the CDO
    :param planned: the plan, made in this transaction with ``lock``
    :returns: what was made
    """
    _remember(session, person, planned.words)

    def write(details: Mapping[str, Any]) -> Sequence[bulk.Created]:
        states = planned.arriving()
        return takeover.write(session, person, planned.taken, {**details, "states": states})

    return imports.run_import(session, person, ENTRY, planned.prepared, write)


def _remember(session: Session, person: Person, words: Sequence[Word]) -> None:
    rows = [
        {"word": word.word, "state": word.state.value, "by": person.user_id, "at": clock.now()}
        for word in words
        if word.state is not None
    ]
    if not rows:
        return
    statement = insert(PastState)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["word"],
            set_={name: statement.excluded[name] for name in ("state", "by", "at")},
        ),
        rows,
    )
