"""The bird's-eye view: departments by state, value by likelihood, what stands in the way."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response

from ckanext.inventory import helpers
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action
from ckanext.inventory.views.tables import csv_file

VALUES = ("high", "medium", "low", "not_known_yet")
LIKELIHOODS = ("likely", "possible", "unlikely", "unknown")


@inventory.route("/overview")
def overview() -> str:
    """Show the counts; every number opens the entries behind it.

    :returns: the page
    """
    counts = action("inventory_overview")
    return tk.render(
        "inventory/overview.html",
        extra_vars={
            "counts": counts,
            "promotable": counts["promotable"],
            "matrix": _matrix(counts["value_likelihood"]),
            "values": VALUES,
            "likelihoods": LIKELIHOODS,
        },
    )


def _matrix(pairs: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Arrange the pairs as value → likelihood → count; no answer counts as not assessed."""
    matrix: dict[str, dict[str, int]] = {
        value: dict.fromkeys(map(str, LIKELIHOODS), 0) for value in VALUES
    }
    for pair in pairs:
        value = pair["value"] if pair["value"] in matrix else VALUES[-1]
        likelihood = pair["likelihood"] if pair["likelihood"] in LIKELIHOODS else LIKELIHOODS[-1]
        matrix[value][likelihood] += pair["count"]
    return matrix


@inventory.route("/overview.csv")
def overview_csv() -> Response:
    """Download the departments by state.

    :returns: a CSV file whose cells can't be read as formulas
    """
    counts = action("inventory_overview")
    states = helpers.inventory_states()
    rows = [
        [
            row["title"],
            *(row["states"].get(value, 0) for value, _label in states),
            row["total"],
        ]
        for row in counts["departments"]
    ]
    header = [tk._("Department"), *(label for _value, label in states), tk._("All")]
    return csv_file("inventory-overview.csv", header, rows)
