"""What the actions about being told and about the directory take; nothing is looked up here."""

from __future__ import annotations

from ckanext.inventory.logic.takes import (
    OFF,
    OPTIONAL,
    OPTIONAL_NUMBER,
    OPTIONAL_TEXTS,
    SEARCHED,
    number,
    takes,
)

listing = takes(
    {
        "limit": number(50),
        "before": OPTIONAL_NUMBER,
        "unread": OFF,
    }
)
"""Which part of the list."""

read = takes(
    {
        "ids": OPTIONAL_TEXTS,
        "all": OFF,
    }
)
"""Which are read."""

settings = takes(
    {
        "digest": (
            "ignore_missing",
            "inventory_string",
            ("inventory_one_of", ["daily", "weekly", "never"]),
        ),
        "at_once": ("ignore_missing", "boolean_validator"),
    }
)
"""How somebody wants to be told."""

preview = takes(
    {
        "user": OPTIONAL,
    }
)
"""Whose digest."""

directory = takes(
    {
        "q": SEARCHED,
        "department": OPTIONAL,
        "source": SEARCHED,
        "person": SEARCHED,
        "limit": number(25),
        "offset": number(0),
    }
)
"""What to look for in the directory."""
