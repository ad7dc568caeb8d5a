"""What the two processes can do: one method per job, timed where the work is."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations  # pyright: ignore[reportPrivateUsage] - the one way there is
from ckan.lib import api_token, search
from flask import Flask, g
from flask_login import login_user  # pyright: ignore[reportUnknownVariableType] - half typed

from bench import rows as bench_rows
from bench.harvesting import Harvests
from bench.workbooks import Workbooks

SURE = "INVENTORY_BENCH"
"""Set to ``empty-this-database`` where the database may be emptied."""

PASSWORD = "bench-password-1"
PEER_TYPE = "bench_entry"

COMPLETE: dict[str, Any] = {
    "notes": "What it is for and what its main columns are.",
    "source_known": "described",
    "system_of_record_note": "A database of the department",
    "value": "high",
    "classification": "public",
    "blocker_status": "none",
    "contains_sensitive_data": "no",
    "category": "finance",
    "format": ["database"],
    "change_frequency": "monthly",
    "existing_etl": "manual_export",
    "existing_publication": ["no"],
    "request_frequency": "occasional",
    "quality_concern": "none",
    "data_dictionary": "no",
    "steward": "Records unit",
    "public_contact_name": "Open data team",
    "public_contact_email": "opendata@city.example",
}


class Site(Harvests, Workbooks):
    """One CKAN site in this process.

    :param app: its Flask application
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._clients: dict[str, Any] = {}
        self._tokens: dict[str, str] = {}

    @contextlib.contextmanager
    def _request(self) -> Iterator[None]:
        with self._app.test_request_context():
            yield
        model.Session.remove()

    # The database

    def reset(self) -> None:
        """Empty database and index, for good.

        :raises RuntimeError: unless the environment says that this is meant
        """
        if os.environ.get(SURE) != "empty-this-database":
            raise RuntimeError(f"this empties the database: set {SURE}=empty-this-database")
        with self._request():
            model.Session.remove()
            engine = model.meta.engine
            assert engine is not None
            engine.dispose()
            with engine.begin() as connection:
                connection.execute(sa.text("DROP SCHEMA public CASCADE"))
                connection.execute(sa.text("CREATE SCHEMA public"))
            model.repo.tables_created_and_initialised = False
            model.repo.upgrade_db()
            for plugin in ("activity", "inventory", "harvest"):
                if p.plugin_loaded(plugin):
                    _run_migrations(plugin)
            # Migrations leave the session on an engine of theirs that connects anew each time.
            model.init_model(engine)
            search.clear_all()

    def forget(self) -> None:
        """Forget who is signed in: the accounts are about to be made anew."""
        self._clients.clear()
        self._tokens.clear()

    def people(self, departments: int) -> list[str]:
        """Make departments and accounts: ``admin``, ``cdo``, and ``editor`` of all departments.

        The editor is an organization editor for core and a coordinator for us.

        :param departments: how many
        :returns: organization ids
        """
        from ckanext.inventory import clock
        from ckanext.inventory.model import RoleGrant

        with self._request():
            users: dict[str, model.User] = {}
            for name in ("admin", "cdo", "editor"):
                user = model.User(name=name, email=f"{name}@city.example", password=PASSWORD)
                user.sysadmin = name == "admin"
                users[name] = user
                model.Session.add(user)
            organizations = [
                model.Group(
                    name=f"department-{number:03d}",
                    title=f"Department {number:03d}",
                    type="organization",
                    is_organization=True,
                )
                for number in range(departments)
            ]
            model.Session.add_all(organizations)
            model.Session.flush()
            granted: dict[str, Any] = {"granted_at": clock.now(), "kinds": [], "may_approve": False}
            model.Session.add(RoleGrant(user_id=users["cdo"].id, role="cdo", **granted))
            for organization in organizations:
                model.Session.add(
                    model.Member(
                        group=organization,
                        table_id=users["editor"].id,
                        table_name="user",
                        capacity="editor",
                    )
                )
                model.Session.add(
                    RoleGrant(
                        user_id=users["editor"].id,
                        role="coordinator",
                        department=organization.id,
                        **granted,
                    )
                )
            ids = [organization.id for organization in organizations]
            model.repo.commit()
        return ids

    # Writing

    def _act(self, action: str, data: dict[str, Any], user: str = "admin") -> Any:
        return tk.get_action(action)(self._context(user), data)

    def _context(self, user: str) -> Any:
        """Make the context that a request of the account would have."""
        account = model.User.get(user)
        login_user(account)
        g.user, g.userobj = user, account
        return {"user": user, "auth_user_obj": g.userobj}

    def import_rows(self, count: int, mark: str) -> float:
        """Import rows of a whole city through the action, with indexing.

        :param count: how many
        :param mark: makes them new
        :returns: seconds
        """
        data = bench_rows.as_csv(bench_rows.rows(count, mark))
        with self._request():
            started = time.perf_counter()
            result = self._act(
                "inventory_import",
                {"upload": data, "filename": f"list-{mark}.csv", "create_departments": True},
            )
            seconds = time.perf_counter() - started
        if result["created"] != count:
            raise RuntimeError(f"{result['created']} of {count} rows were created")
        return seconds

    def create_rows(self, count: int, mark: str) -> float:
        """Create the same rows one by one with core's ``package_create``.

        :param count: how many
        :param mark: makes them new
        :returns: seconds
        """
        found = [_as_package(row, mark, n) for n, row in enumerate(bench_rows.rows(count, mark))]
        with self._request():
            known = set(model.Session.scalars(sa.select(model.Group.name)))
            for name in {str(package["owner_org"]) for package in found} - known:
                self._act("organization_create", {"name": name, "title": name})
            started = time.perf_counter()
            for package in found:
                self._act("package_create", package)
            return time.perf_counter() - started

    def create_packages(self, packages: list[dict[str, Any]]) -> float:
        """Create datasets one by one with core's ``package_create``.

        :param packages: as ``book_packages`` makes them
        :returns: seconds
        """
        with self._request():
            started = time.perf_counter()
            for package in packages:
                self._act("package_create", package)
            return time.perf_counter() - started

    def submitted(self, count: int, owner: str, mark: str) -> list[str]:
        """Make entries that wait for nothing but an approval.

        :param count: how many
        :param owner: organization id
        :param mark: makes them new
        :returns: package ids
        """
        from ckanext.inventory.service import bulk, outbox, roles
        from ckanext.inventory.types import ENTRY

        with self._request():
            session = model.Session()
            person = roles.person(session, model.User.get("editor"))
            records = [
                bulk.NewRecord({**COMPLETE, "title": f"Entry {mark}-{n}", "owner_org": owner})
                for n in range(count)
            ]
            wrong = [e for e in bulk.validate(session, ENTRY, records, person, "editor") if e]
            if wrong:
                raise RuntimeError(str(wrong[0]))
            created = bulk.create(session, ENTRY, records, person, act="import")
            session.commit()
            outbox.drain(session)
            ids = [record.package_id for record in created]
        with self._request():
            self._act("inventory_transition_bulk", {"ids": ids, "transition": "submit"}, "editor")
        with self._request():
            self._act(
                "inventory_classification_confirm", {"ids": ids, "classification": "public"}, "cdo"
            )
        return ids

    def approve(self, package_id: str) -> float:
        """Approve one entry.

        :returns: seconds
        """
        with self._request():
            context = self._context("cdo")
            started = time.perf_counter()
            tk.get_action("inventory_transition")(
                context, {"id": package_id, "transition": "approve", "revision": 1}
            )
            return time.perf_counter() - started

    def approve_all(self, ids: list[str]) -> float:
        """Approve entries in one act.

        :returns: seconds
        """
        with self._request():
            started = time.perf_counter()
            result = self._act(
                "inventory_transition_bulk",
                {"ids": ids, "transition": "approve", "revisions": dict.fromkeys(ids, 1)},
                "cdo",
            )
            seconds = time.perf_counter() - started
        if len(result["done"]) != len(ids):
            raise RuntimeError(f"{len(result['done'])} of {len(ids)} were approved")
        return seconds

    def packages(self, count: int, mark: str) -> list[str]:
        """Make the peer's packages the quickest way that core has, and return their ids."""
        found = [_as_package(row, mark, n) for n, row in enumerate(bench_rows.rows(count, mark))]
        with self._request():
            known = set(model.Session.scalars(sa.select(model.Group.name)))
            for name in {str(package["owner_org"]) for package in found} - known:
                self._act("organization_create", {"name": name, "title": name})
            ids: list[str] = []
            for package in found:
                context = self._context("admin") | {"defer_commit": True, "return_id_only": True}
                ids.append(tk.get_action("package_create")(context, package))
            model.repo.commit()
            search.rebuild(package_ids=ids)
            search.commit()
        return ids

    def patch(self, package_id: str, status: str) -> float:
        """Note a decision the way plain CKAN would: a patch of one field.

        :returns: seconds
        """
        with self._request():
            context = self._context("admin")
            started = time.perf_counter()
            tk.get_action("package_patch")(context, {"id": package_id, "review_status": status})
            return time.perf_counter() - started

    # Pages

    def datasets(self, count: int, owners: list[str]) -> list[str]:
        """Make public datasets with one link each.

        :returns: their names
        """
        with self._request():
            for number in range(count):
                self._act(
                    "package_create",
                    {
                        "name": f"dataset-{number:04d}",
                        "title": f"Public dataset {number}",
                        "notes": "Words about it. " * 20,
                        "owner_org": owners[number % len(owners)],
                        "license_id": ("cc-by", "odc-odbl", "cc-zero")[number % 3],
                        "tags": [{"name": f"tag {(number * 7 + n) % 40}"} for n in range(3)],
                        "resources": [
                            {
                                "url": f"https://a.example/{number}",
                                "format": ("CSV", "XLSX", "GeoJSON", "PDF")[number % 4],
                            }
                        ],
                    },
                )
        return [f"dataset-{number:04d}" for number in range(count)]

    def loaded(self, plugin: str) -> bool:
        """Tell whether a plugin is loaded."""
        return p.plugin_loaded(plugin)

    def token(self, user: str) -> str:
        """Have an API token of an account ready for :meth:`call`, and return it."""
        with self._request():
            account = model.User.get(user)
            assert account is not None
            row = model.ApiToken(account.id, "bench")
            model.Session.add(row)
            model.repo.commit()
            self._tokens[user] = api_token.encode({"jti": row.id})
        return self._tokens[user]

    def _client(self, user: str) -> Any:
        client = self._clients.get(user)
        if client is None:
            client = self._clients[user] = self._app.test_client()
            if user:
                page = client.get("/user/login").get_data(as_text=True)
                found = re.search(r'name="_csrf_token"[^>]*value="([^"]+)"', page)
                client.post(
                    "/user/login",
                    data={
                        "login": user,
                        "password": PASSWORD,
                        "_csrf_token": found.group(1) if found else "",
                    },
                )
        return client

    def page(self, path: str, user: str = "") -> dict[str, float]:
        """Ask for a page, signed in by cookie.

        :param path: the path
        :param user: the account's name, empty for a visitor
        :returns: ``wall`` and ``cpu`` seconds, ``status`` and ``bytes``
        """
        client = self._client(user)
        wall, cpu = time.perf_counter(), time.process_time()
        response = client.get(path)
        body = response.get_data()
        found = {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "status": float(response.status_code),
            "bytes": float(len(body)),
        }
        if response.status_code != 200:
            raise RuntimeError(f"{path}: {response.status_code}")
        if user and user.encode() not in body:
            raise RuntimeError(f"{path}: {user} isn't signed in")
        return found

    def call(self, action: str, data: dict[str, Any], user: str = "") -> dict[str, float]:
        """Call an action over the API, with a token.

        :param action: its name
        :param data: its parameters
        :param user: the account's name, empty for a visitor
        :returns: ``wall`` and ``cpu`` seconds
        """
        headers = {"Authorization": self._tokens[user]} if user else {}
        client = self._clients.setdefault("api", self._app.test_client(use_cookies=False))
        wall, cpu = time.perf_counter(), time.process_time()
        response = client.post(f"/api/3/action/{action}", json=data, headers=headers)
        response.get_data()
        found = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        if response.status_code != 200:
            raise RuntimeError(f"{action}: {response.status_code} {response.text[:200]}")
        return found


def _as_package(row: bench_rows.Row, mark: str, number: int) -> dict[str, Any]:
    """Write a row as a package of the peer's type."""

    def slug(text: str) -> str:
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80]

    cell = dict(zip(bench_rows.HEADERS, row, strict=True))
    tags = sorted(
        {
            tag
            for text in re.split("[,;\n]", cell["Keywords"])
            if len(tag := re.sub(r"[^\w\-. ]", " ", text).strip()[:90]) > 1
        }
    )
    return {
        "type": PEER_TYPE,
        "private": True,
        "name": f"{slug(mark)}-{number}-{slug(cell['Dataset name'])[:60]}".strip("-"),
        "title": cell["Dataset name"],
        "notes": cell["Description"],
        "owner_org": f"peer-{slug(cell['Department'])}",
        "tags": [{"name": tag} for tag in tags[:8]],
        "data_owner": cell["Data owner"],
        "classification": slug(cell["Classification"]),
        "reason": cell["Reason"],
        "data_format": cell["Format"],
        "category": cell["Category"],
        "earliest_records": cell["Earliest records"],
        "update_frequency": cell["Update frequency"],
        "interest": cell["Interest"],
        "link": cell["Link"],
        "record_id": cell["ID"],
        "on_portal": cell["On the portal"].lower() if cell["On the portal"] else "no",
    }
