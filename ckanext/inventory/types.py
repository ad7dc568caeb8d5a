"""The words of the project as types: states, roles, who is asking and what is known of a record.

Nothing here knows CKAN or the database, so that policy and workflow stay pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

ENTRY = "inventory_entry"
SOURCE = "inventory_source"
PRIVATE_TYPES = frozenset({ENTRY, SOURCE})

NOT_KNOWN = "not_known_yet"
"""The stored answer "we looked and don't know", as against empty: nobody answered."""


class Word(str, Enum):
    """A string enumeration whose members print as their value (``StrEnum`` needs Python 3.11)."""

    def __str__(self) -> str:
        return str(self.value)


class State(Word):
    """Where an entry stands; a source knows draft, submitted, returned and retired only."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    PREPARING = "preparing"
    PUBLISHED = "published"
    DEFERRED = "deferred"
    WITHHELD = "withheld"
    RETIRED = "retired"


class Role(Word):
    """What somebody was named to be, citywide or for a department."""

    COORDINATOR = "coordinator"
    CDO = "cdo"
    REVIEWER = "reviewer"
    VIEWER = "viewer"


class Visibility(Word):
    """Who may see a record inside the city."""

    NORMAL = "normal"
    RESTRICTED = "department_and_cdo_only"


class Writer(Word):
    """Who may write a field of the schema, through any door."""

    DEPARTMENT = "department"
    REVIEWER = "reviewer"
    SYSTEM = "system"


class Stage(Word):
    """The first stage at which a field must hold a value."""

    SAVE = "save"
    SUBMIT = "submit"
    APPROVE = "approve"
    PROMOTE = "promote"


@dataclass(frozen=True)
class Grant:
    """One role that somebody holds today.

    :param role: the role
    :param department: organization id, or None for the whole city
    :param division: a part of the department; orders lists and narrows nothing
    :param kinds: blocker kinds that a reviewer decides; empty means all
    :param may_approve: a reviewer who may approve, prepare, promote and waive (delegation)
    """

    role: Role
    department: str | None = None
    division: str | None = None
    kinds: frozenset[str] = frozenset()
    may_approve: bool = False


@dataclass(frozen=True)
class Person:
    """Who is asking.

    :param user_id: user id, or None for a visitor
    :param sysadmin: counts as CDO and as coordinator everywhere
    :param grants: the roles in force today; an account that isn't active has none
    """

    user_id: str | None
    sysadmin: bool = False
    grants: tuple[Grant, ...] = ()

    @property
    def known(self) -> bool:
        """Whether this is somebody with an account."""
        return self.user_id is not None

    @cached_property
    def roles(self) -> frozenset[Role]:
        """The roles held, of whatever department."""
        return frozenset(grant.role for grant in self.grants)

    @cached_property
    def coordinated(self) -> frozenset[str]:
        """The departments coordinated, by organization id."""
        return frozenset(
            grant.department
            for grant in self.grants
            if grant.role is Role.COORDINATOR and grant.department
        )


ANONYMOUS = Person(None)


@dataclass(frozen=True)
class Facts:
    """What the policy needs to know of one record.

    :param package_id: the package's id
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param department: organization id of the owner
    :param state: workflow state
    :param visibility: who may see it inside the city
    :param assignee: user id of the person it is assigned to
    :param revision: number of the current revision, from 1
    :param approved_revision: the revision that an approval covers
    :param changed: the current text differs from the approved one in something material
    :param change_returned: the change was returned and waits for the next edit
    :param ever_submitted: it was submitted at least once
    :param authors: user ids that the second-person rule bars from approving
    :param blocker_kinds: kinds of all blocker rows
    :param open_kinds: kinds of the rows that are open
    :param shared: a source that other departments may link
    :param linked: a public dataset is linked or prepared
    :param package_state: CKAN's own state of the package: active, draft or deleted
    """

    package_id: str
    package_type: str
    department: str
    state: State = State.DRAFT
    visibility: Visibility = Visibility.NORMAL
    assignee: str | None = None
    revision: int = 1
    approved_revision: int | None = None
    changed: bool = False
    change_returned: bool = False
    ever_submitted: bool = False
    authors: frozenset[str] = frozenset()
    blocker_kinds: frozenset[str] = frozenset()
    open_kinds: frozenset[str] = frozenset()
    shared: bool = False
    linked: bool = False
    package_state: str = "active"


@dataclass(frozen=True)
class Decision:
    """An answer of the policy, with the reason in words when it is no.

    :param allowed: the answer
    :param reason: a sentence for people (a message id to translate), empty when allowed
    """

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


YES = Decision(True)
