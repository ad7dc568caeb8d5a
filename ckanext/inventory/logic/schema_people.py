"""What the actions about people take. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from ckanext.inventory.logic.takes import (
    NEEDED,
    NEEDED_NUMBER,
    OFF,
    OPTIONAL,
    OPTIONAL_DAY,
    OPTIONAL_TEXTS,
    SEARCHED,
    takes,
)

people = takes(
    {
        "q": SEARCHED,
    }
)
"""Words to look for."""

hand_over = takes(
    {
        "from": NEEDED,
        "to": NEEDED,
        "department": OPTIONAL,
        "roles": OFF,
        "dry_run": OFF,
    }
)
"""From whom, to whom, and what."""

role_invite = takes(
    {
        "emails": ("inventory_needed", "inventory_lines"),
        "role": (("default", "coordinator"), "inventory_string", "inventory_role"),
        "department": OPTIONAL,
        "division": OPTIONAL,
        "kinds": OPTIONAL_TEXTS,
        "may_approve": OFF,
        "until": OPTIONAL_DAY,
        "dry_run": OFF,
    }
)
"""Pasted addresses and the role that they get."""

invitation = takes(
    {
        "id": NEEDED_NUMBER,
    }
)
"""An invitation by its id."""

bounce = takes(
    {
        "mail": ("inventory_needed", "inventory_lines"),
    }
)
"""A mail that came back."""

editors_to_coordinators = takes(
    {
        "department": OPTIONAL,
        "dry_run": OFF,
    }
)
"""Which departments, and whether it is only shown."""
