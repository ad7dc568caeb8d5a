"""The fields of entries and sources as typed data, read from scheming's loaded schemas.

Pure but for :mod:`~ckanext.inventory.fields.loaded`, which asks scheming what it loaded.
"""

from __future__ import annotations

from ckanext.inventory.fields.content import (
    Change,
    canonical_json,
    content_of,
    decoded,
    diff,
    display,
    material_hash,
)
from ckanext.inventory.fields.declared import check_rules, check_schema, field_spec, parse_schema
from ckanext.inventory.fields.loaded import problems_at_start, schema_for
from ckanext.inventory.fields.shapes import (
    KINDS,
    LIST_KINDS,
    UNORDERED_KINDS,
    FieldSpec,
    Problem,
    Schema,
    SchemaProblem,
    Section,
)

__all__ = [
    "KINDS",
    "LIST_KINDS",
    "UNORDERED_KINDS",
    "Change",
    "FieldSpec",
    "Problem",
    "Schema",
    "SchemaProblem",
    "Section",
    "canonical_json",
    "check_rules",
    "check_schema",
    "content_of",
    "decoded",
    "diff",
    "display",
    "field_spec",
    "material_hash",
    "parse_schema",
    "problems_at_start",
    "schema_for",
]
