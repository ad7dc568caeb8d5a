"""The schemas in force: what scheming loaded, read once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import yaml

from ckanext.inventory import vocabularies as vocabularies_module
from ckanext.inventory.fields.declared import check_rules, check_schema, parse_schema
from ckanext.inventory.fields.shapes import (
    Problem,
    Schema,
    SchemaProblem,
    is_mapping,
)
from ckanext.inventory.types import ENTRY, SOURCE
from ckanext.inventory.vocabularies import Vocabularies, VocabularyProblem

_parsed: dict[str, tuple[Mapping[str, Any], Vocabularies, Schema]] = {}


def schema_for(package_type: str) -> Schema:
    """Return the schema of a type that is in force.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    :returns: the schema, read once for as long as scheming's loaded schema stays the same
    :raises SchemaProblem: if there is none, or it can't be used
    :raises VocabularyProblem: if the vocabularies can't be used
    """
    raw = _loaded(package_type)
    if raw is None:
        raise SchemaProblem([_not_loaded(package_type)])
    words = vocabularies_module.load()
    known = _parsed.get(package_type)
    if known is not None and known[0] is raw and known[1] is words:
        return known[2]
    schema = parse_schema(raw, words, _file_of(package_type))
    _parsed[package_type] = (raw, words, schema)
    return schema


def problems_at_start() -> list[Problem]:
    """Say what is wrong with the configured schemas and vocabularies.

    :returns: the problems of all files; empty if the plugin may start
    """
    try:
        words = vocabularies_module.load()
    except VocabularyProblem as problem:
        return [Problem(problem.path, key, message) for key, message in problem.problems]
    problems: list[Problem] = []
    for package_type in (ENTRY, SOURCE):
        raw = _loaded(package_type)
        if raw is None:
            problems.append(_not_loaded(package_type))
        else:
            problems += check_schema(raw, words, _file_of(package_type))
            if package_type == ENTRY:
                problems += check_rules(raw, words)
    return problems


def _not_loaded(package_type: str) -> Problem:
    shipped = f"ckanext.inventory:schemas/{package_type}.yaml"
    message = f"no schema of the type {package_type} is loaded: add {shipped}"
    return Problem("scheming.dataset_schemas", package_type, message)


def _loaded(package_type: str) -> Mapping[str, Any] | None:
    from ckanext.scheming import helpers  # needs CKAN; what is above doesn't

    loaded = cast("Any", helpers).scheming_get_dataset_schema(package_type)
    return loaded if is_mapping(loaded) else None


def _file_of(package_type: str) -> str:
    """Find which configured file declares a type; scheming doesn't remember it."""
    from ckanext.inventory import config  # needs CKAN; what is above doesn't

    for path in config.schema_files():
        try:
            raw: Any = yaml.safe_load(vocabularies_module.resolve(path).read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, VocabularyProblem):
            continue
        if is_mapping(raw) and raw.get("dataset_type") == package_type:
            return path
    return package_type
