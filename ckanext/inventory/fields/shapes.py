"""The declared schema as typed facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeGuard

from ckanext.inventory.types import Stage, Writer
from ckanext.inventory.vocabularies import Choice

CHOICE_KINDS = frozenset({"choice", "choices"})
LIST_KINDS = frozenset({"choices", "list", "url_list", "source_list", "language"})
"""Kinds whose stored value is a list of texts."""
KINDS = LIST_KINDS | {
    "text",
    "long_text",
    "markdown",
    "choice",
    "date",
    "partial_date",
    "url",
    "email",
    "integer",
    "rows",
    "organization",
    "entry",
    "license",
}
UNORDERED_KINDS = frozenset({"choices", "source_list"})
PUBLIC = ("yes", "derived", "no")
NO_STAGE = "none"
STAGES = (Stage.SAVE, Stage.SUBMIT, Stage.APPROVE, Stage.PROMOTE)

INHERITED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "steward": frozenset({"steward", "steward_email"}),
        "public_contact": frozenset({"public_contact_name", "public_contact_email"}),
        "license": frozenset({"license_id"}),
    }
)
"""Groups of fields that take a department's defaults together."""


@dataclass(frozen=True)
class Problem:
    """Something wrong in a configured file.

    :param file: the file, as it was configured
    :param field: the field or key, empty for the file itself
    :param message: what is wrong and how to put it right
    """

    file: str
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}, {self.field}" if self.field else self.file
        return f"{where}: {self.message}"


class SchemaProblem(ValueError):
    """A schema can't be used.

    :param problems: everything that is wrong with it
    """

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Section:
    """A part of the form and of the page.

    :param name: as the fields name it
    :param label: its heading
    """

    name: str
    label: str


@dataclass(frozen=True)
class FieldSpec:
    """One field, or one column of a field of rows.

    :param name: its name in the package
    :param label: what people read
    :param term: what the method calls it; empty if that is the label
    :param help: a sentence or two in plain words
    :param kind: one of :data:`KINDS`
    :param vocabulary: name of its list of values
    :param choices: the values it takes, with labels
    :param writers: who may write it, through any door
    :param stage: the first stage at which it must hold a value; None for never
    :param real_value: from approve on, "not known yet" is not enough
    :param material: a change after approval sends the entry back to review
    :param public: ``yes``, ``derived`` or ``no``
    :param section: the section it stands in
    :param quick: part of the short form
    :param subfields: the columns of a field of rows
    :param required_if: field → values; it is required only where one of them holds for each
    :param alternative: a field that answers for it
    :param inherit: the group of department defaults that it takes part in
    :param required_with: a field that makes this one required at save
    :param max_length: characters, of the whole value
    :param separators: characters that separate the items of a list typed as one text
    :param default: what an empty cell of a row becomes
    """

    name: str
    label: str
    term: str = ""
    help: str = ""
    kind: str = "text"
    vocabulary: str | None = None
    choices: tuple[Choice, ...] = ()
    writers: frozenset[Writer] = frozenset({Writer.DEPARTMENT})
    stage: Stage | None = None
    real_value: bool = False
    material: bool = False
    public: str = "no"
    section: str = ""
    quick: bool = False
    subfields: tuple[FieldSpec, ...] = ()
    required_if: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: MappingProxyType(dict[str, frozenset[str]]())
    )
    alternative: str | None = None
    inherit: str | None = None
    required_with: str | None = None
    max_length: int = 32_000
    separators: str = ""
    default: str = ""

    def label_of(self, value: str) -> str:
        """Return the label of a stored value.

        :param value: a value of the field's list
        :returns: its label; the value itself if the list doesn't have it any more
        """
        return next((c.label for c in self.choices if c.value == value), value)


@dataclass(frozen=True)
class Schema:
    """The fields of one type, in the order of the form.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param fields: name → field, without the locks ``name``, ``private`` and ``state``
    :param sections: the sections, in order
    """

    package_type: str
    fields: Mapping[str, FieldSpec]
    sections: tuple[Section, ...]

    def in_section(self, name: str) -> tuple[FieldSpec, ...]:
        """Return the fields of a section.

        :param name: the section's name
        :returns: its fields, in order
        """
        return tuple(spec for spec in self.fields.values() if spec.section == name)

    @property
    def quick(self) -> tuple[FieldSpec, ...]:
        """The fields of the short form."""
        return tuple(spec for spec in self.fields.values() if spec.quick)


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Tell whether a loaded value is a mapping, for the type checker, too.

    :param value: any value
    :returns: whether it is one
    """
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Tell whether a loaded value is a list, for the type checker, too.

    :param value: any value
    :returns: whether it is one
    """
    return isinstance(value, list)
