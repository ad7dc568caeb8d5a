"""What each action takes. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from ckanext.inventory.logic.takes import (
    ANYTHING,
    ATTENTION,
    MAPPING,
    NEEDED,
    NEEDED_IDS,
    NEEDED_NUMBER,
    NOTE,
    OFF,
    OPTIONAL,
    OPTIONAL_DATE,
    OPTIONAL_DAY,
    OPTIONAL_NUMBER,
    OPTIONAL_TEXTS,
    SEARCHED,
    TEXT,
    WORDS,
    Steps,
    number,
    takes,
)

reference = takes(
    {
        "id": NEEDED,
    }
)
"""One record by number, name or id, or one of what lies beside records by its id."""

listing = takes(
    {
        "q": SEARCHED,
        "attention": ATTENTION,
        "sort": (("default", "rank"), "inventory_string", "inventory_list_sort"),
        "limit": number(50),
        "offset": number(0),
        "facets": (("default", True), "boolean_validator"),
        "state": OPTIONAL_TEXTS,
        "department": OPTIONAL_TEXTS,
        "value": OPTIONAL_TEXTS,
        "likelihood": OPTIONAL_TEXTS,
        "classification": OPTIONAL_TEXTS,
        "category": OPTIONAL_TEXTS,
        "triage": OPTIONAL_TEXTS,
        "assignee": OPTIONAL_TEXTS,
        "blocker": OPTIONAL_TEXTS,
        "source": OPTIONAL_TEXTS,
        "wanted": OPTIONAL_TEXTS,
    }
)
"""A page of a list: words, filters by facet, order."""

_ALONG: dict[str, Steps] = {
    "transition": NEEDED,
    "comment": NOTE,
    "look_again": OPTIONAL_DATE,
    "retire_reason": OPTIONAL,
    "successor": OPTIONAL,
    "classification": OPTIONAL,
    "target": OPTIONAL,
    "blocker": MAPPING,
    "waive": MAPPING,
    "fields": MAPPING,
    "publication": MAPPING,
    "upload": ANYTHING,
}

transition = takes({"id": NEEDED, "revision": OPTIONAL_NUMBER, **_ALONG})
"""A transition of one record with everything that it may take along."""

transition_bulk = takes(
    {
        **_ALONG,
        "ids": NEEDED_IDS,
        "revisions": MAPPING,
        "mode": (("default", "all"), "inventory_string", ("inventory_one_of", ["all", "possible"])),
        "dry_run": OFF,
    }
)
"""A transition of many records."""

blocker = takes(
    {
        "id": NEEDED,
        "revision": OPTIONAL_NUMBER,
        "kind": NEEDED,
        "detail": ("ignore_missing", "inventory_texts"),
        "rationale": TEXT,
        "citation": TEXT,
        "owner": TEXT,
        "since": OPTIONAL_DATE,
        "look_again": OPTIONAL_DATE,
    }
)
"""One blocker row, keyed by its kind."""

blocker_status = takes(
    {
        "id": NEEDED,
        "kind": NEEDED,
        "status": (
            "inventory_needed",
            "inventory_string",
            ("inventory_one_of", ["open", "resolved", "waived"]),
        ),
        "reason": TEXT,
    }
)
"""The status of one blocker row."""

blocker_kind = takes(
    {
        "id": NEEDED,
        "kind": NEEDED,
    }
)
"""One blocker row by record and kind."""

finding = takes(
    {
        "id": NEEDED,
        "kind": NEEDED,
        "outcome": NEEDED,
        "note": NOTE,
    }
)
"""A review and its outcome."""

classify = takes(
    {
        "ids": NEEDED_IDS,
        "classification": NEEDED,
        "note": NOTE,
    }
)
"""Records and the level that is confirmed for them."""

assign = takes(
    {
        "ids": NEEDED_IDS,
        "user": ("ignore_missing", "inventory_string"),
    }
)
"""Records and the account that they are assigned to."""

mark = takes(
    {
        "ids": NEEDED_IDS,
        "field": NEEDED,
        "value": ANYTHING,
    }
)
"""Records, a mark and its value."""

want = takes(
    {
        "id": NEEDED,
        "reason": WORDS,
    }
)
"""Why somebody wants an entry."""

comment = takes(
    {
        "id": NEEDED,
        "text": WORDS,
        "mentions": OPTIONAL_TEXTS,
        "purpose": (
            ("default", "comment"),
            "inventory_string",
            ("inventory_one_of", ["comment", "question"]),
        ),
    }
)
"""A comment on one record."""

waiver = takes(
    {
        "id": NEEDED,
        "kind": NEEDED,
        "reason": WORDS,
    }
)
"""A request to waive a blocker."""

history = takes(
    {
        "id": NEEDED,
        "limit": number(50),
        "before": OPTIONAL_NUMBER,
    }
)
"""A page of a record's history."""

revision = takes(
    {
        "id": NEEDED,
        "revision": NEEDED_NUMBER,
    }
)
"""One revision of a record."""

difference = takes(
    {
        "id": NEEDED,
        "old": NEEDED_NUMBER,
        "new": OPTIONAL_NUMBER,
    }
)
"""Two revisions of a record; the newer is the current one unless named."""

transfer_request = takes(
    {
        "id": NEEDED,
        "department": NEEDED,
        "comment": NOTE,
    }
)
"""A record and the department that it should move to."""

transfer_answer = takes(
    {
        "id": NEEDED,
        "comment": NOTE,
    }
)
"""An answer to a request to move."""

merge = takes(
    {
        "department": NEEDED,
        "into": NEEDED,
    }
)
"""The department that is closed and the one that takes over."""

role_add = takes(
    {
        "user": NEEDED,
        "role": ("inventory_needed", "inventory_string", "inventory_role"),
        "department": OPTIONAL,
        "division": OPTIONAL,
        "kinds": OPTIONAL_TEXTS,
        "may_approve": OFF,
        "until": OPTIONAL_DAY,
    }
)
"""A role for an account."""

role_remove = takes(
    {
        "id": NEEDED_NUMBER,
    }
)
"""A role by its id."""

role_list = takes(
    {
        "department": OPTIONAL,
        "user": OPTIONAL,
    }
)
"""Filters of the list of roles."""

department_update = takes(
    {
        "id": NEEDED,
        "code": ("ignore_empty", "inventory_string", "inventory_code"),
        "public_contact_name": TEXT,
        "public_contact_email": TEXT,
        "license_id": TEXT,
        "steward": TEXT,
        "steward_email": TEXT,
    }
)
"""Code and defaults of a department; what isn't sent stays."""

erase = takes(
    {
        "event_id": NEEDED_NUMBER,
        "reason": WORDS,
    }
)
"""An event whose words are erased, and why."""

promotion_preview = takes(
    {
        "id": NEEDED,
        "publication": MAPPING,
        "fields": MAPPING,
    }
)
"""An entry and what would go along with its promotion."""
