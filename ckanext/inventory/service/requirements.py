"""What a record still needs at a stage, everything at once and in plain words.

Pure: the schema says which fields a stage asks for; what approve asks beyond them follows from the
level of classification, the reviews and the blockers.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from ckanext.inventory.fields import FieldSpec, Schema
from ckanext.inventory.service.likelihood import (
    blocker_rows,
    derived_sensitivity,
    effective_classification,
    is_open,
)
from ckanext.inventory.types import ENTRY, NOT_KNOWN, Stage, Writer
from ckanext.inventory.vocabularies import Level, Vocabularies

PASSED = frozenset({"passed", "passed_with_conditions"})
_ASKED = {
    Stage.SAVE: (Stage.SAVE,),
    Stage.SUBMIT: (Stage.SAVE, Stage.SUBMIT),
    Stage.APPROVE: (Stage.SAVE, Stage.SUBMIT, Stage.APPROVE),
    Stage.PROMOTE: (Stage.PROMOTE,),  # an approval covers all that comes before
}
_NOT_DONE = "The review “{kind}” has not been done."
_NOT_PASSED = "The review “{kind}” has not been passed."
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")  # scripts without spaces


@dataclasses.dataclass(frozen=True)
class Missing:
    """One thing that is missing.

    :param field: the field to fill or the one that the rule is about
    :param msgid: what to do, a message id with ``{names}``
    :param params: what is filled in, message ids themselves where they are labels
    :param by: who can do something about it
    """

    field: str
    msgid: str
    params: Mapping[str, str] = dataclasses.field(
        default_factory=lambda: MappingProxyType(dict[str, str]())
    )
    by: Writer = Writer.DEPARTMENT

    @property
    def message(self) -> str:
        """What to do, in English."""
        return self.msgid.format(**self.params)

    def in_words(self, translate: Callable[[str], str]) -> str:
        """Return what to do in another language.

        :param translate: a gettext function
        :returns: the message
        """
        params = {name: translate(text) for name, text in self.params.items()}
        return translate(self.msgid).format(**params)


def missing(
    schema: Schema,
    content: Mapping[str, Any],
    stage: Stage,
    *,
    defaults: Mapping[str, str | None],
    confirmed: str | None,
    reviews: Mapping[str, str],
    vocabularies: Vocabularies,
) -> tuple[Missing, ...]:
    """Say what a record needs before it can pass a stage.

    :param schema: the schema of its type
    :param content: its content
    :param stage: ``save``, ``submit`` and ``approve`` ask for the stages before them, too;
        ``promote`` only for what it adds, as an approval covers the rest
    :param defaults: field → what the department (or the site) hands down
    :param confirmed: the confirmed class, or None
    :param reviews: kind of review → its latest outcome
    :param vocabularies: the lists and levels
    :returns: everything that is missing, in the order of the form
    """
    seen = dict(content) | inherited(schema, content, defaults)
    level = vocabularies.level(effective_classification(content, confirmed))
    if schema.package_type == ENTRY:
        seen |= _derived(schema, content, level, vocabularies)
    asked = list(_fields(schema, content, seen, stage))
    if stage is Stage.APPROVE and schema.package_type == ENTRY:
        ruled = list(_to_approve(seen, confirmed, level, reviews, vocabularies))
        said = {(gap.field, gap.by) for gap in ruled}  # in better words than "is missing"
        asked = [gap for gap in asked if (gap.field, gap.by) not in said] + ruled
    return _in_order(schema, asked)


def inherited(
    schema: Schema, content: Mapping[str, Any], defaults: Mapping[str, str | None]
) -> dict[str, str]:
    """Return what a record takes from its department.

    :param schema: the schema of its type
    :param content: its content
    :param defaults: field → what the department (or the site) hands down
    :returns: field → inherited value. Name and address of a steward, and of a public contact,
        belong together: an entry with one of its own inherits neither
    """
    handed_down = [spec for spec in schema.fields.values() if spec.inherit]
    own = {spec.inherit for spec in handed_down if content.get(spec.name)}
    return {
        spec.name: str(defaults[spec.name])
        for spec in handed_down
        if spec.inherit not in own and defaults.get(spec.name)
    }


def missing_to_withhold(
    rows: Collection[Mapping[str, Any]], vocabularies: Vocabularies
) -> tuple[Missing, ...]:
    """Say what is missing before an entry can be called one that can't be released.

    :param rows: its blocker rows, one that the act itself opens included
    :param vocabularies: the kinds of blockers
    :returns: what is missing; nothing if an open row of a kind that justifies it has a rationale
    """
    justifying = [
        row
        for row in rows
        if is_open(row)
        and (kind := vocabularies.blocker_kinds.get(str(row.get("kind")))) is not None
        and kind.justifies_withholding
    ]
    if not justifying:
        kinds = [k.label for k in vocabularies.blocker_kinds.values() if k.justifies_withholding]
        return (
            Missing(
                "release_blockers",
                "Nothing that stands in the way justifies withholding it. Name one of these "
                "kinds: {kinds}; or choose “Not now” instead.",
                {"kinds": ", ".join(kinds)},
            ),
        )
    if any(is_sentence(str(row.get("rationale") or ""), vocabularies) for row in justifying):
        return ()
    return tuple(_no_rationale(row, vocabularies) for row in justifying)


def is_sentence(text: str, vocabularies: Vocabularies) -> bool:
    """Tell whether a reason says something.

    :param text: a rationale or justification
    :param vocabularies: the placeholders
    :returns: true for two words or more that are no placeholder

    Source: rule P9 (real inventories hold ``NA``, ``None.`` and ``Open`` as reasons).
    """
    if not _says_something(text, vocabularies):
        return False
    words = [word for word in text.split() if any(letter.isalpha() for letter in word)]
    return len(words) >= 2 or len(_UNSPACED.findall(text)) >= 4


def _says_something(text: str, vocabularies: Vocabularies) -> bool:
    letters = any(letter.isalpha() for letter in text)
    return letters and not vocabularies.is_placeholder(text)


def _derived(
    schema: Schema, content: Mapping[str, Any], level: Level | None, vocabularies: Vocabularies
) -> dict[str, Any]:
    """Answer what follows from other answers."""
    answers: dict[str, Any] = {}
    sensitivity = derived_sensitivity(content, vocabularies)
    if sensitivity and "contains_sensitive_data" in schema.fields:
        answers["contains_sensitive_data"] = sensitivity
    if not content.get("reviews_needed"):
        # Without a level there is nothing to ask for yet; it would be the same question twice.
        answers["reviews_needed"] = list(level.default_reviews if level else ()) or ["none"]
    return answers


# --- the fields of a stage -------------------------------------------------------------------


def _fields(
    schema: Schema, content: Mapping[str, Any], seen: Mapping[str, Any], stage: Stage
) -> Iterator[Missing]:
    asked = _ASKED[stage]
    reported: set[str] = set()
    for name, spec in schema.fields.items():
        if spec.stage not in asked or not _applies(spec, seen):
            continue
        if _follows_from_open_question(name, content):
            continue  # it would be asking for the same thing twice
        value = seen.get(name)
        if value in (None, "", []):
            other = spec.alternative
            if other and (seen.get(other) or other in reported):
                continue
            reported.add(name)
            yield _empty(schema, spec)
        elif spec.real_value and stage in (Stage.APPROVE, Stage.PROMOTE) and _unknown(value):
            message = "“{label}” needs a real answer by now."
            yield Missing(name, message, {"label": spec.label}, _by(spec))


def _applies(spec: FieldSpec, seen: Mapping[str, Any]) -> bool:
    if not spec.required_if:
        return True
    return all(str(seen.get(other) or "") in values for other, values in spec.required_if.items())


def _follows_from_open_question(name: str, content: Mapping[str, Any]) -> bool:
    open_question = content.get("blocker_status") in (None, "", NOT_KNOWN)
    return name == "contains_sensitive_data" and not content.get(name) and open_question


def _unknown(value: Any) -> bool:
    return value in (NOT_KNOWN, [NOT_KNOWN])


def _empty(schema: Schema, spec: FieldSpec) -> Missing:
    if spec.alternative:
        return Missing(
            spec.name,
            "“{label}” is missing; “{other}” would do, too.",
            {"label": spec.label, "other": schema.fields[spec.alternative].label},
            _by(spec),
        )
    return Missing(spec.name, "“{label}” is missing.", {"label": spec.label}, _by(spec))


def _by(spec: FieldSpec) -> Writer:
    return Writer.DEPARTMENT if Writer.DEPARTMENT in spec.writers else Writer.REVIEWER


def _in_order(schema: Schema, found: list[Missing]) -> tuple[Missing, ...]:
    if not found:
        return ()
    order = {name: position for position, name in enumerate(schema.fields)}
    once = {(gap.field, gap.msgid, *gap.params.values()): gap for gap in found}
    return tuple(sorted(once.values(), key=lambda gap: order.get(gap.field, len(order))))


# --- what approve asks beyond the fields -----------------------------------------------------


def _to_approve(
    seen: Mapping[str, Any],
    confirmed: str | None,
    level: Level | None,
    reviews: Mapping[str, str],
    vocabularies: Vocabularies,
) -> Iterator[Missing]:
    yield from _classified(confirmed, level)
    if level is not None:
        yield from _justified(seen, level, vocabularies)
        yield from _reviewed(seen, level, reviews, vocabularies)
        yield from _treated(seen, level)
    yield from _told(seen, vocabularies)
    yield from _unblocked(seen, vocabularies)


def _classified(confirmed: str | None, level: Level | None) -> Iterator[Missing]:
    if not confirmed or confirmed == NOT_KNOWN:
        yield _reviewer("classification", "A reviewer has to confirm the classification.")
    elif level is None:
        yield _reviewer("classification", "The confirmed level is none of the levels any more.")
    elif not level.releasable:
        yield _reviewer(
            "classification", "Data of the level “{level}” are not released.", level=level.label
        )


def _reviewer(name: str, msgid: str, **params: str) -> Missing:
    return Missing(name, msgid, params, Writer.REVIEWER)


def _justified(
    seen: Mapping[str, Any], level: Level, vocabularies: Vocabularies
) -> Iterator[Missing]:
    text = str(seen.get("release_justification") or "")
    if level.needs_justification and not is_sentence(text, vocabularies):
        yield _reviewer(
            "release_justification",
            "Say in a sentence why data of the level “{level}” may go out all the same.",
            level=level.label,
        )


def _reviewed(
    seen: Mapping[str, Any], level: Level, reviews: Mapping[str, str], vocabularies: Vocabularies
) -> Iterator[Missing]:
    kinds = vocabularies.values("review_kind")
    needed = [kind for kind in seen.get("reviews_needed") or () if kind in kinds]
    if level.release in ("review", "review_and_treatment") and not needed:
        yield _reviewer(
            "reviews_needed",
            "Data of the level “{level}” need a review: name at least one kind.",
            level=level.label,
        )
    for kind in needed:
        outcome = reviews.get(kind)
        if outcome in PASSED:
            continue
        label = vocabularies.label("review_kind", kind)
        yield _reviewer("reviews_needed", _NOT_PASSED if outcome else _NOT_DONE, kind=label)


def _treated(seen: Mapping[str, Any], level: Level) -> Iterator[Missing]:
    if level.release != "review_and_treatment":
        return
    if seen.get("contains_sensitive_data") != "yes_can_be_treated":
        yield Missing(
            "contains_sensitive_data",
            "Data of the level “{level}” go out only after treatment: say that they can be made "
            "shareable, and how.",
            {"level": level.label},
        )
    elif not seen.get("sensitive_data_comments"):
        yield Missing("sensitive_data_comments", "Say what is done to make it shareable.")


def _told(seen: Mapping[str, Any], vocabularies: Vocabularies) -> Iterator[Missing]:
    """Refuse placeholders where the schema itself can only ask for some text."""
    asked = {
        "sensitive_data_comments": str(seen.get("contains_sensitive_data")).startswith("yes"),
        "quality_notes": seen.get("quality_concern") == "major",
    }
    for name, is_asked in asked.items():
        text = str(seen.get(name) or "")
        if is_asked and text and not _says_something(text, vocabularies):
            yield Missing(name, "“{text}” explains nothing: say it in words.", {"text": text})


def _unblocked(seen: Mapping[str, Any], vocabularies: Vocabularies) -> Iterator[Missing]:
    for row in blocker_rows(seen):
        label = vocabularies.label("blocker_kind", str(row.get("kind")))
        if not is_sentence(str(row.get("rationale") or ""), vocabularies):
            yield _no_rationale(row, vocabularies)
        if is_open(row):
            yield _reviewer(
                "release_blockers",
                "{kind}: still open. It must be resolved, or waived with a reason.",
                kind=label,
            )
        elif row.get("status") == "waived" and not row.get("status_reason"):
            yield _reviewer("release_blockers", "{kind}: say why it is waived.", kind=label)


def _no_rationale(row: Mapping[str, Any], vocabularies: Vocabularies) -> Missing:
    label = vocabularies.label("blocker_kind", str(row.get("kind")))
    return Missing(
        "release_blockers", "{kind}: say in a sentence why this stands in the way.", {"kind": label}
    )
