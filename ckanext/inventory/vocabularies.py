"""The lists of values and the rules that hang on them, read from one file that a city may replace.

Only :func:`load` touches a file. Everything else is frozen data, so that validators, importer,
requirements and pages share one reading of it.
"""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

import yaml

from ckanext.inventory.types import NOT_KNOWN

DEFAULT_PATH = "ckanext.inventory:schemas/vocabularies.yaml"
EMPTY = "empty"
"""In a rule's condition: nothing is stored."""

COMPUTED_FACTS = frozenset(
    {
        "classification",
        "classified_by",
        "contains_sensitive_data",
        "open_blockers",
        "open_justifies",
        "release",
    }
)
"""Facts that a rule of the likelihood may ask for besides the fields of an entry."""

RELEASES = ("direct", "review", "review_and_treatment", "never", "cannot")
EXCLUSIVE = frozenset({"no", "none", NOT_KNOWN})
"""Values that exclude all others in a multiple choice."""

DERIVED_LISTS = ("classification", "blocker_kind", "blocker_detail", "likelihood", "why_listed")
REQUIRED_LISTS = (
    "category",
    "format",
    "change_frequency",
    "value",
    "source_known",
    "data_dictionary",
    "existing_etl",
    "existing_publication",
    "request_frequency",
    "quality_concern",
    "blocker_status",
    "contains_sensitive_data",
    "blocker_row_status",
    "review_kind",
    "reviews_needed",
    "review_outcome",
    "triage",
    "in_directory",
    "visibility",
    "listing",
    "retire_reason",
    "source_type",
    "hosting",
    "planned_change",
    "yields",
    "lifecycle_status",
)

FIXED_VALUES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "value": frozenset({NOT_KNOWN}),
        "source_known": frozenset({"linked", "described", "no_system", NOT_KNOWN}),
        "quality_concern": frozenset({"none", "minor", "major", NOT_KNOWN}),
        "blocker_status": frozenset({"none", "some", NOT_KNOWN}),
        "contains_sensitive_data": frozenset({"no", "yes", "yes_can_be_treated", NOT_KNOWN}),
        "blocker_row_status": frozenset({"open", "resolved", "waived", NOT_KNOWN}),
        "review_outcome": frozenset({"passed", "passed_with_conditions", "failed"}),
        "triage": frozenset({"worth_detailing", "later", "not_a_dataset"}),
        "in_directory": frozenset({"yes", "no"}),
        "visibility": frozenset({"normal", "department_and_cdo_only"}),
        "listing": frozenset({NOT_KNOWN, "allowed", "never"}),
        "yields": frozenset({"one"}),
    }
)
"""Values that rules in the code speak of: a replaced file may rename labels, not drop values."""


class VocabularyProblem(ValueError):
    """The file of vocabularies is broken or incomplete.

    :param path: the file as it was configured
    :param problems: (key, what is wrong) pairs
    """

    def __init__(self, path: str, problems: Iterable[tuple[str, str]]):
        self.path = path
        self.problems = tuple(problems)
        lines = "\n".join(f"  {key}: {message}" for key, message in self.problems)
        super().__init__(f"{path} can't be used:\n{lines}")


@dataclass(frozen=True)
class Choice:
    """One value of a list.

    :param value: what is stored
    :param label: what people read
    :param help: one more sentence about it
    :param exclusive: in a multiple choice it excludes the others
    :param synonyms: what spreadsheets say for it
    :param iso8601: how often, as an ISO 8601 repeating interval (change frequencies only)
    :param guide: the guide's question (prompts only)
    """

    value: str
    label: str
    help: str = ""
    exclusive: bool = False
    synonyms: tuple[str, ...] = ()
    iso8601: str = ""
    guide: str = ""


@dataclass(frozen=True)
class Level(Choice):
    """A level of classification; code asks for its attributes, never for its rank.

    :param release: what approve demands: ``direct``, ``review``, ``review_and_treatment``,
        ``never`` or ``cannot``
    :param needs_justification: approve asks for a written reason
    :param in_directory: its entries may appear in the city directory
    :param default_reviews: the reviews needed as long as nobody has said which
    """

    release: str = "cannot"
    needs_justification: bool = False
    in_directory: bool = False
    default_reviews: tuple[str, ...] = ()

    @property
    def releasable(self) -> bool:
        """Whether an entry of this level can be approved at all."""
        return self.release in ("direct", "review", "review_and_treatment")


@dataclass(frozen=True)
class BlockerKind(Choice):
    """A family of blockers.

    :param justifies_withholding: may lead to "Can't be released", not only to "Not now"
    :param sensitive: a row of this kind means that the data are sensitive
    :param details: values of the finer kinds that it offers
    """

    justifies_withholding: bool = False
    sensitive: bool = False
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class LikelihoodRule:
    """One line of the rule table behind the likelihood of release.

    :param when: fact → the values that fulfil it; all facts must be fulfilled
    :param effect: a value of the likelihood
    :param sign: ``+`` speaks for release, ``-`` against
    :param reason: the reason in words
    """

    when: Mapping[str, frozenset[str]]
    effect: str
    sign: str
    reason: str


@dataclass(frozen=True)
class Vocabularies:
    """All lists and rules in force.

    :param path: where they were read from
    :param lists: name of a list → its choices, in the order of display
    :param levels: value → level, in the order of display
    :param blocker_kinds: value → family
    :param likelihood_rules: the rule table
    :param empty_words: normalised cells that mean nothing was entered
    :param not_known_words: normalised cells that mean ``not_known_yet``
    :param placeholders: normalised texts that are no sentence
    """

    path: str
    lists: Mapping[str, tuple[Choice, ...]]
    levels: Mapping[str, Level]
    blocker_kinds: Mapping[str, BlockerKind]
    likelihood_rules: tuple[LikelihoodRule, ...]
    empty_words: frozenset[str] = frozenset()
    not_known_words: frozenset[str] = frozenset()
    placeholders: frozenset[str] = frozenset()

    def choices(self, name: str) -> tuple[Choice, ...]:
        """Return the choices of a list.

        :param name: name of the list
        :returns: its choices in the order of display
        :raises KeyError: if there is no such list
        """
        return self.lists[name]

    @cached_property
    def _values(self) -> Mapping[str, frozenset[str]]:
        return {name: frozenset(c.value for c in choices) for name, choices in self.lists.items()}

    @cached_property
    def _exclusive(self) -> Mapping[str, frozenset[str]]:
        return {
            name: frozenset(c.value for c in choices if c.exclusive)
            for name, choices in self.lists.items()
        }

    @cached_property
    def _labels(self) -> Mapping[str, Mapping[str, str]]:
        return {name: {c.value: c.label for c in choices} for name, choices in self.lists.items()}

    @cached_property
    def _synonyms(self) -> Mapping[str, Mapping[str, str]]:
        return {name: _synonyms(choices) for name, choices in self.lists.items()}

    def values(self, name: str) -> frozenset[str]:
        """Return the values of a list.

        :param name: name of the list
        :returns: its values
        :raises KeyError: if there is no such list
        """
        return self._values[name]

    def exclusive(self, name: str) -> frozenset[str]:
        """Return the values that exclude all others in a multiple choice.

        :param name: name of the list
        :returns: those values
        :raises KeyError: if there is no such list
        """
        return self._exclusive[name]

    def label(self, name: str, value: str) -> str:
        """Return the label of a value.

        :param name: name of the list
        :param value: a stored value
        :returns: its label; the value itself if the list doesn't have it any more
        :raises KeyError: if there is no such list
        """
        return self._labels[name].get(value, value)

    def level(self, value: str | None) -> Level | None:
        """Return a level of classification.

        :param value: its value, or None
        :returns: the level; None if there is none or the list doesn't have it any more
        """
        return self.levels.get(value or "")

    def prompts(self) -> tuple[Choice, ...]:
        """Return the guide's questions that help to find datasets.

        :returns: the choices of ``why_listed`` that have a question
        """
        return tuple(c for c in self.lists["why_listed"] if c.guide)

    def match(self, name: str, text: str) -> str | None:
        """Find the value that a spreadsheet's cell means.

        :param name: name of the list
        :param text: the cell, compared without case, accents, punctuation and plural
        :returns: a value of the list, an empty string for what means nothing was entered, or None
            if nothing fits
        :raises KeyError: if there is no such list
        """
        found = self._synonyms[name].get(normalise(text))
        return self.match_word(text) if found is None else found

    def match_word(self, text: str) -> str | None:
        """Tell whether a cell says nothing, or that nobody knows, whatever its column.

        :param text: the cell
        :returns: an empty string, ``not_known_yet``, or None for anything else
        """
        stripped = text.strip().casefold()
        word = normalise(text)
        if not stripped or stripped in self.empty_words or word in self.empty_words:
            return ""
        if stripped in self.not_known_words or word in self.not_known_words:
            return NOT_KNOWN
        return None

    def is_placeholder(self, text: str) -> bool:
        """Tell whether a text says nothing although something is written.

        :param text: a reason or comment
        :returns: whether it is one of the placeholders (``NA``, ``None.``, ``Open``)

        Source: rule P9 (placeholders as reasons in real inventories).
        """
        return normalise(text) in self.placeholders


_SHORT = 100
"""Characters up to which a text is kept: cells and labels say the same words again and again."""


def normalise(text: str) -> str:
    """Reduce a text to what counts when cells and values are compared.

    :param text: any text
    :returns: without case, accents and plural, each run of other characters one space
    """
    return _reduced(text) if len(text) <= _SHORT else _reduced.__wrapped__(text)


@lru_cache(maxsize=4_096)
def _reduced(text: str) -> str:
    plain = text.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain)
        plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.sub(r"[\W_]+", " ", plain).split()
    singular = (word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words)
    return " ".join(word for word in singular if word != "s")


def _synonyms(choices: Iterable[Choice]) -> Mapping[str, str]:
    """Build the look-up of a list; a value or label wins over another choice's synonym."""
    found: dict[str, str] = {}
    for choice in choices:
        for text in (choice.value, choice.label):
            found.setdefault(normalise(text), choice.value)
    for choice in choices:
        for text in choice.synonyms:
            found.setdefault(normalise(text), choice.value)
    return found


def resolve(path: str) -> Path:
    """Find a file that is named in the configuration.

    :param path: ``package:path`` as scheming writes it, a ``file:`` address, or a path in the
        file system
    :returns: the path of the file, which may not exist
    :raises VocabularyProblem: if the package can't be found
    """
    if path.startswith("file:"):
        return Path(url2pathname(urlsplit(path).path))
    package, colon, rest = path.partition(":")
    if not colon or "/" in package:
        return Path(path)
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        raise VocabularyProblem(path, [("file", f"there is no package {package}")])
    return Path(spec.origin).parent / rest


_configured = DEFAULT_PATH


def use(path: str | None) -> None:
    """Say which file is in force, once at start.

    :param path: ``package:path`` or a path in the file system; None for the shipped file
    """
    global _configured
    _configured = path or DEFAULT_PATH


def load(path: str | None = None) -> Vocabularies:
    """Return the vocabularies, read once per file and process.

    :param path: ``package:path`` or a path in the file system; None for the file in force
    :returns: the vocabularies
    :raises VocabularyProblem: with everything that is wrong, if the file can't be used
    """
    return _read(path or _configured)


@cache
def _read(name: str) -> Vocabularies:
    try:
        text = resolve(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VocabularyProblem(name, [("file", f"can't be read ({error})")]) from error
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise VocabularyProblem(name, [("file", f"is no valid YAML ({error})")]) from error
    return parse(raw, name)


def parse(raw: Any, path: str) -> Vocabularies:
    """Turn a loaded file into vocabularies.

    :param raw: what the YAML holds
    :param path: where it comes from, for messages
    :returns: the vocabularies
    :raises VocabularyProblem: with everything that is wrong
    """
    reader = _Reader()
    found = reader.read(raw, path)
    if reader.problems or found is None:
        raise VocabularyProblem(path, reader.problems)
    return found


class _Reader:
    """Collects every problem of a file instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []

    def problem(self, key: str, message: str) -> None:
        self.problems.append((key, message))

    def mapping(self, value: Any, key: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return {str(k): v for k, v in cast("dict[Any, Any]", value).items()}
        self.problem(key, "is missing" if value is None else "must be a mapping")
        return {}

    def sequence(self, value: Any, key: str) -> list[Any]:
        if isinstance(value, list):
            return cast("list[Any]", value)
        self.problem(key, "is missing" if value is None else "must be a list")
        return []

    def strings(self, value: Any, key: str) -> tuple[str, ...]:
        if value is None:
            return ()
        texts: list[str] = []
        for item in self.sequence(value, key):
            if isinstance(item, str):
                texts.append(item)
            else:
                self.problem(key, f"{item!r} must be a text: put it in quotes")
        return tuple(texts)

    def flag(self, raw: Mapping[str, Any], key: str, where: str) -> bool:
        value = raw.get(key)
        if not isinstance(value, bool):
            self.problem(f"{where}.{key}", "must be true or false")
        return value is True

    def text(self, raw: Mapping[str, Any], key: str, where: str) -> str:
        value = raw.get(key, "")
        if isinstance(value, str):
            return value
        self.problem(f"{where}.{key}", f"{value!r} must be a text: put it in quotes")
        return ""

    def choice(self, raw: Any, where: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the arguments of a choice and the whole mapping."""
        entry = self.mapping(raw, where)
        value = self.text(entry, "value", where)
        label = self.text(entry, "label", where)
        if not value:
            self.problem(where, "a choice needs a value")
            return None
        where = f"{where}[{value}]"
        if not re.fullmatch(r"[a-z0-9_]+", value):
            self.problem(where, "a value has lower-case letters, digits and _ only")
        if not label:
            self.problem(where, "a choice needs a label")
        return {
            "value": value,
            "label": label,
            "help": self.text(entry, "help", where),
            "exclusive": bool(entry.get("exclusive", value in EXCLUSIVE)),
            "synonyms": self.strings(entry.get("synonyms"), f"{where}.synonyms"),
            "iso8601": self.text(entry, "iso8601", where),
            "guide": self.text(entry, "guide", where),
        }, entry

    def choices(self, raw: Any, where: str) -> tuple[Choice, ...]:
        found: dict[str, Choice] = {}
        for item in self.sequence(raw, where):
            read = self.choice(item, where)
            if read is None:
                continue
            choice = Choice(**read[0])
            if choice.value in found:
                self.problem(f"{where}[{choice.value}]", "stands twice")
            found[choice.value] = choice
        if not found:
            self.problem(where, "needs at least one choice")
        return tuple(found.values())

    def levels(self, raw: Any, reviews: frozenset[str]) -> dict[str, Level]:
        found: dict[str, Level] = {}
        for item in self.sequence(raw, "classification"):
            read = self.choice(item, "classification")
            if read is None:
                continue
            arguments, entry = read
            where = f"classification[{arguments['value']}]"
            release = self.text(entry, "release", where)
            if release not in RELEASES:
                self.problem(f"{where}.release", f"must be one of {', '.join(RELEASES)}")
            needed = self.strings(entry.get("default_reviews"), f"{where}.default_reviews")
            for review in needed:
                if review not in reviews:
                    self.problem(f"{where}.default_reviews", f"there is no review {review!r}")
            level = Level(
                **arguments,
                release=release,
                needs_justification=self.flag(entry, "needs_justification", where),
                in_directory=self.flag(entry, "in_directory", where),
                default_reviews=needed,
            )
            if level.value in found:
                self.problem(where, "stands twice")
            found[level.value] = level
        unknown = found.get(NOT_KNOWN)
        if unknown is None or unknown.release != "cannot":
            self.problem("classification", f"needs the level {NOT_KNOWN} with release: cannot")
        if not any(level.releasable for level in found.values()):
            self.problem("classification", "needs a level that can be released")
        return found

    def kinds(self, raw: Any, details: frozenset[str]) -> dict[str, BlockerKind]:
        found: dict[str, BlockerKind] = {}
        for item in self.sequence(raw, "blockers.kinds"):
            read = self.choice(item, "blockers.kinds")
            if read is None:
                continue
            arguments, entry = read
            where = f"blockers.kinds[{arguments['value']}]"
            offered = self.strings(entry.get("details"), f"{where}.details")
            for detail in offered:
                if detail not in details:
                    self.problem(f"{where}.details", f"there is no detail {detail!r}")
            kind = BlockerKind(
                **arguments,
                justifies_withholding=self.flag(entry, "justifies_withholding", where),
                sensitive=self.flag(entry, "sensitive", where),
                details=offered,
            )
            if kind.value in found:
                self.problem(where, "stands twice")
            found[kind.value] = kind
        if NOT_KNOWN not in found:
            self.problem("blockers.kinds", f"needs the kind {NOT_KNOWN}")
        return found

    def rules(self, raw: Any, effects: tuple[Choice, ...]) -> tuple[LikelihoodRule, ...]:
        found: list[LikelihoodRule] = []
        best = effects[-1].value if effects else ""
        known = {choice.value for choice in effects}
        for number, item in enumerate(self.sequence(raw, "likelihood.rules"), start=1):
            where = f"likelihood.rules[{number}]"
            entry = self.mapping(item, where)
            when = {
                fact: frozenset(self.strings(values, f"{where}.when.{fact}"))
                for fact, values in self.mapping(entry.get("when"), f"{where}.when").items()
            }
            effect = self.text(entry, "effect", where)
            reason = self.text(entry, "reason", where)
            sign = self.text(entry, "sign", where) or ("+" if effect == best else "-")
            if effect not in known:
                self.problem(f"{where}.effect", f"must be one of {', '.join(sorted(known))}")
            if sign not in ("+", "-"):
                self.problem(f"{where}.sign", "must be + or -")
            if not reason:
                self.problem(f"{where}.reason", "is missing: people read it")
            if not when or not all(when.values()):
                self.problem(f"{where}.when", "needs at least one fact with its values")
            found.append(LikelihoodRule(MappingProxyType(when), effect, sign, reason))
        return tuple(found)

    def read(self, raw: Any, path: str) -> Vocabularies | None:
        if not isinstance(raw, dict):
            self.problem("file", "must hold a mapping")
            return None
        data = self.mapping(raw, "file")
        given = self.mapping(data.get("lists"), "lists")
        lists = {name: self.choices(items, f"lists.{name}") for name, items in given.items()}
        for name in REQUIRED_LISTS:
            if name not in lists:
                self.problem(f"lists.{name}", "is missing")
        for name in DERIVED_LISTS:
            if name in lists:
                self.problem(f"lists.{name}", "has a place of its own in this file")
        for name, values in FIXED_VALUES.items():
            lost = values - {choice.value for choice in lists.get(name, ())}
            if name in lists and lost:
                self.problem(f"lists.{name}", f"must keep the values {', '.join(sorted(lost))}")
        reviews = frozenset(c.value for c in lists.get("reviews_needed", ()))
        for choice in lists.get("review_kind", ()):
            if choice.value not in reviews:
                self.problem("lists.reviews_needed", f"must offer the review {choice.value}")
        levels = self.levels(data.get("classification"), reviews)
        blockers = self.mapping(data.get("blockers"), "blockers")
        details = self.choices(blockers.get("details"), "blockers.details")
        kinds = self.kinds(blockers.get("kinds"), frozenset(c.value for c in details))
        likelihood = self.mapping(data.get("likelihood"), "likelihood")
        effects = self.choices(likelihood.get("values"), "likelihood.values")
        rules = self.rules(likelihood.get("rules"), effects)
        lists["classification"] = tuple(levels.values())
        lists["blocker_kind"] = tuple(kinds.values())
        lists["blocker_detail"] = details
        lists["likelihood"] = effects
        lists["why_listed"] = self.choices(data.get("prompts"), "prompts")
        words = self.mapping(data.get("import"), "import")
        return Vocabularies(
            path=path,
            lists=MappingProxyType(lists),
            levels=MappingProxyType(levels),
            blocker_kinds=MappingProxyType(kinds),
            likelihood_rules=rules,
            empty_words=_words(self.strings(words.get("empty"), "import.empty")),
            not_known_words=_words(
                self.strings(words.get("not_known_yet"), "import.not_known_yet")
            ),
            placeholders=frozenset(
                normalise(text) for text in self.strings(data.get("placeholders"), "placeholders")
            ),
        )


def _words(texts: Iterable[str]) -> frozenset[str]:
    """Keep the words as they are too: ``-`` and ``?`` vanish when normalised."""
    words = {word for text in texts for word in (text.casefold(), normalise(text))}
    return frozenset(words - {""})
