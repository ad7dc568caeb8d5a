"""The headers and labels of our own workbooks in the languages that the site offers.

A workbook says itself which language it is in, in its hidden column. A list that was typed off one, or saved
without that column, doesn't: its headers are looked for in every language of the site.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ckanext.inventory import config, vocabularies
from ckanext.inventory.fields import Schema, schema_for
from ckanext.inventory.service import languages
from ckanext.inventory.spreadsheets import returned
from ckanext.inventory.spreadsheets.headers import MARKS, HeaderMap
from ckanext.inventory.spreadsheets.layout import MARK_LISTS, Layout, Say, as_it_is, layouts
from ckanext.inventory.spreadsheets.reader import Source
from ckanext.inventory.spreadsheets.returned import Page
from ckanext.inventory.spreadsheets.synonyms import Synonyms, load, squash
from ckanext.inventory.types import ENTRY, SOURCE
from ckanext.inventory.vocabularies import normalise


def sayers() -> list[Say]:
    """Return what translates into each language of the site but English."""
    codes = dict.fromkeys(config.languages_offered())
    return [say for code in codes if (say := languages.sayer(code)) is not as_it_is]


def understood(synonyms: Synonyms, schema: Schema) -> Synonyms:
    """Add the headers of one package type in the languages of the site to other people's headers.

    What is understood already keeps its meaning, and what means two things means none of them.

    :param synonyms: other people's headers
    :param schema: the schema of the package type
    :returns: the same with more headers
    """
    speak = sayers()
    if not speak:
        return synonyms
    known = HeaderMap(schema, synonyms)
    found: dict[str, set[str]] = {}
    ignored: dict[str, str] = {}
    for header in _headers(schema):
        english = squash(header)
        target = known.lookup.get(english)
        for say in speak:
            word = squash(say(header))
            if not word or known.score(word):
                continue
            if target:
                found.setdefault(word, set()).add(target)
            elif english in synonyms.ignored:
                ignored[word] = synonyms.ignored[english]
    clear = {word: next(iter(targets)) for word, targets in found.items() if len(targets) == 1}
    of_type = {**clear, **synonyms.headers.get(schema.package_type, {})}
    return replace(
        synonyms,
        headers={**synonyms.headers, schema.package_type: of_type},
        ignored={**ignored, **synonyms.ignored},
    )


def row_sheets(
    source: Source,
    sheets: Mapping[str, Layout] | None = None,
    chosen: Mapping[str, str] | None = None,
) -> list[Page]:
    """Find sheets of rows, such as Blockers, whatever language of the site their headers are in.

    :param source: the file as read
    :param sheets: the sheets of a workbook as somebody downloads it, all of them without
    :param chosen: header that isn't understood to the key of the column that somebody said it is
    :returns: the sheets
    """
    speak = {code: languages.sayer(code) for code in ("", *config.languages_offered())}
    translating = {code: say for code, say in speak.items() if not code or say is not as_it_is}
    return returned.row_sheets(
        source, sheets or _layouts(), _schemas(), load(), translating, chosen
    )


def _schemas() -> dict[str, Schema]:
    return {kind: schema_for(kind) for kind in (ENTRY, SOURCE)}


def _layouts() -> dict[str, Layout]:
    return layouts(_schemas(), vocabularies.load())


def _headers(schema: Schema) -> Iterator[str]:
    for column in _layouts()[schema.package_type].columns:
        yield column.header
    for spec in schema.fields.values():
        yield from (word for word in (spec.label, spec.term) if word)


def labels(schema: Schema) -> dict[str, Mapping[str, str]]:
    """Return what a cell may say for a value in the languages of the site, field by field.

    :param schema: the schema
    :returns: field, part of a field of rows (``release_blockers.kind``) or mark to normalised label to
        value; nothing of English labels
    """
    speak = sayers()
    if not speak:
        return {}
    words = vocabularies.load()
    choices = {spec.name: spec.choices for spec in schema.fields.values() if spec.choices}
    choices |= {
        f"{spec.name}.{sub.name}": sub.choices
        for spec in schema.fields.values()
        for sub in spec.subfields
        if sub.choices
    }
    marks = {MARK_LISTS.get(name, name) for name in MARKS.get(schema.package_type, ())}
    choices |= {name: words.choices(name) for name in marks & words.lists.keys()}
    return {
        name: {
            normalise(said): choice.value
            for say in speak
            for choice in offered
            if (said := say(choice.label)) != choice.label
        }
        for name, offered in choices.items()
    }
