"""A small city with something private in every place, and a person for every right.

Everything is made through the doors that people use, so that what stands in tables and index is
what would stand there.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.inventory import clock
from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.model import Outbox, Pending, Record, RoleGrant
from ckanext.inventory.service import outbox
from ckanext.inventory.types import ENTRY, NOT_KNOWN, SOURCE, Role
from tests import support
from tests.leaks.sentinels import Sentinels

PASSWORD = "correct horse battery"

OUTSIDERS = (
    "anonymous",
    "nobody",
    "b_member",
    "b_editor",
    "b_admin",
    "a_member",
    "a_editor",
    "a_admin",
    "parent_admin",
    "former_coordinator",
    "former_assignee",
    "b_coordinator",
    "expired_coordinator",
)
"""People who may not know of a single entry or source of department A."""

INSIDERS = (
    "coordinator",
    "coordinator_editor",
    "coordinator_member",
    "cdo",
    "reviewer",
    "viewer",
    "sysadmin",
)
"""People who read A's entries (the viewer not what is restricted)."""


@dataclass(frozen=True)
class Named:
    """An account, organization or group by id and name; rows of the session don't last."""

    id: str
    name: str


@dataclass
class Ref:
    """A record of the city: what it is called everywhere."""

    key: str
    package_type: str
    id: str
    name: str
    number: str
    dataset: str | None = None
    """Name of the public or prepared dataset."""


@dataclass
class City:
    """What was built."""

    words: Sentinels = field(default_factory=Sentinels)
    people: dict[str, Named | None] = field(default_factory=dict)
    a: Named = Named("", "")
    b: Named = Named("", "")
    parent: Named = Named("", "")
    group: Named = Named("", "")
    records: dict[str, Ref] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    """Ids of files that were brought, by what became of them."""
    parts: dict[str, str] = field(default_factory=dict)
    """Ids of parts for colleagues, by what became of them."""

    def context(self, person: str) -> dict[str, Any]:
        """A fresh context of an action call, as the API makes it."""
        user = self.people[person]
        if user is None:
            return {"user": "", "auth_user_obj": model.AnonymousUser()}
        return {"user": user.name, "auth_user_obj": model.Session.get(model.User, user.id)}

    def act(self, person: str, action: str, **data: Any) -> Any:
        """Call an action as somebody, with authorisation."""
        return tk.get_action(action)(self.context(person), data)

    def headers(self, person: str) -> dict[str, str]:
        """Request headers of somebody with an API token."""
        return {"Authorization": self.tokens[person]} if person in self.tokens else {}

    def entries(self) -> Iterator[Ref]:
        return (ref for ref in self.records.values() if ref.package_type == ENTRY)


def build_people(city: City, *, passwords: bool = False) -> None:
    """Make departments and an account for every right and its absence."""
    city.parent = support.make_organization("mayors-office")
    city.a = support.make_department("ZQXA", name="zqa-parks", title="Parks and Gardens")
    city.b = support.make_department("ZQXB", name="zqb-roads", title="Roads and Bridges")
    model.Session.add(
        model.Member(group=city.a, table_id=city.parent.id, table_name="group", capacity="public")
    )
    city.group = model.Group(name="zq-themes", title="Themes", type="group")
    model.Session.add(city.group)
    model.Session.commit()
    named: dict[str, Any] = {"anonymous": None}
    names = (*OUTSIDERS[1:], *INSIDERS, "assignee", "group_manager")
    for name in names:
        named[name] = support.make_user(
            f"person-{name.replace('_', '-')}",
            sysadmin=name == "sysadmin",
            password=PASSWORD if passwords else None,
        )
    for organization, letter in ((city.a, "a"), (city.b, "b")):
        for capacity in ("member", "editor", "admin"):
            support.make_member(named[f"{letter}_{capacity}"], organization, capacity)
    support.make_member(named["parent_admin"], city.parent, "admin")
    support.make_member(named["coordinator_editor"], city.a, "editor")
    support.make_member(named["coordinator_member"], city.a, "member")
    support.make_member(named["assignee"], city.a, "member")
    support.make_member(named["group_manager"], city.group, "admin")
    for name in ("coordinator", "coordinator_editor", "coordinator_member"):
        support.grant(named[name], Role.COORDINATOR, city.a)
    support.grant(named["b_coordinator"], Role.COORDINATOR, city.b)
    support.grant(named["cdo"], Role.CDO)
    support.grant(named["reviewer"], Role.REVIEWER)
    support.grant(named["viewer"], Role.VIEWER)
    yesterday = clock.today() - dt.timedelta(days=1)
    support.grant(named["expired_coordinator"], Role.COORDINATOR, city.a, until=yesterday)
    support.grant(named["former_coordinator"], Role.COORDINATOR, city.a)
    city.people = {
        name: Named(user.id, user.name) if user is not None else None
        for name, user in named.items()
    }
    for name in ("a", "b", "parent", "group"):
        row = getattr(city, name)
        setattr(city, name, Named(row.id, row.name))


def end_roles(city: City) -> None:
    """Take the role away from the former coordinator, through the door for it."""
    former = city.people["former_coordinator"]
    row = model.Session.scalars(sa.select(RoleGrant).where(RoleGrant.user_id == former.id)).one()
    city.act("sysadmin", "inventory_role_remove", id=row.id)


def make_tokens(city: City) -> None:
    """Give everybody an API token, and the former coordinator one that was revoked."""
    for name, user in city.people.items():
        if user is not None:
            city.tokens[name] = support.make_token(user)


def full_content(city: City, package_type: str, key: str, **others: Any) -> dict[str, Any]:
    """Fill every field: texts with a word of their own, choices with their first value."""
    content: dict[str, Any] = {}
    for spec in schema_for(package_type).fields.values():
        value = _value(city, spec, key)
        if value is not None:
            content[spec.name] = value
    return {**content, **others}


_SKIPPED = frozenset(
    {"owner_org", "source_ids", "part_of", "license_id", "release_blockers", "blocker_status"}
)


def _value(city: City, spec: FieldSpec, key: str) -> Any:
    if spec.name in _SKIPPED or "department" not in map(str, spec.writers):
        return None
    public = spec.public != "no"
    if spec.kind in ("text", "long_text", "markdown"):
        word = city.words.make(spec.name, key, public=public)
        return f"Words about {word} in a sentence."
    if spec.kind == "email":
        return city.words.make(spec.name, key, public=public) + "@example.org"
    if spec.kind == "url":
        return f"https://{city.words.make(spec.name, key, public=public)}.example.org/x"
    if spec.kind == "url_list":
        return [f"https://{city.words.make(spec.name, key, public=public)}.example.org/y"]
    if spec.kind == "list":
        return [city.words.make(spec.name, key, public=public)]
    if spec.kind in ("choice", "choices"):
        first = next(choice.value for choice in spec.choices if choice.value != NOT_KNOWN)
        return first if spec.kind == "choice" else [first]
    if spec.kind == "partial_date":
        return "2031"
    if spec.kind == "integer":
        return 7
    return None


def create(city: City, key: str, package_type: str = ENTRY, **others: Any) -> Ref:
    """Make a record of department A as its coordinator."""
    content = full_content(city, package_type, key, owner_org=city.a.id, **others)
    made = city.act("coordinator", f"{package_type}_create", **content)
    ref = Ref(key, package_type, made["id"], made["name"], made["number"])
    city.records[key] = ref
    for place in ("id", "name", "number"):
        city.words.know(getattr(ref, place), place, key)
    return ref


NO_BLOCKERS = {"blocker_status": "none"}


def blocker(city: City, key: str, kind: str = "privacy") -> dict[str, Any]:
    """A blocker row with a word in each of its texts."""
    return {
        "kind": kind,
        "rationale": f"Because of {city.words.make('rationale', key)} in the records.",
        "citation": f"Law {city.words.make('citation', key)}",
        "owner": city.words.make("blocker owner", key) + "@example.org",
        "status": "open",
    }


def step(city: City, person: str, ref: Ref, transition: str, **inputs: Any) -> None:
    """Take a record a step further, naming the revision that was looked at."""
    row = model.Session.get(Record, ref.id)
    city.act(
        person,
        "inventory_transition",
        id=ref.number,
        transition=transition,
        revision=row.revision,
        **inputs,
    )


def say(city: City, ref: Ref, place: str) -> str:
    return f"Please see {city.words.make(place, ref.key)} about it."


def approve(city: City, ref: Ref) -> None:
    """Take a draft to approved."""
    step(city, "coordinator", ref, "submit", comment=say(city, ref, "submit comment"))
    city.act(
        "reviewer",
        "inventory_classification_confirm",
        ids=[ref.number],
        classification="public",
        note=say(city, ref, "classification note"),
    )
    city.act("reviewer", "inventory_entry_patch", id=ref.number, reviews_needed=["none"])
    step(city, "cdo", ref, "approve", comment=say(city, ref, "approve comment"))


def publication(city: City, ref: Ref) -> dict[str, Any]:
    return {
        "license_id": "cc-by",
        "metadata_only": False,
        "resources": [
            {
                "url": f"https://data.example.org/{city.words.make('link', ref.key, public=True)}",
                "name": city.words.make("link name", ref.key, public=True),
                "format": "CSV",
            }
        ],
    }


def build_records(city: City) -> None:
    """Make an entry in every state, and sources alone, linked and shared."""
    source = create(city, "source", SOURCE)
    create(city, "shared source", SOURCE)
    city.act(
        "coordinator",
        "inventory_mark",
        ids=[city.records["shared source"].number],
        field="shared",
        value=True,
    )
    linked: dict[str, Any] = {"source_ids": [source.id], "source_known": "linked"}
    draft = create(
        city, "draft", blocker_status="some", release_blockers=[blocker(city, "draft")], **linked
    )
    city.act("coordinator", "inventory_comment", id=draft.number, text=say(city, draft, "comment"))
    submitted = create(city, "submitted", **NO_BLOCKERS, **linked)
    step(city, "coordinator", submitted, "submit", comment=say(city, submitted, "submit comment"))
    returned = create(city, "returned", **NO_BLOCKERS, **linked)
    step(city, "coordinator", returned, "submit")
    step(city, "reviewer", returned, "return", comment=say(city, returned, "return comment"))
    approved = create(city, "approved", **NO_BLOCKERS, **linked)
    approve(city, approved)
    deferred = create(city, "deferred", **NO_BLOCKERS, **linked)
    step(
        city,
        "cdo",
        deferred,
        "defer",
        comment=say(city, deferred, "defer comment"),
        look_again="2032",
    )
    withheld = create(
        city,
        "withheld",
        blocker_status="some",
        release_blockers=[blocker(city, "withheld")],
        **linked,
    )
    step(city, "coordinator", withheld, "submit")
    step(city, "cdo", withheld, "withhold", comment=say(city, withheld, "withhold comment"))
    retired = create(city, "retired", **NO_BLOCKERS, **linked)
    step(
        city,
        "coordinator",
        retired,
        "retire",
        retire_reason="no_longer_kept",
        comment=say(city, retired, "retire comment"),
    )
    restricted = create(city, "restricted", **NO_BLOCKERS, **linked)
    city.act(
        "coordinator",
        "inventory_mark",
        ids=[restricted.number],
        field="visibility",
        value="department_and_cdo_only",
    )
    _build_bound(city, restricted)
    assigned = create(
        city,
        "assigned",
        **NO_BLOCKERS,
        source_known="linked",
        source_ids=[source.id],
        part_of=draft.id,
    )
    city.act(
        "coordinator",
        "inventory_assign",
        ids=[assigned.number],
        user=city.people["assignee"].name,
    )
    _build_published(city, linked)
    _build_gone(city, linked)
    _build_unassigned(city, linked)


def _build_bound(city: City, restricted: Ref) -> None:
    """An ordinary entry that names restricted records in every way that there is."""
    source = create(city, "restricted source", SOURCE)
    city.act(
        "coordinator",
        "inventory_mark",
        ids=[source.number],
        field="visibility",
        value="department_and_cdo_only",
    )
    bound = create(
        city,
        "bound",
        **NO_BLOCKERS,
        source_known="linked",
        source_ids=[source.id],
        part_of=restricted.id,
    )
    step(
        city,
        "coordinator",
        bound,
        "retire",
        retire_reason="merged_into_other",
        successor=restricted.number,
    )


def _build_published(city: City, linked: dict[str, Any]) -> None:
    for key, transition in (("preparing", "prepare"), ("published", "promote")):
        ref = create(city, key, **NO_BLOCKERS, **linked)
        approve(city, ref)
        step(city, "cdo", ref, transition, publication=publication(city, ref))
        shown = city.act("cdo", "inventory_entry_show", id=ref.number)
        dataset = model.Package.get(shown["link"]["dataset_id"])
        ref.dataset = dataset.name


def _build_gone(city: City, linked: dict[str, Any]) -> None:
    hidden = create(city, "core draft", **NO_BLOCKERS, **linked)
    model.Session.execute(
        sa.update(model.package_table)
        .where(model.package_table.c.id == hidden.id)
        .values(state="draft")
    )
    outbox.reindex(model.Session(), [hidden.id])
    model.Session.commit()
    outbox.drain(model.Session())
    deleted = create(city, "deleted", **NO_BLOCKERS, **linked)
    city.act("coordinator", "package_delete", id=deleted.id)
    purged = create(city, "purged", **NO_BLOCKERS, **linked)
    city.act("sysadmin", "dataset_purge", id=purged.id)


def _build_unassigned(city: City, linked: dict[str, Any]) -> None:
    """An entry whose assignee was just taken away, with an index that doesn't know it yet."""
    ref = create(city, "unassigned", **NO_BLOCKERS, **linked)
    city.act(
        "coordinator",
        "inventory_assign",
        ids=[ref.number],
        user=city.people["former_assignee"].name,
    )
    session = model.Session()
    session.execute(sa.update(Record).where(Record.package_id == ref.id).values(assignee=None))
    outbox.narrow(session, [ref.id])
    _hold(ref.id)
    assert session.get(Pending, ref.id) is not None


def _hold(key: str) -> None:
    """Commit, and leave in the outbox for years what waits there."""
    session = model.Session()
    far = clock.now() + dt.timedelta(days=3650)
    session.execute(sa.update(Outbox).where(Outbox.key == key).values(not_before=far))
    session.commit()


def bring(city: City, key: str, person: str = "coordinator") -> dict[str, Any]:
    """Bring a list of one row, with words in its name, its cells and a cell that is wrong.

    :param key: whose words they are; what a saved one holds becomes an entry's
    :returns: the preview
    """
    becomes = {"saved file": "imported", "undone file": "imported and deleted"}.get(key, key)
    words = [city.words.make(place, becomes) for place in ("title", "notes", "steward")]
    header = ["Title", "Description", "Steward", "Classification"]
    row = [*words, "public"]
    if key in SAVED_FILES:
        # The report names a column that nobody knows and a mark that nobody understands. What stands in
        # the one is kept nowhere, what stands in the other in the entry's comments.
        header += [city.words.make("header", key), "Visibility"]
        row += [city.words.make("strange", NOT_KEPT), city.words.make("wrong", becomes)]
    rows = [";".join(header), ";".join(row)]
    if key in OPEN_FILES:
        rows.append(";".join(city.words.make(place, key) for place in ("a", "b", "c", "wrong")))
    found = city.act(
        person,
        "inventory_import_preview",
        content=base64.b64encode("\n".join(rows).encode()).decode(),
        filename=f"{city.words.make('filename', key)}.csv",
        department=city.a.name,
    )
    city.imports[key] = found["id"]
    return found


OPEN_FILES = ("open file", "discarded file")
"""Files that nobody but who brought them, and who decides, may know of."""

SAVED_FILES = ("saved file", "undone file")
"""Files that the department may know of."""

NOT_KEPT = "what a saved file said"
"""Words that nobody finds once the file is saved."""

PARTS = ("part out", "part waiting", "part back", "part closed")


def build_files(city: City) -> None:
    """Bring files that are saved, taken back, dropped and left, and send parts to colleagues."""
    for key in (*OPEN_FILES, *SAVED_FILES):
        found = bring(city, key)
        if key in SAVED_FILES:
            city.act(
                "coordinator",
                "inventory_import_save",
                id=found["id"],
                fingerprint=found["fingerprint"],
            )
        if key == "undone file":
            city.act("coordinator", "inventory_import_undo", id=found["id"])
        if key == "discarded file":
            city.act("coordinator", "inventory_import_discard", id=found["id"])
    pointing = create(
        city,
        "pointing",
        **NO_BLOCKERS,
        source_known="linked",
        source_ids=[city.records["restricted source"].id],
        part_of=city.records["restricted"].id,
    )
    sent = [pointing.number, city.records["submitted"].number, city.records["draft"].number]
    for key in PARTS:
        mailed = key == "part waiting"
        context = city.context("coordinator") | ({"defer_commit": True} if mailed else {})
        part = tk.get_action("inventory_part_send")(
            context,
            {
                "ids": sent,
                "to_name": city.words.make("to_name", key),
                "to_email": f"{city.words.make('to_email', key)}@lab.example" if mailed else "",
                "message": f"Only {city.words.make('message', key)}, please.",
            },
        )
        if mailed:
            _hold(part["id"])
        city.parts[key] = part["id"]
        if key == "part back":
            city.act(
                "coordinator",
                "inventory_import_preview",
                content=part["content"],
                filename="part.xlsx",
            )
        if key == "part closed":
            city.act("coordinator", "inventory_part_close", id=part["id"])


def build(*, passwords: bool = False) -> City:
    """Build the whole city."""
    city = City()
    build_people(city, passwords=passwords)
    build_records(city)
    build_files(city)
    end_roles(city)
    make_tokens(city)
    return city
