"""Rows of the database that break a rule of the leak contract, and how to put them right.

Each rule is a query for the packages that break it. They can only come from outside: a restored
backup, another plugin, a hand in the database; every door of ours refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ckan.model as model
import ckan.plugins as p
import sqlalchemy as sa
from ckan.model.follower import user_following_dataset_table
from sqlalchemy.orm import Session

from ckanext.inventory.model import Link, Outbox, Pending, Record, Words
from ckanext.inventory.model.outbox import INDEX
from ckanext.inventory.service import facts, outbox, purge, register
from ckanext.inventory.service.findings import Finding, Severity
from ckanext.inventory.types import PRIVATE_TYPES, State

SHOWN = 20
"""How many ids a finding names."""

OPAQUE_NAME = r"^inventory-[0-9a-z]{16,}$"
"""The shape of our packages' names, in PostgreSQL's words."""

_package = model.package_table.c

Query = Callable[[], "sa.Select[Any]"]
Fix = Callable[[Session, Sequence[str]], None]


@dataclass(frozen=True)
class Rule:
    """One rule, as data.

    :param name: the finding's name
    :param message: what is wrong with a package that the query returns
    :param remedy: what to do
    :param query: a select of package ids
    :param fix: puts packages right, or None where somebody has to look
    :param leak: number of the leak contract
    """

    name: str
    message: str
    remedy: str
    query: Query
    fix: Fix | None = None
    leak: str = ""


REPAIR = "run ckan inventory check --repair"


def find(session: Session) -> Iterator[Finding]:
    """Look for broken rows.

    :param session: the database session
    :returns: one finding for each rule that is broken
    """
    for rule in rules():
        ids = list(dict.fromkeys(session.scalars(rule.query())))
        if ids:
            yield Finding(
                rule.name,
                Severity.ERROR,
                rule.message,
                rule.remedy,
                rule.leak,
                tuple(ids[:SHOWN]),
                len(ids),
                rule.fix is not None,
            )


def fix(session: Session) -> dict[str, int]:
    """Put right what can be put right; the caller commits.

    :param session: the database session
    :returns: name of the rule → number of packages
    """
    done: dict[str, int] = {}
    for rule in rules():
        if rule.fix is None:
            continue
        ids = list(dict.fromkeys(session.scalars(rule.query())))
        if ids:
            rule.fix(session, ids)
            session.flush()
            done[rule.name] = len(ids)
    return done


def rules() -> list[Rule]:
    """Return the rules that apply with the plugins in force.

    :returns: the rules, in the order in which they are looked at and put right
    """
    return [*_RULES, _ACTIVITIES] if p.plugin_loaded("activity") else list(_RULES)


def _ours(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(_package.id).where(_package.type.in_(PRIVATE_TYPES), *conditions)


def _on(table: sa.FromClause, column: str, *conditions: Any) -> sa.Select[Any]:
    """Packages of ours that have a row in a table of core's."""
    key = table.c[column]
    return (
        sa.select(key)
        .join(model.package_table, _package.id == key)
        .where(_package.type.in_(PRIVATE_TYPES), *conditions)
    )


def _groups() -> sa.Select[Any]:
    member = model.member_table
    return _on(
        member,
        "table_id",
        member.c.table_name == "package",
        member.c.state == model.State.ACTIVE,
        member.c.group_id != _package.owner_org,
    )


def _make_private(session: Session, ids: Sequence[str]) -> None:
    session.execute(sa.update(model.package_table).where(_package.id.in_(ids)).values(private=True))
    outbox.narrow(session, ids)


def _delete_from(table: sa.Table, column: str) -> Fix:
    def delete(session: Session, ids: Sequence[str]) -> None:
        session.execute(sa.delete(table).where(table.c[column].in_(ids)))
        outbox.reindex(session, ids)

    return delete


def _leave_groups(session: Session, ids: Sequence[str]) -> None:
    member = model.member_table
    owner = sa.select(_package.owner_org).where(_package.id == member.c.table_id)
    session.execute(
        sa.delete(member).where(
            member.c.table_name == "package",
            member.c.table_id.in_(ids),
            member.c.group_id != owner.scalar_subquery(),
        )
    )
    outbox.reindex(session, ids)


def _forget(session: Session, ids: Sequence[str]) -> None:
    for package_id in ids:
        purge.forget(session, package_id, None)


def _take_state(session: Session, ids: Sequence[str]) -> None:
    state = sa.select(_package.state).where(_package.id == Record.package_id)
    session.execute(
        sa.update(Record)
        .where(Record.package_id.in_(ids))
        .values(package_state=state.scalar_subquery())
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


def _write_words(session: Session, ids: Sequence[str]) -> None:
    register.refresh_words(session, facts.records(session, ids).values())


_activity = sa.table("activity", sa.column("id", sa.Text), sa.column("object_id", sa.Text))


def _forget_activities(session: Session, ids: Sequence[str]) -> None:
    told = sa.select(_activity.c.id).where(_activity.c.object_id.in_(ids))
    detail = sa.table("activity_detail", sa.column("activity_id", sa.Text))
    session.execute(sa.delete(detail).where(detail.c.activity_id.in_(told)))
    session.execute(sa.delete(_activity).where(_activity.c.object_id.in_(ids)))


def _record_join() -> sa.Join:
    return sa.join(Record, model.package_table, Record.package_id == _package.id)


_RULES: tuple[Rule, ...] = (
    Rule(
        "public_entry",
        "entries or sources are public in the database",
        REPAIR,
        lambda: _ours(_package.private.is_(False)),
        _make_private,
        "L24",
    ),
    Rule(
        "telling_name",
        "entries or sources have a name that isn't opaque, so that it can be guessed",
        "find out where they came from, export them and import them again",
        lambda: _ours(_package.name.op("!~")(OPAQUE_NAME)),
        leak="L3",
    ),
    Rule(
        "not_registered",
        "entries or sources are missing in the register, so that nobody but a sysadmin sees them",
        "export them with package_show, purge them with dataset_purge and import them again",
        lambda: _ours(~sa.exists().where(Record.package_id == _package.id)),
    ),
    Rule(
        "without_package",
        "rows of the register have no entry or source any more",
        REPAIR,
        lambda: sa.select(Record.package_id).where(
            ~sa.exists().where(_package.id == Record.package_id)
        ),
        _forget,
        "L26",
    ),
    Rule(
        "other_department",
        "entries or sources belong to another organization than the register says",
        "transfer them with inventory_transfer_request, or correct package.owner_org",
        lambda: (
            sa.select(Record.package_id)
            .select_from(_record_join())
            .where(_package.owner_org.is_distinct_from(Record.department))
        ),
        leak="L27",
    ),
    Rule(
        "other_state",
        "entries or sources have another state in CKAN than the register says",
        REPAIR,
        lambda: (
            sa.select(Record.package_id)
            .select_from(_record_join())
            .where(_package.state != Record.package_state)
        ),
        _take_state,
        "L26",
    ),
    Rule(
        "without_words",
        "entries or sources are not found by the words of their text",
        REPAIR,
        lambda: sa.select(Record.package_id).where(
            ~sa.exists().where(Words.package_id == Record.package_id)
        ),
        _write_words,
    ),
    Rule(
        "resources",
        "entries or sources hold resources, whose formats everybody can list",
        "move the files to the public dataset and delete the resources",
        lambda: _on(
            model.resource_table, "package_id", model.resource_table.c.state == model.State.ACTIVE
        ),
        leak="L15",
    ),
    Rule(
        "tags",
        "entries or sources carry tags, which everybody can list",
        REPAIR,
        lambda: _on(model.package_tag_table, "package_id"),
        _delete_from(model.package_tag_table, "package_id"),
        "L13",
    ),
    Rule(
        "groups",
        "entries or sources are members of a group, or of a second organization",
        REPAIR,
        _groups,
        _leave_groups,
        "L22",
    ),
    Rule(
        "collaborators",
        "entries or sources have collaborators",
        REPAIR,
        lambda: _on(model.package_member_table, "package_id"),
        _delete_from(model.package_member_table, "package_id"),
        "L23",
    ),
    Rule(
        "followers",
        "entries or sources have followers",
        REPAIR,
        lambda: _on(user_following_dataset_table, "object_id"),
        _delete_from(user_following_dataset_table, "object_id"),
        "L20",
    ),
    Rule(
        "relationship_subject",
        "entries or sources are related to other datasets, which then show their names",
        REPAIR,
        lambda: _on(model.package_relationship_table, "subject_package_id"),
        _delete_from(model.package_relationship_table, "subject_package_id"),
        "L21",
    ),
    Rule(
        "relationship_object",
        "other datasets are related to entries or sources and then show their names",
        REPAIR,
        lambda: _on(model.package_relationship_table, "object_package_id"),
        _delete_from(model.package_relationship_table, "object_package_id"),
        "L21",
    ),
    Rule(
        "link_without_entry",
        "links to public datasets have no entry any more",
        "look at the dataset: nobody watches it now; then run ckan inventory check --repair",
        lambda: sa.select(Link.entry_id).where(
            ~sa.exists().where(Record.package_id == Link.entry_id)
        ),
        _delete_from(Link.metadata.tables["inventory_link"], "entry_id"),
        "L26",
    ),
    Rule(
        "published_without_link",
        "entries are on the portal or prepared, but linked to nothing",
        "withdraw and promote them again, or link them to the dataset",
        lambda: sa.select(Record.package_id).where(
            Record.state.in_((State.PREPARING.value, State.PUBLISHED.value)),
            ~sa.exists().where(Link.entry_id == Record.package_id),
        ),
    ),
    Rule(
        "hidden_for_good",
        "records are left out of search although nothing is queued that would end it",
        REPAIR,
        lambda: sa.select(Pending.package_id).where(
            ~sa.exists().where(Outbox.kind == INDEX, Outbox.key == Pending.package_id)
        ),
        outbox.reindex,
    ),
)

_ACTIVITIES = Rule(
    "activities",
    "core's activity stream tells of entries or sources",
    REPAIR,
    lambda: _on(_activity, "object_id"),
    _forget_activities,
    "L17",
)
