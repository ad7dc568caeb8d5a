"""Every address of a site, filled with what could be guessed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

from ckan.tests.helpers import CKANTestApp
from werkzeug.routing import Rule

from tests.ckan_fixtures import Site
from tests.leaks import probes
from tests.leaks.city import PASSWORD, City
from tests.leaks.pages import get

SKIPPED = re.compile(
    r"^(static|webassets|_debug|user\.(logged_out|logout)|util\.internal_redirect)"
)
"""Endpoints that hold no data, or end the session."""

PREFIXES = ("/dataset", "/inventory_entry", "/inventory_source", "/inventory", "/harvest")
"""Addresses whose ``id`` may be a package."""

NOT_PACKAGES = ("/dataset/changes/", "/harvest/object/", "/dataset/harvest_object/")


def rules(site: Site) -> Iterator[Rule]:
    for rule in site.client().flask_app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not SKIPPED.match(rule.endpoint):
            yield rule


def of_packages(rule: Rule) -> bool:
    named = {"id", "number", "package_id"} & rule.arguments
    return bool(named) and rule.rule.startswith(PREFIXES)


def address(rule: Rule, city: City, reference: str) -> str:
    """Fill a rule: packages by what is asked for, everything else by what exists."""
    person = city.people["coordinator"]
    assert person is not None

    def value(match: re.Match[str]) -> str:
        name = match[0].strip("<>").rpartition(":")[2]
        if name in ("id", "number", "package_id") and rule.rule.startswith(PREFIXES):
            return reference
        if name == "ver":
            return "3"
        if rule.rule.startswith("/user"):
            return person.name
        if rule.rule.startswith("/group"):
            return city.group.name
        if rule.rule.startswith(("/organization", "/feeds")):
            return city.a.name
        return str(uuid.UUID(int=7))

    return re.sub(r"<[^>]+>", value, rule.rule)


def session_of(site: Site, city: City, person: str) -> CKANTestApp:
    """A browser that is signed in by cookie."""
    client = site.client()
    named = city.people[person]
    if named is not None:
        data = {"login": named.name, "password": PASSWORD}
        answer = client.client.open("/user/login", method="POST", data=data, follow_redirects=False)
        assert answer.status_code == 302
    return client


def leaks_of(city: City, person: str, asked: str, text: str) -> set[str]:
    found = city.words.found(text) - city.words.found(asked)
    return {f"{asked}: {each}" for each in found if not probes.may_see(person, each)}


def ask(client: CKANTestApp, city: City, asked: str, method: str = "GET") -> Any:
    return get(client, city, "by cookie", asked, method=method)
