"""Putting Larkhaven into an empty site, through the doors that people use.

Sources and entries are listed by the bulk writer, as by a workbook; everything after that is an
action, called by the person who did it, at the moment when they did it.
"""

from __future__ import annotations

import base64
import csv
import datetime as dt
import functools
import io
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Context
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from ckanext.inventory import clock
from ckanext.inventory.demo import city, dates, story, tables
from ckanext.inventory.demo.city import City, Item
from ckanext.inventory.demo.story import Step
from ckanext.inventory.model import Link, Notice, Outbox, Record
from ckanext.inventory.model.link import CREATED
from ckanext.inventory.publishing import portal, uploads
from ckanext.inventory.service import bulk, outbox, roles
from ckanext.inventory.types import ENTRY, SOURCE, State

PASSWORD = "larkhaven"
LICENSE = "cc-by"
FILES_URL = "https://files.larkhaven.example/"
"""Where the tables are said to lie on a site that stores no files."""

NEWS_DAYS = 3
"""What happened before has been read by everybody."""

ADMIN = "portal-admin"
CDO = "cdo"

DATASETS = "larkhaven-"
"""How the names of datasets begin that were on the portal before."""

_OF_DATASETS = frozenset({"key", "organization", "data", "taken"})
"""Keys of a dataset's description that are not sent to CKAN as they are."""

_YEARS = 400
"""Days that the youngest of them has been there."""

Act = tuple[dt.datetime, Callable[[], None]]
"""Something that happened, and when."""

Progress = Callable[[str, int], Callable[[], None]]
"""Told what begins and in how many parts; returns what is called after each part."""


class NotEmptyError(Exception):
    """The site holds something already."""


@dataclass(frozen=True)
class Account:
    """Somebody who can be tried out.

    :param role: coordinator, cdo, reviewer, viewer, editor or admin
    :param departments: names of the organizations that a coordinator or editor works for
    :param name: account name
    :param password: password
    :param token: API token
    """

    role: str
    departments: list[str]
    name: str
    password: str
    token: str


def load(today: dt.date, progress: Progress) -> list[Account]:
    """Load the city.

    :param today: the day that it lives in; everything happened before
    :param progress: told how far it is
    :returns: the accounts to try it with
    :raises NotEmptyError: if the site has an organization already
    :raises ValidationError: if the site's own schema refuses something
    """
    session = cast(Session, model.Session)
    if session.query(model.Group).filter_by(is_organization=True, state="active").first():
        raise NotEmptyError
    return _Loader(city.load(), session, today, progress).load()


class _Loader:
    def __init__(
        self, larkhaven: City, session: Session, today: dt.date, progress: Progress
    ) -> None:
        self.city = larkhaven
        self.session = session
        self.today = today
        self.progress = progress
        self.organizations: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.ids: dict[int, str] = {}
        self.portal: dict[str, str] = {}

    def load(self) -> list[Account]:
        accounts = self._people()
        self._organizations()
        self._past()
        return accounts

    def _past(self) -> None:
        """Let everything happen in its order, then bring the search index up to date."""
        acts = [
            *self._defaults(),
            *self._lists(),
            *self._older(),
            *self._taken(),
            *self._lives(),
            *self._parts(),
        ]
        past = sorted(acts, key=lambda act: act[0])
        done = self.progress("The past", len(past))
        for at, take in past:
            with clock.at(at):
                take()
            self.session.commit()
            done()
        self._date_promoted()
        outbox.drain(self.session)
        self._settle()

    def _date_promoted(self) -> None:
        """Let core's own dates of what was promoted be those of the promotion."""
        links = self.session.query(Link).filter(Link.mode == CREATED, Link.dataset_id.is_not(None))
        for link in links:
            self._date(str(link.dataset_id), link.at, link.at)
        self.session.commit()

    def _settle(self) -> None:
        """Let people have read all but the latest news; nobody gets mail at these addresses."""
        morning = dt.datetime.combine(self.today, dt.time(), dt.timezone.utc)
        self.session.execute(sa.delete(Outbox).where(Outbox.kind.in_(outbox.LATER)))
        self.session.execute(
            sa.update(Notice)
            .where(Notice.at < morning - dt.timedelta(days=NEWS_DAYS))
            .values(read_at=morning)
            .execution_options(synchronize_session=False)
        )
        self.session.commit()

    def _as(self, name: str, action: str, data: Mapping[str, Any]) -> Any:
        return tk.get_action(action)(Context(user=name), dict(data))

    def _in_passing(self, name: str, action: str, data: Mapping[str, Any]) -> None:
        """Call an action whose side effects are carried out together with those of the others."""
        context = Context(user=name, defer_commit=True, return_id_only=True)
        tk.get_action(action)(context, dict(data))

    def _people(self) -> list[Account]:
        done = self.progress("People", len(self.city.people))
        found: list[Account] = []
        for person in self.city.people:
            password = PASSWORD if "account" in person else secrets.token_urlsafe(24)
            user = tk.get_action("user_create")(
                Context(ignore_auth=True),
                {
                    "name": person["name"],
                    "fullname": person["title"],
                    "email": f"{person['name']}@larkhaven.example",
                    "password": password,
                },
            )
            self.users[person["name"]] = user["id"]
            if person.get("sysadmin"):
                tk.get_action("user_patch")(
                    Context(ignore_auth=True), {"id": user["id"], "sysadmin": True}
                )
            if "account" in person:
                found.append(self._account(person, password))
            done()
        return found

    def _account(self, person: Mapping[str, Any], password: str) -> Account:
        token = self._as(
            person["name"], "api_token_create", {"user": person["name"], "name": "demo"}
        )
        departments = [
            role["department"] for role in person.get("roles", ()) if "department" in role
        ]
        return Account(
            person["account"],
            departments or list(person.get("editor_of", ())),
            person["name"],
            password,
            token["token"],
        )

    def _organizations(self) -> None:
        done = self.progress(
            "Departments and datasets", len(self.city.departments) + len(self.city.portal)
        )
        for name, about in self.city.departments.items():
            made = self._as(
                ADMIN,
                "organization_create",
                {"name": name, "title": about["title"], "description": about["description"]},
            )
            self.organizations[name] = made["id"]
            done()
        # core makes whoever creates an organization its member
        self.session.query(model.Member).filter_by(table_id=self.users[ADMIN]).delete()
        for dataset in self.city.portal:
            self.portal[dataset["key"]] = self._dataset(dataset)
            done()
        self._date_datasets()
        outbox.reindex(self.session, self.portal.values())
        self.session.commit()
        longest = max(int(one["started"]) for one in self.city.departments.values())
        with clock.at(dates.at_work(self.today, longest + 14, 0)):
            self._roles()

    def _dataset(self, about: Mapping[str, Any]) -> str:
        given = {key: value for key, value in about.items() if key not in _OF_DATASETS}
        if "data" in about:
            given["resources"] = [self._resource(about["title"], about["data"])]
        dataset_id = str(uuid.uuid4())
        dataset = {
            **given,
            "id": dataset_id,
            "type": "dataset",
            "name": f"{DATASETS}{about['key']}",
            "owner_org": self.organizations[about["organization"]],
            "license_id": LICENSE,
        }
        portal.create(self.session, ADMIN, dataset)
        return dataset_id

    def _date_datasets(self) -> None:
        """Let datasets have come to the portal over the years, and be kept up to date."""
        for key, dataset_id in self.portal.items():
            created = dates.at_work(self.today, _YEARS + story.drawn(key) % (3 * _YEARS), 3)
            modified = dates.at_work(self.today, 2 + story.drawn(key, "modified") % _YEARS, 4)
            self._date(dataset_id, created, modified)

    def _date(self, dataset_id: str, created: dt.datetime, modified: dt.datetime) -> None:
        package = model.package_table
        self.session.execute(
            sa.update(package)
            .where(package.c.id == dataset_id)
            .values(
                metadata_created=created.replace(tzinfo=None),
                metadata_modified=modified.replace(tzinfo=None),
            )
        )

    def _roles(self) -> None:
        for person in self.city.people:
            for role in person.get("roles", ()):
                by = ADMIN if role["role"] == CDO else CDO
                self._as(by, "inventory_role_add", {"user": person["name"], **role})
            for organization in person.get("editor_of", ()):
                member = {"id": organization, "username": person["name"], "role": "editor"}
                self._as(ADMIN, "organization_member_create", member)

    def _defaults(self) -> Iterator[Act]:
        for name, about in self.city.departments.items():
            contact_name, contact_email = about["contact"]
            steward, steward_email = about["steward"]
            data = {
                "id": name,
                "code": about["code"],
                "public_contact_name": contact_name,
                "public_contact_email": contact_email,
                "steward": steward,
                "steward_email": steward_email,
                "license_id": LICENSE,
            }
            at = dates.at_work(self.today, int(about["started"]) + 7, 1)
            take = functools.partial(self._in_passing, CDO, "inventory_department_update", data)
            yield at, take

    def _lists(self) -> Iterator[Act]:
        for items in _lists([*self.city.sources.values(), *self.city.entries]):
            slot = 1 if items[0].kind == SOURCE else 2
            at = dates.at_work(self.today, story.created_days_ago(items[0]), slot)
            yield at, functools.partial(self._list, items)

    def _list(self, items: Sequence[Item]) -> None:
        """Write what a coordinator listed in one go."""
        first = items[0]
        rows = [bulk.NewRecord(self._content(item)) for item in items]
        person = roles.person(self.session, model.User.get(first.coordinator))
        errors = bulk.validate(self.session, first.kind, rows, person, first.coordinator)
        for item, found in zip(items, errors, strict=True):
            if found:
                raise tk.ValidationError(f"{item.title}: {found}")
        bulk.create(self.session, first.kind, rows, person, act="create")
        for item, row in zip(items, rows, strict=True):
            self.ids[id(item)] = row.package_id

    def _content(self, item: Item) -> dict[str, Any]:
        values = self.city.content(item, self.today)
        values["owner_org"] = self.organizations[item.organization]
        if item.source_keys:
            sources = [self.city.sources[item.organization, key] for key in item.source_keys]
            values["source_ids"] = [self.ids[id(source)] for source in sources]
        if item.blockers:
            listed = dates.at_work(self.today, story.created_days_ago(item), 0).date()
            values["release_blockers"] = [_row(blocker, listed) for blocker in item.blockers]
        if item.state is State.DRAFT and "days" in item.about:
            values.pop("notes")  # it was described only later
        return values

    def _older(self) -> Iterator[Act]:
        """An inventory that a department kept before is taken over with its past states."""
        for organization, rows in self.city.older.items():
            started = int(self.city.departments[organization]["started"])
            data = {
                "department": organization,
                "content": base64.b64encode(self._older_file(rows).encode()).decode(),
                "filename": "inventory-of-2025.csv",
            }
            at = dates.at_work(self.today, started + 3, 6)
            yield at, functools.partial(self._in_passing, CDO, "inventory_take_over", data)

    def _older_file(self, rows: Sequence[Mapping[str, str]]) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        for row in rows:
            cells = {header: dates.resolve(cell, self.today) for header, cell in row.items()}
            if cells["Link"].startswith("/"):
                cells["Link"] = tk.config["ckan.site_url"] + cells["Link"]
            writer.writerow(cells)
        return text.getvalue()

    def _taken(self) -> Iterator[Act]:
        """What had come to the portal in other ways is taken in, a department a day."""
        by_organization: dict[str, list[str]] = {}
        taken = set(self.city.taken)
        for dataset in self.city.portal:
            if dataset["key"] in taken:
                names = by_organization.setdefault(dataset["organization"], [])
                names.append(f"{DATASETS}{dataset['key']}")
        for organization, names in by_organization.items():
            started = int(self.city.departments[organization]["started"])
            at = dates.at_work(self.today, started // 2, 16, story.drawn(organization))
            yield (
                at,
                functools.partial(
                    self._in_passing, CDO, "inventory_take_over_portal", {"datasets": names}
                ),
            )

    def _parts(self) -> Iterator[Act]:
        """Some entries are with colleagues who have no account."""
        items = {item.title: item for item in self.city.entries}
        for about in self.city.departments.values():
            for part in about.get("parts", ()):
                data = {
                    "to_name": part["to"],
                    "message": part["message"],
                    "due": dates.resolve(part["due"], self.today),
                }
                named = [items[title] for title in part["titles"]]
                at = dates.at_work(self.today, int(part["days"]), 11)
                yield at, functools.partial(self._send, str(about["coordinator"]), named, data)

    def _send(self, who: str, items: Sequence[Item], data: Mapping[str, Any]) -> None:
        ids = [self.ids[id(item)] for item in items]
        self._in_passing(who, "inventory_part_send", {"ids": ids, **data})

    def _lives(self) -> Iterator[Act]:
        for item in [*self.city.sources.values(), *self.city.entries]:
            for step in story.tell(item, self.today):
                yield step.at, functools.partial(self._take, step)

    def _take(self, step: Step) -> None:
        package_id = self.ids[id(step.item)]
        data = dict(step.data)
        if "publication" in data:
            data["publication"] = self._publication(step, data["publication"])
        if step.looked_at:
            record = self.session.get(Record, package_id)
            data["revision"] = record.revision if record is not None else None
        if step.on_portal:
            link = self.session.get(Link, package_id)
            package_id = str(link.dataset_id) if link is not None else package_id
        data |= {"ids": [package_id]} if step.by_ids else {"id": package_id}
        # what is done on the portal's side leaves its trace there
        act = self._as if step.on_portal else self._in_passing
        try:
            act(step.who, step.action, data)
        except tk.ValidationError as error:
            raise tk.ValidationError(f"{step.item.title}: {error.error_summary}") from error

    def _publication(self, step: Step, given: Mapping[str, Any]) -> dict[str, Any]:
        publication = dict(given)
        if "owner" in publication:
            publication["owner"] = self.users[publication["owner"]]
        if "dataset" in publication:
            publication["dataset"] = self.portal[publication["dataset"]]
        if "data" in publication:
            data = publication.pop("data")
            publication["resources"] = [self._resource(step.item.title, data)]
        return publication

    def _resource(self, title: str, data: Mapping[str, Any]) -> dict[str, Any]:
        resource = {"name": title, "format": "CSV"}
        if not uploads.possible():
            return {**resource, "url": FILES_URL + data["file"]}
        content = tables.csv_file(data["per"], data["figures"], title, self.today)
        return {**resource, "upload": FileStorage(io.BytesIO(content), data["file"])}


def _lists(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Group records by who listed them when: a department's sources first, then its entries.

    Within a list they stand in no order of theirs, as in a real one.
    """

    def when(item: Item) -> tuple[int, str, bool]:
        return -story.created_days_ago(item), item.organization, item.kind == ENTRY

    ordered = sorted(items, key=lambda item: (*when(item), story.chance(item, "place")))
    for _, group in groupby(ordered, key=when):
        yield list(group)


def _row(blocker: Mapping[str, Any], listed: dt.date) -> dict[str, Any]:
    row = {key: value for key, value in blocker.items() if key not in ("waived", "resolved")}
    return {"status": "open", "since": listed.isoformat(), **row}
