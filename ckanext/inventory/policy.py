"""Who may do what to which record: one table for labels, auth, lists, forms and buttons.

Facts in, decision out. Nothing here reads a database, a request or a setting, so the whole
matrix role × state × act × writer is tested as a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ckanext.inventory.types import (
    ENTRY,
    SOURCE,
    YES,
    Decision,
    Facts,
    Person,
    Role,
    State,
    Visibility,
    Word,
    Writer,
)


class Act(Word):
    """What somebody may want to do with one record."""

    READ = "read"
    LINK = "link"
    EDIT = "edit"
    COMMENT = "comment"
    ASSIGN = "assign"
    TRIAGE = "triage"
    RESTRICT = "restrict"
    LISTING = "listing"
    DIRECTORY = "directory"
    SHARE = "share"
    REVIEW = "review"
    CLASSIFY = "classify"
    BLOCK = "block"
    RESOLVE = "resolve"
    WAIVE = "waive"
    REQUEST_WAIVER = "request_waiver"
    TRANSFER = "transfer"
    DELETE = "delete"
    PURGE = "purge"
    SUBMIT = "submit"
    RECALL = "recall"
    RETURN = "return"
    APPROVE = "approve"
    DEFER = "defer"
    WITHHOLD = "withhold"
    REOPEN = "reopen"
    PREPARE = "prepare"
    PROMOTE = "promote"
    WITHDRAW = "withdraw"
    RETIRE = "retire"
    CONFIRM = "confirm"
    WANT = "want"


class CityAct(Word):
    """What somebody may want to do that concerns no single record."""

    ENTER = "enter"
    OVERVIEW = "overview"
    REVIEW_QUEUE = "review_queue"
    MANAGE_ROLES = "manage_roles"
    NAME_CDO = "name_cdo"
    MANAGE_DEPARTMENTS = "manage_departments"
    MERGE = "merge"
    TAKE_OVER = "take_over"
    CHECK = "check"
    ERASE = "erase"


@dataclass(frozen=True)
class Options:
    """The settings that change a rule; the caller reads them from the configuration.

    :param assignee_may_submit: an assignee may submit, too
    :param allow_self_approval: the second-person rule is off
    """

    assignee_may_submit: bool = False
    allow_self_approval: bool = False


DEFAULTS = Options()

HIDDEN = Decision(False, "There is no such entry.")
_NOT_YOURS = "Only a coordinator of this department can do that."
_NOT_DECIDER = "Only the chief data officer or a reviewer can do that."
_NOT_CDO = "Only the chief data officer can do that."
_NOT_APPROVER = (
    "Only the chief data officer, or a reviewer who was given this department or these kinds of "
    "blocker to approve, can do that."
)
SECOND_PERSON = (
    "You wrote or submitted this, so somebody else has to approve it. Ask another person who may "
    "approve."
)
_SYSADMIN_ONLY = "Only an administrator of the portal can do that."


def is_cdo(person: Person) -> bool:
    """Tell whether somebody is a CDO; a sysadmin counts as one.

    :param person: who is asking
    :returns: the answer
    """
    return person.sysadmin or _holds(person, Role.CDO)


def is_reviewer(person: Person) -> bool:
    """Tell whether somebody holds the role reviewer, in whatever breadth.

    :param person: who is asking
    :returns: the answer
    """
    return _holds(person, Role.REVIEWER)


def is_decider(person: Person) -> bool:
    """Tell whether somebody is a CDO or a reviewer.

    :param person: who is asking
    :returns: the answer
    """
    return is_cdo(person) or is_reviewer(person)


def is_citywide(person: Person) -> bool:
    """Tell whether somebody reads the whole city: CDO, reviewer or viewer.

    :param person: who is asking
    :returns: the answer
    """
    return is_decider(person) or _holds(person, Role.VIEWER)


def coordinates(person: Person, department: str) -> bool:
    """Tell whether somebody is a coordinator of a department; a sysadmin counts as one.

    :param person: who is asking
    :param department: organization id
    :returns: the answer
    """
    return person.sysadmin or department in person.coordinated


def departments_of(person: Person) -> frozenset[str]:
    """Return the departments that somebody coordinates.

    :param person: who is asking
    :returns: organization ids; a sysadmin's are not enumerated here
    """
    return person.coordinated


def _holds(person: Person, role: Role) -> bool:
    return role in person.roles


def _assigned(person: Person, facts: Facts) -> bool:
    return person.known and facts.assignee == person.user_id


def _of_department(person: Person, facts: Facts) -> bool:
    """Whether somebody writes for the department: coordinator, assignee, or a CDO as author."""
    return coordinates(person, facts.department) or _assigned(person, facts) or is_cdo(person)


def covers(person: Person, facts: Facts) -> bool:
    """Tell whether somebody may approve, prepare, promote and waive for a record.

    A delegate covers it if the grant's department is the record's (or the grant is citywide) and,
    where kinds are named, the record has blocker rows and all are of these kinds.

    :param person: who is asking
    :param facts: what is known of the record
    :returns: the answer
    """
    if is_cdo(person):
        return True
    return any(
        grant.role is Role.REVIEWER
        and grant.may_approve
        and grant.department in (None, facts.department)
        and (not grant.kinds or (bool(facts.blocker_kinds) and facts.blocker_kinds <= grant.kinds))
        for grant in person.grants
    )


def _answer(allowed: bool, reason: str) -> Decision:
    return YES if allowed else Decision(False, reason)


def _read(person: Person, facts: Facts, options: Options) -> Decision:
    if coordinates(person, facts.department) or _assigned(person, facts) or is_decider(person):
        return YES
    if facts.visibility is Visibility.NORMAL and is_citywide(person):
        return YES
    return HIDDEN


def _link(person: Person, facts: Facts, options: Options) -> Decision:
    """A source can be linked by who reads it and, when shared, by writers of any department."""
    if facts.package_type == SOURCE and facts.shared and bool(departments_of(person)):
        return YES
    return _read(person, facts, options)


def _department(person: Person, facts: Facts, options: Options) -> Decision:
    return _answer(_of_department(person, facts), _NOT_YOURS)


def _coordinator(person: Person, facts: Facts, options: Options) -> Decision:
    return _answer(coordinates(person, facts.department), _NOT_YOURS)


def _coordinator_or_cdo(person: Person, facts: Facts, options: Options) -> Decision:
    return _answer(coordinates(person, facts.department) or is_cdo(person), _NOT_YOURS)


def _coordinator_or_decider(person: Person, facts: Facts, options: Options) -> Decision:
    return _answer(coordinates(person, facts.department) or is_decider(person), _NOT_YOURS)


def _decider(person: Person, facts: Facts, options: Options) -> Decision:
    return _answer(is_decider(person), _NOT_DECIDER)


def _cdo(person: Person, facts: Facts, options: Options) -> Decision:
    return _answer(is_cdo(person), _NOT_CDO)


def _approver(person: Person, facts: Facts, options: Options) -> Decision:
    return _answer(covers(person, facts), _NOT_APPROVER)


def _want(person: Person, facts: Facts, options: Options) -> Decision:
    """Viewers speak for those who govern; whoever writes for a department doesn't praise its own."""
    if facts.state is State.PUBLISHED:
        return Decision(False, "It is on the portal already.")
    if facts.state is State.RETIRED:
        return Decision(False, "This is retired.")
    speaks = _holds(person, Role.VIEWER) and not _of_department(person, facts)
    return _answer(speaks, "Only the council's and the mayor's offices can say this.")


def _edit(person: Person, facts: Facts, options: Options) -> Decision:
    if facts.package_state == "deleted":
        return Decision(False, "This was deleted and can't be changed.")
    if facts.state is State.RETIRED:
        return Decision(False, "This is retired. Reopen it before you change it.")
    return _answer(_of_department(person, facts) or is_decider(person), _NOT_YOURS)


def _comment(person: Person, facts: Facts, options: Options) -> Decision:
    return _answer(_of_department(person, facts) or is_decider(person), _NOT_YOURS)


def _submit(person: Person, facts: Facts, options: Options) -> Decision:
    allowed = coordinates(person, facts.department) or (
        options.assignee_may_submit and _assigned(person, facts)
    )
    return _answer(allowed, _NOT_YOURS)


def _approve(person: Person, facts: Facts, options: Options) -> Decision:
    if not covers(person, facts):
        return Decision(False, _NOT_APPROVER)
    barred = person.user_id in facts.authors and not options.allow_self_approval
    return _answer(not barred, SECOND_PERSON)


def _retire(person: Person, facts: Facts, options: Options) -> Decision:
    if is_cdo(person):
        return YES
    if not coordinates(person, facts.department):
        return Decision(False, _NOT_YOURS)
    before_approval = facts.approved_revision is None or facts.package_type == SOURCE
    return _answer(
        before_approval, "It was approved, so only the chief data officer can retire it."
    )


def _resolve(person: Person, facts: Facts, options: Options) -> Decision:
    """Whether at all; the blocker's own owner is looked at where the row is known."""
    return _answer(_of_department(person, facts) or is_decider(person), _NOT_DECIDER)


def _delete(person: Person, facts: Facts, options: Options) -> Decision:
    if not (coordinates(person, facts.department) or is_cdo(person)):
        return Decision(False, _NOT_YOURS)
    if facts.state is not State.DRAFT or facts.ever_submitted or facts.linked:
        return Decision(
            False,
            "Only a draft that was never submitted can be deleted. Retire this one instead: it "
            "keeps its number and its history.",
        )
    return YES


def _purge(person: Person, facts: Facts, options: Options) -> Decision:
    if not person.sysadmin:
        return Decision(False, _SYSADMIN_ONLY)
    return _answer(
        not facts.linked,
        "A dataset on the portal is linked to this. Withdraw and unlink it before you purge.",
    )


_Rule = Callable[[Person, Facts, Options], Decision]

RULES: Mapping[Act, _Rule] = {
    Act.READ: _read,
    Act.LINK: _link,
    Act.EDIT: _edit,
    Act.COMMENT: _comment,
    Act.ASSIGN: _coordinator_or_decider,
    Act.TRIAGE: _decider,
    Act.RESTRICT: _coordinator_or_decider,
    Act.LISTING: _decider,
    Act.DIRECTORY: _coordinator_or_decider,
    Act.SHARE: _coordinator_or_decider,
    Act.REVIEW: _decider,
    Act.CLASSIFY: _decider,
    Act.BLOCK: _edit,
    Act.RESOLVE: _resolve,
    Act.WAIVE: _approver,
    Act.REQUEST_WAIVER: _department,
    Act.TRANSFER: _coordinator_or_cdo,
    Act.DELETE: _delete,
    Act.PURGE: _purge,
    Act.SUBMIT: _submit,
    Act.RECALL: _coordinator,
    Act.RETURN: _decider,
    Act.APPROVE: _approve,
    Act.DEFER: _cdo,
    Act.WITHHOLD: _cdo,
    Act.REOPEN: _coordinator_or_cdo,
    Act.PREPARE: _approver,
    Act.PROMOTE: _approver,
    Act.WITHDRAW: _cdo,
    Act.RETIRE: _retire,
    Act.CONFIRM: _coordinator,
    Act.WANT: _want,
}
"""The policy table. Who may not read a record may do nothing to it, whatever its row says."""


def may(person: Person, act: Act | str, facts: Facts, options: Options = DEFAULTS) -> Decision:
    """Tell whether a person may do something to a record.

    The workflow state is asked of ``workflow.starts``; this table knows persons.

    :param person: who is asking
    :param act: an act, or the name of a transition
    :param facts: what is known of the record
    :param options: the settings that change a rule
    :returns: the decision; :data:`HIDDEN` for a record that the person may not even know of
    """
    wanted = Act(act)
    if wanted is not Act.READ and wanted is not Act.LINK:
        seen = _read(person, facts, options)
        if not seen:
            return seen
    return RULES[wanted](person, facts, options)


CITY_RULES: Mapping[CityAct, tuple[Callable[[Person], bool], str]] = {
    CityAct.ENTER: (
        lambda person: person.sysadmin or bool(person.grants),
        "The inventory is for people with a role in it.",
    ),
    CityAct.OVERVIEW: (
        lambda person: is_citywide(person) or bool(departments_of(person)),
        "The overview is for people with a role in the inventory.",
    ),
    CityAct.REVIEW_QUEUE: (is_decider, _NOT_DECIDER),
    CityAct.MANAGE_ROLES: (is_cdo, _NOT_CDO),
    CityAct.NAME_CDO: (lambda person: person.sysadmin, _SYSADMIN_ONLY),
    CityAct.MANAGE_DEPARTMENTS: (is_cdo, _NOT_CDO),
    CityAct.MERGE: (is_cdo, _NOT_CDO),
    CityAct.TAKE_OVER: (is_cdo, _NOT_CDO),
    CityAct.CHECK: (is_cdo, _NOT_CDO),
    CityAct.ERASE: (lambda person: person.sysadmin, _SYSADMIN_ONLY),
}


def may_citywide(person: Person, act: CityAct | str) -> Decision:
    """Tell whether a person may do something that concerns no single record.

    :param person: who is asking
    :param act: the act
    :returns: the decision
    """
    rule, reason = CITY_RULES[CityAct(act)]
    return _answer(rule(person), reason)


DIRECTORY_OFF = "off"
DIRECTORY_ROLES = "roles"
DIRECTORY_ACCOUNTS = "accounts"


def may_search_directory(person: Person, open_to: str) -> Decision:
    """Tell whether a person may search the city directory.

    :param person: who is asking
    :param open_to: the setting: off, roles or accounts
    :returns: the decision
    """
    if open_to == DIRECTORY_OFF:
        return Decision(False, "The city directory is switched off.")
    if open_to == DIRECTORY_ACCOUNTS:
        return _answer(person.known, "Sign in to search the city directory.")
    return may_citywide(person, CityAct.ENTER)


def may_add_to(person: Person, department: str) -> Decision:
    """Tell whether a person may add entries and sources to a department, one or many.

    :param person: who is asking
    :param department: organization id
    :returns: the decision
    """
    return _answer(coordinates(person, department) or is_cdo(person), _NOT_YOURS)


def may_answer_transfer(person: Person, asked: str) -> Decision:
    """Tell whether a person may answer a request to move a record to a department.

    The side that is asked can't read the record before it accepts. It is told number, title, the
    department that asks and its words, because nobody can answer without; the asking side chose to
    tell it so much. Nothing else of the record is opened by a request.

    :param person: who is asking
    :param asked: organization id of the department that should take it over
    :returns: the decision
    """
    return _answer(
        coordinates(person, asked) or is_cdo(person),
        "The department that it should move to has to accept.",
    )


def may_write_field(person: Person, facts: Facts, writers: Iterable[Writer]) -> Decision:
    """Tell whether a person may change a field, given the writers that the schema names.

    :param person: who is asking
    :param facts: what is known of the record
    :param writers: the field's writers
    :returns: the decision
    """
    allowed = frozenset(writers)
    if Writer.DEPARTMENT in allowed and _of_department(person, facts):
        return YES
    if Writer.REVIEWER in allowed and is_decider(person):
        return YES
    if allowed == frozenset({Writer.SYSTEM}):
        return Decision(False, "This is worked out by the inventory and can't be written.")
    if Writer.DEPARTMENT not in allowed:
        return Decision(False, "Only the chief data officer or a reviewer can change this.")
    return Decision(False, "Only the department can change this.")


LABEL_ORG = "inventory-org-"
LABEL_USER = "inventory-user-"
LABEL_CITYWIDE = "inventory-citywide"
LABEL_DECIDERS = "inventory-deciders"


def user_labels(person: Person) -> list[str]:
    """Return the permission labels of ours that a person carries.

    :param person: who is asking
    :returns: labels, by id and never by name; empty for a visitor

    Source: leak contract, layer 2.
    """
    if not person.known:
        return []
    labels = [LABEL_USER + str(person.user_id)]
    labels += sorted(LABEL_ORG + department for department in departments_of(person))
    if is_citywide(person):
        labels.append(LABEL_CITYWIDE)
    if is_decider(person):
        labels.append(LABEL_DECIDERS)
    return labels


def record_labels(facts: Facts) -> list[str]:
    """Return the permission labels of a record: never ``public``, never one of core's.

    :param facts: what is known of the record
    :returns: labels

    Source: leak contract, layer 2.
    """
    restricted = facts.visibility is Visibility.RESTRICTED
    labels = [LABEL_ORG + facts.department, LABEL_DECIDERS if restricted else LABEL_CITYWIDE]
    if facts.assignee:
        labels.append(LABEL_USER + facts.assignee)
    return labels


@dataclass(frozen=True)
class Scope:
    """Which records a person may read, in a form that SQL can filter by.

    :param everything: no filter at all, but for ``hide_restricted``
    :param hide_restricted: citywide reading leaves out what only department and CDO may see
    :param departments: organization ids whose records are read
    :param user_id: records assigned to this user are read, too
    """

    everything: bool
    hide_restricted: bool
    departments: frozenset[str]
    user_id: str | None

    @property
    def nothing(self) -> bool:
        """Whether no record at all can be read."""
        return not (self.everything or self.departments or self.user_id)


def scope(person: Person) -> Scope:
    """Return the filter that a list has to apply; it agrees with ``may(person, READ, …)``.

    :param person: who is asking
    :returns: the scope
    """
    return Scope(
        everything=is_citywide(person),
        hide_restricted=not is_decider(person),
        departments=departments_of(person),
        user_id=person.user_id,
    )


def may_of_type(act: Act, package_type: str) -> bool:
    """Tell whether an act exists for a type at all.

    :param act: the act
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :returns: the answer
    """
    only_entry = {
        Act.TRIAGE,
        Act.LISTING,
        Act.DIRECTORY,
        Act.REVIEW,
        Act.CLASSIFY,
        Act.BLOCK,
        Act.RESOLVE,
        Act.WAIVE,
        Act.REQUEST_WAIVER,
        Act.APPROVE,
        Act.DEFER,
        Act.WITHHOLD,
        Act.PREPARE,
        Act.PROMOTE,
        Act.WITHDRAW,
        Act.WANT,
    }
    if act is Act.SHARE:
        return package_type == SOURCE
    return package_type == ENTRY or act not in only_entry
