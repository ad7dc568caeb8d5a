"""Reading and checking a schema that a city declared in scheming's YAML: every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from ckanext.inventory import vocabularies as vocabularies_module
from ckanext.inventory.fields.shapes import (
    CHOICE_KINDS,
    INHERITED,
    KINDS,
    NO_STAGE,
    PUBLIC,
    STAGES,
    FieldSpec,
    Problem,
    Schema,
    SchemaProblem,
    Section,
    is_list,
    is_mapping,
)
from ckanext.inventory.types import ENTRY, SOURCE, Stage, Writer
from ckanext.inventory.vocabularies import COMPUTED_FACTS, Choice, Vocabularies

LOCKS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "name": {
            "create_validators": "inventory_new_name",
            "validators": "inventory_stored_name",
        },
        "private": {"validators": "inventory_private"},
        "state": {
            "create_validators": "inventory_new_state",
            "validators": "inventory_stored_state",
        },
    }
)
"""What keeps a record private; these fields are no content."""

BEFORE_VALIDATOR = "inventory_only_fields"
AFTER_VALIDATOR = "inventory_complete"
_VALIDATOR_OF_KIND = {"organization": "inventory_organization"}
_ROW_KEY_VALIDATOR = "inventory_row_kind"

CORE_FIELDS: Mapping[str, Mapping[str, tuple[str, str | None]]] = MappingProxyType(
    {
        ENTRY: {
            "title": ("text", None),
            "owner_org": ("organization", None),
            "notes": ("markdown", None),
            "classification": ("choice", "classification"),
            "blocker_status": ("choice", "blocker_status"),
            "release_blockers": ("rows", None),
            "contains_sensitive_data": ("choice", "contains_sensitive_data"),
            "sensitive_data_comments": ("long_text", None),
            "reviews_needed": ("choices", "reviews_needed"),
            "release_justification": ("long_text", None),
            "license_id": ("license", None),
        },
        SOURCE: {"title": ("text", None), "owner_org": ("organization", None)},
    }
)
"""Fields that rules in the code speak of: field → its kind and vocabulary."""

BLOCKER_COLUMNS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "kind": ("choice", "blocker_kind"),
        "rationale": ("long_text", None),
        "status": ("choice", "blocker_row_status"),
        "status_reason": ("long_text", None),
    }
)

RESERVED = frozenset(
    {
        "assignee",
        "author",
        "author_email",
        "confirmed_on",
        "creator_user_id",
        "extras",
        "groups",
        "id",
        "in_directory",
        "isopen",
        "listing",
        "maintainer",
        "maintainer_email",
        "metadata_created",
        "metadata_modified",
        "number",
        "organization",
        "plugin_data",
        "relationships_as_object",
        "relationships_as_subject",
        "resources",
        "retire_reason",
        "revision",
        "shared",
        "successor",
        "tag_string",
        "tags",
        "triage",
        "type",
        "url",
        "version",
        "visibility",
        "workflow_state",
    }
)
"""Names that belong to CKAN or to our own tables."""


def parse_schema(raw: Mapping[str, Any], vocabularies: Vocabularies, file: str = "") -> Schema:
    """Turn a schema as scheming loads it into typed fields.

    :param raw: the loaded YAML, with or without its presets filled in
    :param vocabularies: the lists that its fields name
    :param file: where it comes from, for messages
    :returns: the schema
    :raises SchemaProblem: with everything that is wrong
    """
    reader = _Reader(raw, vocabularies, file)
    schema = reader.read()
    if reader.problems:
        raise SchemaProblem(reader.problems)
    return schema


def check_schema(
    raw: Mapping[str, Any], vocabularies: Vocabularies, file: str = ""
) -> list[Problem]:
    """Say what is wrong with a schema, all at once.

    :param raw: the loaded YAML, with or without its presets filled in
    :param vocabularies: the lists that its fields name
    :param file: where it comes from, for messages
    :returns: the problems; empty if it can be used
    """
    reader = _Reader(raw, vocabularies, file)
    reader.read()
    return reader.problems


def field_spec(raw: Mapping[str, Any], vocabularies: Vocabularies | None = None) -> FieldSpec:
    """Read one field of a schema that is known to be sound.

    :param raw: the field as scheming has it
    :param vocabularies: the lists; None leaves ``choices`` empty
    :returns: the field
    """
    reader = _Reader({}, vocabularies, "")
    return reader.spec(raw, parent=None)


class _Reader:
    """Collects every problem of a schema instead of stopping at the first."""

    def __init__(self, raw: Mapping[str, Any], vocabularies: Vocabularies | None, file: str):
        self.raw = raw
        self.vocabularies = vocabularies
        self.file = file or str(raw.get("dataset_type", ""))
        self.problems: list[Problem] = []

    def problem(self, name: str, message: str) -> None:
        self.problems.append(Problem(self.file, name, message))

    def read(self) -> Schema:
        package_type = str(self.raw.get("dataset_type", ""))
        if package_type not in CORE_FIELDS:
            self.problem("dataset_type", f"must be one of {', '.join(sorted(CORE_FIELDS))}")
        self._check_frame()
        sections = self._sections()
        given = self._given()
        fields: dict[str, FieldSpec] = {}
        for name, raw in given.items():
            if name in LOCKS:
                self._check_lock(name, raw)
            else:
                fields[name] = self._checked(name, raw, package_type)
        for name in LOCKS:
            if name not in given:
                self.problem(name, f"is missing: add it with preset inventory_{name}")
        self._check_core(package_type, fields)
        for spec in fields.values():
            self._check_references(spec, fields, sections)
        return Schema(package_type, MappingProxyType(fields), sections)

    def _check_frame(self) -> None:
        if self.raw.get("resource_fields") != []:
            self.problem("resource_fields", "must be [] (entries and sources hold no files)")
        for key, validator in (
            ("before_validators", BEFORE_VALIDATOR),
            ("after_validators", AFTER_VALIDATOR),
        ):
            if validator not in str(self.raw.get(key) or "").split():
                self.problem(key, f"must name {validator}")

    def _given(self) -> dict[str, Mapping[str, Any]]:
        given: dict[str, Mapping[str, Any]] = {}
        items: Any = self.raw.get("dataset_fields")
        if not isinstance(items, list):
            self.problem("dataset_fields", "is missing")
            return given
        for item in cast("list[Any]", items):
            if not is_mapping(item) or not isinstance(item.get("field_name"), str):
                self.problem("dataset_fields", f"{item!r} is no field: it needs a field_name")
                continue
            name = str(item["field_name"])
            if name in given:
                self.problem(name, "stands twice")
            given[name] = item
        return given

    def _sections(self) -> tuple[Section, ...]:
        found: list[Section] = []
        items: Any = self.raw.get("inventory_sections")
        if not isinstance(items, list) or not items:
            self.problem("inventory_sections", "is missing: a list of name and label")
            return ()
        for item in cast("list[Any]", items):
            if not is_mapping(item) or not item.get("name") or not item.get("label"):
                self.problem("inventory_sections", f"{item!r} needs a name and a label")
                continue
            found.append(Section(str(item["name"]), _text(item["label"])))
        return tuple(found)

    def _check_lock(self, name: str, raw: Mapping[str, Any]) -> None:
        by_preset: Mapping[str, str] = {}
        if raw.get("preset") == f"inventory_{name}":
            by_preset = LOCKS[name]
        for key, validator in LOCKS[name].items():
            found = str(raw.get(key) or by_preset.get(key, "")).split()
            if found != [validator]:
                self.problem(name, f"{key} must be {validator} and nothing else")
        for key in ("create_validators", "validators"):
            if key in raw and key not in LOCKS[name]:
                self.problem(name, f"must not have {key}")

    def _check_core(self, package_type: str, fields: Mapping[str, FieldSpec]) -> None:
        for name, (kind, vocabulary) in CORE_FIELDS.get(package_type, {}).items():
            spec = fields.get(name)
            if spec is None:
                self.problem(name, "is missing: the rules of the workflow ask for it")
            else:
                self._check_kind(name, spec, kind, vocabulary)
        for name in ("title", "owner_org"):
            spec = fields.get(name)
            if spec is not None and spec.stage is not Stage.SAVE:
                self.problem(name, "inventory_stage must be save")
        rows = fields.get("release_blockers")
        if rows is None or rows.kind != "rows":
            return
        columns = {column.name: column for column in rows.subfields}
        for name, (kind, vocabulary) in BLOCKER_COLUMNS.items():
            if name not in columns:
                self.problem(f"release_blockers.{name}", "is missing: blockers are judged by it")
            else:
                self._check_kind(f"release_blockers.{name}", columns[name], kind, vocabulary)

    def _check_kind(self, name: str, spec: FieldSpec, kind: str, vocabulary: str | None) -> None:
        texts = ("text", "long_text", "markdown")
        if spec.kind != kind and not (kind in texts and spec.kind in texts):
            self.problem(name, f"must be of preset inventory_{kind}")
        elif vocabulary and spec.vocabulary != vocabulary:
            self.problem(name, f"inventory_vocabulary must be {vocabulary}")

    def _checked(self, name: str, raw: Mapping[str, Any], package_type: str) -> FieldSpec:
        spec = self.spec(raw, parent=None)
        if not name.isidentifier() or name != name.lower() or name.startswith("_"):
            self.problem(name, "a name has lower-case letters, digits and _ only")
        if name in RESERVED:
            self.problem(name, "is set by CKAN or by an act, never a field of the form")
        is_public = spec.public != "no"
        if is_public and package_type == SOURCE:
            self.problem(name, "inventory_public must be no: sources are never promoted")
        if is_public and not spec.material and name != "owner_org":
            self.problem(name, "what becomes public is material: inventory_material must be true")
        return spec

    def spec(self, raw: Mapping[str, Any], parent: str | None) -> FieldSpec:
        own = str(raw.get("field_name", ""))
        name = f"{parent}.{own}" if parent else own
        kind = self._kind(raw, name)
        vocabulary = self._optional(raw, "inventory_vocabulary")
        if kind in CHOICE_KINDS and not vocabulary:
            self.problem(name, "needs inventory_vocabulary")
        label = _text(raw.get("label"))
        if not label:
            self.problem(name, "needs a label")
        if not _text(raw.get("help_text")):
            self.problem(name, "needs a help_text in plain words")
        self._check_validators(raw, name, kind, in_row=parent is not None)
        return FieldSpec(
            name=own,
            label=label,
            term=_text(raw.get("inventory_term")),
            help=_text(raw.get("help_text")),
            kind=kind,
            vocabulary=vocabulary,
            choices=self._choices(vocabulary, name),
            writers=self._writers(raw, name, parent),
            stage=self._stage(raw, name, parent),
            real_value=self._flag(raw, "inventory_real_value", name, default=False),
            material=self._flag(raw, "inventory_material", name, default=False if parent else None),
            public=self._public(raw, name, parent),
            section=str(raw.get("inventory_section") or ""),
            quick=self._flag(raw, "inventory_quick", name, default=False),
            subfields=self._subfields(raw, name, kind, parent),
            required_if=self._required_if(raw, name),
            alternative=self._optional(raw, "inventory_alternative"),
            inherit=self._optional(raw, "inventory_inherit"),
            required_with=self._optional(raw, "inventory_required_with"),
            max_length=self._max_length(raw, name),
            separators=str(raw.get("inventory_separators") or ""),
            default=str(raw.get("inventory_default") or ""),
        )

    def _kind(self, raw: Mapping[str, Any], name: str) -> str:
        preset = str(raw.get("preset") or "")
        kind = str(raw.get("inventory_kind") or preset.removeprefix("inventory_"))
        if kind not in KINDS or (kind == preset and not raw.get("inventory_kind")):
            known = ", ".join(f"inventory_{kind}" for kind in sorted(KINDS))
            self.problem(name, f"its preset must be one of {known}")
            return "text"
        return kind

    def _check_validators(self, raw: Mapping[str, Any], name: str, kind: str, in_row: bool) -> None:
        if kind == "rows" or "validators" not in raw:
            return
        found = str(raw["validators"]).split()
        wanted = _VALIDATOR_OF_KIND.get(kind, "inventory_value")
        keys_row = in_row and _ROW_KEY_VALIDATOR in found
        if wanted not in found and not keys_row:
            self.problem(name, f"its validators must name {wanted}")

    def _choices(self, vocabulary: str | None, name: str) -> tuple[Choice, ...]:
        if vocabulary is None or self.vocabularies is None:
            return ()
        if vocabulary not in self.vocabularies.lists:
            self.problem(name, f"there is no vocabulary {vocabulary!r}")
            return ()
        return self.vocabularies.choices(vocabulary)

    def _writers(self, raw: Mapping[str, Any], name: str, parent: str | None) -> frozenset[Writer]:
        given: Any = raw.get("inventory_writers")
        if given is None and parent:
            return frozenset()
        words = [str(word) for word in given] if is_list(given) else []
        writers = frozenset(Writer(word) for word in words if word in _WRITER_WORDS)
        if not words or len(writers) != len(set(words)):
            self.problem(name, f"inventory_writers must list some of {', '.join(_WRITER_WORDS)}")
        return writers

    def _stage(self, raw: Mapping[str, Any], name: str, parent: str | None) -> Stage | None:
        given = str(raw.get("inventory_stage") or (NO_STAGE if parent else ""))
        words = [str(stage) for stage in STAGES]
        if given in words:
            return Stage(given)
        if given != NO_STAGE:
            self.problem(name, f"inventory_stage must be one of {', '.join(words)}, {NO_STAGE}")
        return None

    def _public(self, raw: Mapping[str, Any], name: str, parent: str | None) -> str:
        given = raw.get("inventory_public", "no" if parent else None)
        if isinstance(given, bool):  # YAML reads a bare yes or no as a truth value
            given = "yes" if given else "no"
        if given not in PUBLIC:
            self.problem(name, f"inventory_public must be one of {', '.join(PUBLIC)}")
            return "no"
        return str(given)

    def _flag(self, raw: Mapping[str, Any], key: str, name: str, default: Any) -> bool:
        given = raw.get(key, default)
        if not isinstance(given, bool):
            self.problem(name, f"{key} must be true or false")
        return given is True

    def _max_length(self, raw: Mapping[str, Any], name: str) -> int:
        given = raw.get("inventory_max_length", FieldSpec.max_length)
        if isinstance(given, int) and 0 < given <= FieldSpec.max_length:
            return given
        self.problem(name, f"inventory_max_length must be a number up to {FieldSpec.max_length}")
        return FieldSpec.max_length

    def _subfields(
        self, raw: Mapping[str, Any], name: str, kind: str, parent: str | None
    ) -> tuple[FieldSpec, ...]:
        given: Any = raw.get("repeating_subfields")
        if kind != "rows":
            if given:
                self.problem(name, "only a field of preset inventory_rows has repeating_subfields")
            return ()
        if parent or not is_list(given) or not given:
            self.problem(name, "needs repeating_subfields, of one level")
            return ()
        return tuple(self.spec(item, parent=name) for item in given if is_mapping(item))

    def _required_if(self, raw: Mapping[str, Any], name: str) -> Mapping[str, frozenset[str]]:
        given: Any = raw.get("inventory_required_if") or {}
        if not is_mapping(given) or not all(is_list(values) for values in given.values()):
            self.problem(name, "inventory_required_if must be {field: [values]}")
            return MappingProxyType({})
        return MappingProxyType(
            {str(other): frozenset(map(str, values)) for other, values in given.items()}
        )

    def _optional(self, raw: Mapping[str, Any], key: str) -> str | None:
        return str(raw[key]) if raw.get(key) else None

    def _check_references(
        self, spec: FieldSpec, fields: Mapping[str, FieldSpec], sections: tuple[Section, ...]
    ) -> None:
        name = spec.name
        if sections and spec.section not in {section.name for section in sections}:
            self.problem(name, f"there is no section {spec.section!r}")
        for key, other in (
            ("inventory_alternative", spec.alternative),
            ("inventory_required_with", spec.required_with),
        ):
            if other and other not in fields:
                self.problem(name, f"{key} names {other}, which is no field")
        for other, values in spec.required_if.items():
            if other not in fields:
                self.problem(name, f"inventory_required_if names {other}, which is no field")
                continue
            unknown = values - {choice.value for choice in fields[other].choices}
            if unknown:
                words = ", ".join(sorted(unknown))
                self.problem(name, f"inventory_required_if: {other} has no value {words}")
        if spec.inherit and name not in INHERITED.get(spec.inherit, frozenset()):
            self.problem(name, f"there is no department default {spec.inherit} for it")
        for column in spec.subfields:
            if column.default and column.default not in {c.value for c in column.choices}:
                self.problem(f"{name}.{column.name}", "inventory_default is none of its values")


_WRITER_WORDS = tuple(str(writer) for writer in Writer)


def _text(value: Any) -> str:
    """Read a label, which scheming lets be one text or one per language."""
    if is_mapping(value):
        return str(value.get("en") or next(iter(value.values()), ""))
    return str(value or "")


def check_rules(raw: Mapping[str, Any], vocabularies: Vocabularies) -> list[Problem]:
    """Say which rules of the likelihood ask for something that entries don't have.

    :param raw: the loaded schema of entries
    :param vocabularies: the rules
    :returns: the problems; empty if every rule can apply
    """
    given: Any = raw.get("dataset_fields")
    items = given if is_list(given) else []
    known = {str(item.get("field_name")) for item in items if is_mapping(item)} | COMPUTED_FACTS
    # A city may drop a field that shipped rules ask for: they just never apply.
    shipped = vocabularies_module.load(vocabularies_module.DEFAULT_PATH)
    known |= {fact for rule in shipped.likelihood_rules for fact in rule.when}
    return [
        Problem(
            vocabularies.path,
            f"likelihood.rules[{number}].when.{fact}",
            "is neither a field of entries nor a fact that is worked out",
        )
        for number, rule in enumerate(vocabularies.likelihood_rules, start=1)
        for fact in rule.when
        if fact not in known
    ]
