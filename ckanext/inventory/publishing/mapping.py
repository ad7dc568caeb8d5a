"""The map from entry fields to keys of the public dataset: an allow-list that fails closed.

Pure but for :func:`current`, which reads the configuration. A field goes out only if the map names
it and the entry's schema marks it public.

Source: leak L40, pitfall P5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeGuard, cast

import yaml

from ckanext.inventory import vocabularies
from ckanext.inventory.fields import FieldSpec, Problem, Schema
from ckanext.inventory.types import NOT_KNOWN

DEFAULT_PATH = "ckanext.inventory:publishing/mapping.yaml"
EXTRAS = "extras."
"""Prefix of a key that becomes an additional field where the target's schema has no such field."""

TAGS = "tags"
GROUPS = "groups"
CONVERSIONS = ("text", "label", "list", TAGS, GROUPS)
CONDITIONS = ("data_dictionary_public",)

KEPT = frozenset(
    {
        "creator_user_id",
        "extras",
        "id",
        "isopen",
        "metadata_created",
        "metadata_modified",
        "name",
        "organization",
        "owner_org",
        "plugin_data",
        "private",
        "relationships_as_object",
        "relationships_as_subject",
        "resources",
        "state",
        "tag_string",
        "type",
    }
)
"""Keys of a dataset that no map may write."""

MIN_TAG_LENGTH = 2
MAX_TAG_LENGTH = 100
_NOT_IN_TAGS = re.compile(r"[^\w \-.]+", re.UNICODE)

_MAP_KEYS = frozenset({"dataset_type", "organization", "keys", "ask"})
_RULE_KEYS = frozenset({"from", "value", "as", "values", "omit", "default", "confirm", "if"})
_ASK_KEYS = frozenset({"key", "label", "help", "required", "choices"})


class MappingProblem(ValueError):
    """A map can't be used.

    :param problems: everything that is wrong with it
    """

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Rule:
    """Where the value of one key comes from.

    :param key: key of the dataset; ``extras.x`` for an additional field
    :param source: the entry's field, None for a constant
    :param constant: the constant
    :param convert: one of :data:`CONVERSIONS`
    :param values: value of the entry → value of the dataset
    :param omit: values that don't go out
    :param default: what goes out if the entry says nothing
    :param confirm: an input of the act may replace it
    :param condition: the input that has to be ticked, None for none
    """

    key: str
    source: str | None = None
    constant: Any = None
    convert: str = "text"
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    omit: frozenset[str] = frozenset()
    default: Any = None
    confirm: bool = False
    condition: str | None = None

    @property
    def input_key(self) -> str:
        """The name under which an act may confirm it."""
        return self.key.removeprefix(EXTRAS)


@dataclass(frozen=True)
class Ask:
    """Something that the target's schema needs and no entry holds.

    :param key: key of the dataset
    :param label: what people read
    :param help: a sentence about it
    :param required: promotion is refused without it
    :param choices: value and label of each choice; empty for free text
    """

    key: str
    label: str
    help: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PublishingMap:
    """The whole map.

    :param dataset_type: type of the public dataset
    :param organization: name or id of the organization that publishes for all, None for each its
        own
    :param rules: one per key, in the order of the file
    :param asks: what is asked at promotion besides
    """

    dataset_type: str
    organization: str | None
    rules: tuple[Rule, ...]
    asks: tuple[Ask, ...] = ()

    def rule(self, key: str) -> Rule | None:
        """Return the rule of a key.

        :param key: key of the dataset, with or without ``extras.``
        :returns: the rule, or None
        """
        return next((r for r in self.rules if key in (r.key, r.input_key)), None)

    def confirmed(self) -> tuple[Rule, ...]:
        """Return the rules whose value is confirmed at promotion."""
        return tuple(rule for rule in self.rules if rule.confirm)


# --- reading ---------------------------------------------------------------------------------


def _is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


class _Reader:
    """Collects every problem of a map instead of stopping at the first."""

    def __init__(self, raw: Any, schema: Schema, file: str):
        self.raw: Mapping[str, Any] = raw if _is_mapping(raw) else {}
        self.schema = schema
        self.file = file
        self.problems: list[Problem] = []
        if not _is_mapping(raw):
            self.problem("", "must hold dataset_type and keys")

    def problem(self, key: str, message: str) -> None:
        self.problems.append(Problem(self.file, key, message))

    def read(self) -> PublishingMap:
        for name in sorted(set(self.raw) - _MAP_KEYS):
            self.problem(name, f"isn't known here; known are {', '.join(sorted(_MAP_KEYS))}")
        dataset_type = str(self.raw.get("dataset_type") or "")
        if not dataset_type:
            self.problem("dataset_type", "is missing: the type of the public dataset")
        elif dataset_type.startswith("inventory_"):
            self.problem("dataset_type", "must be a public type")
        rules = self._rules()
        if not any(rule.key == "title" for rule in rules):
            self.problem("title", "is missing: a public dataset needs a title")
        organization = str(self.raw.get("organization") or "") or None
        return PublishingMap(dataset_type, organization, rules, self._asks(rules))

    def _rules(self) -> tuple[Rule, ...]:
        given: Any = self.raw.get("keys")
        if not _is_mapping(given):
            self.problem("keys", "is missing: key of the dataset → where it comes from")
            return ()
        rules = tuple(self._rule(str(key), raw) for key, raw in given.items())
        plain = [rule.input_key for rule in rules]
        for name in sorted({name for name in plain if plain.count(name) > 1}):
            self.problem(name, "is written twice, once as an additional field")
        return rules

    def _rule(self, key: str, raw: Any) -> Rule:
        if key.removeprefix(EXTRAS) in KEPT or not key.removeprefix(EXTRAS):
            self.problem(key, "is set by the act of promotion and can't be mapped")
        if not _is_mapping(raw):
            self.problem(key, "must say from or value")
            return Rule(key)
        for name in sorted(set(raw) - _RULE_KEYS):
            self.problem(key, f"{name} isn't known here; known are {', '.join(sorted(_RULE_KEYS))}")
        source = str(raw["from"]) if raw.get("from") else None
        if (source is None) == (raw.get("value") is None):
            self.problem(key, "must say either from or value")
        convert = str(raw.get("as") or "text")
        if convert not in CONVERSIONS:
            self.problem(key, f"as must be one of {', '.join(CONVERSIONS)}")
        if (key in (TAGS, GROUPS)) != (convert in (TAGS, GROUPS)) or (
            convert in (TAGS, GROUPS) and convert != key
        ):
            self.problem(key, "tags are written as tags and groups as groups, nothing else is")
        condition = str(raw["if"]) if raw.get("if") else None
        if condition is not None and condition not in CONDITIONS:
            self.problem(key, f"if must be one of {', '.join(CONDITIONS)}")
        if source is not None:
            self._check_source(key, source)
        return Rule(
            key=key,
            source=source,
            constant=raw.get("value"),
            convert=convert,
            values=self._values(key, raw.get("values")),
            omit=self._omit(key, raw.get("omit")),
            default=raw.get("default"),
            confirm=raw.get("confirm") is True,
            condition=condition,
        )

    def _check_source(self, key: str, source: str) -> None:
        spec = self.schema.fields.get(source)
        if spec is None:
            self.problem(key, f"there is no entry field {source!r}")
        elif spec.public == "no":
            self.problem(key, f"the entry field {source!r} isn't public (inventory_public: no)")
        elif spec.kind == "organization":
            self.problem(key, "the organization is set by the act of promotion")

    def _values(self, key: str, raw: Any) -> Mapping[str, str]:
        if raw is None:
            return {}
        if not _is_mapping(raw):
            self.problem(key, "values must be {value of the entry: value of the dataset}")
            return {}
        return {str(old): str(new) for old, new in raw.items()}

    def _omit(self, key: str, raw: Any) -> frozenset[str]:
        if raw is None:
            return frozenset()
        if not _is_list(raw):
            self.problem(key, "omit must be a list of values")
            return frozenset()
        return frozenset(str(value) for value in raw)

    def _asks(self, rules: Sequence[Rule]) -> tuple[Ask, ...]:
        given: Any = self.raw.get("ask")
        if given is None:
            return ()
        if not _is_list(given):
            self.problem("ask", "must be a list of key, label, help, required and choices")
            return ()
        mapped = {rule.input_key for rule in rules}
        return tuple(ask for raw in given if (ask := self._ask(raw, mapped)) is not None)

    def _ask(self, raw: Any, mapped: set[str]) -> Ask | None:
        if not _is_mapping(raw) or not raw.get("key") or not raw.get("label"):
            self.problem("ask", f"{raw!r} needs a key and a label")
            return None
        key = str(raw["key"])
        for name in sorted(set(raw) - _ASK_KEYS):
            self.problem(f"ask.{key}", f"{name} isn't known here")
        if key in KEPT or key in mapped:
            self.problem(f"ask.{key}", "is written by the act of promotion or by keys")
        choices: list[tuple[str, str]] = []
        listed: Any = raw.get("choices") or []
        for choice in listed if _is_list(listed) else [listed]:
            if not _is_mapping(choice) or not choice.get("value"):
                self.problem(f"ask.{key}", "choices are a list of value and label")
                continue
            choices.append((str(choice["value"]), str(choice.get("label") or choice["value"])))
        return Ask(
            key,
            str(raw["label"]),
            str(raw.get("help") or ""),
            raw.get("required") is True,
            tuple(choices),
        )


def check_mapping(raw: Any, schema: Schema, file: str = "") -> list[Problem]:
    """Say what is wrong with a map, all at once.

    :param raw: the loaded YAML
    :param schema: the schema of entries
    :param file: where it comes from, for messages
    :returns: the problems; empty if it can be used
    """
    reader = _Reader(raw, schema, file)
    reader.read()
    return reader.problems


def parse_mapping(raw: Any, schema: Schema, file: str = "") -> PublishingMap:
    """Read a map.

    :param raw: the loaded YAML
    :param schema: the schema of entries
    :param file: where it comes from, for messages
    :returns: the map
    :raises MappingProblem: with everything that is wrong
    """
    reader = _Reader(raw, schema, file)
    found = reader.read()
    if reader.problems:
        raise MappingProblem(reader.problems)
    return found


@cache
def _raw(path: str) -> Any:
    try:
        return yaml.safe_load(vocabularies.resolve(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise MappingProblem([Problem(path, "", f"can't be read ({error})")]) from error
    except yaml.YAMLError as error:
        raise MappingProblem([Problem(path, "", f"is no valid YAML ({error})")]) from error


_parsed: dict[str, tuple[Schema, PublishingMap]] = {}


def current(schema: Schema, path: str | None = None) -> PublishingMap:
    """Return the map in force, read once per file and schema.

    :param schema: the schema of entries in force
    :param path: the file that the configuration names, None for the shipped one
    :returns: the map
    :raises MappingProblem: with everything that is wrong, if the file can't be used
    """
    name = path or DEFAULT_PATH
    known = _parsed.get(name)
    if known is not None and known[0] is schema:
        return known[1]
    found = parse_mapping(_raw(name), schema, name)
    _parsed[name] = (schema, found)
    return found


# --- building --------------------------------------------------------------------------------


def build(
    publishing_map: PublishingMap,
    schema: Schema,
    content: Mapping[str, Any],
    inherited: Mapping[str, str],
    *,
    confirmed: Mapping[str, Any] | None = None,
    ticked: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Build the mapped keys of the public dataset from an approved content.

    :param publishing_map: the map
    :param schema: the schema of entries
    :param content: the approved content
    :param inherited: field → value that the department's defaults supply
    :param confirmed: values that the act gave for keys to confirm, by key without ``extras.``
    :param ticked: conditions that the act ticked
    :returns: key → value, without empty ones; tags and groups are lists of names
    """
    built: dict[str, Any] = {}
    for rule in publishing_map.rules:
        if rule.condition is not None and rule.condition not in ticked:
            continue
        given = (confirmed or {}).get(rule.input_key) if rule.confirm else None
        value = given if given not in (None, "") else _value(rule, schema, content, inherited)
        if value not in (None, "", []):
            built[rule.key] = value
    return built


def _value(
    rule: Rule, schema: Schema, content: Mapping[str, Any], inherited: Mapping[str, str]
) -> Any:
    if rule.source is None:
        return _as_list(rule.constant) if rule.convert in (TAGS, GROUPS) else rule.constant
    spec = schema.fields[rule.source]
    if spec.public == "no":
        return None
    stored = content.get(rule.source) or inherited.get(rule.source)
    found = [
        each
        for each in (_mapped(rule, spec, value) for value in _as_list(stored))
        if each is not None
    ]
    if rule.convert == TAGS:
        return tags_from(found) or rule.default
    if rule.convert in ("list", GROUPS):
        return found or rule.default
    return ", ".join(found) or rule.default


def _as_list(value: Any) -> list[Any]:
    if value in (None, ""):
        return []
    return list(cast("list[Any]", value)) if isinstance(value, list) else [value]


def _mapped(rule: Rule, spec: FieldSpec, value: Any) -> str | None:
    text = str(value)
    if text == NOT_KNOWN or text in rule.omit or not text.strip():
        return None
    if text in rule.values:
        return rule.values[text]
    if rule.convert == GROUPS:
        return None
    return spec.label_of(text) if rule.convert == "label" else text


def tags_from(words: Iterable[str]) -> list[str]:
    """Turn keywords into tags that CKAN takes: letters, digits, spaces, hyphens, underscores, dots.

    :param words: keywords
    :returns: tags of 2 to 100 characters, in order, without repeats that differ in case only
    """
    found: dict[str, str] = {}
    for word in words:
        tag = " ".join(_NOT_IN_TAGS.sub(" ", word).split())[:MAX_TAG_LENGTH].strip()
        if len(tag) >= MIN_TAG_LENGTH:
            found.setdefault(tag.casefold(), tag)
    return list(found.values())


def label_of(publishing_map: PublishingMap, schema: Schema, key: str) -> str:
    """Return what people call a key of the public dataset.

    :param publishing_map: the map
    :param schema: the schema of entries
    :param key: key of the dataset
    :returns: the label of the entry field that it comes from, or the key in words
    """
    rule = publishing_map.rule(key)
    if rule is not None and rule.source is not None:
        return schema.fields[rule.source].label
    words = key.removeprefix(EXTRAS).replace("_", " ")
    return words[:1].upper() + words[1:]
