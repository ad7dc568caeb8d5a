"""What the plugin costs where it isn't used: statements and search requests, exactly counted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import ckan.plugins.toolkit as tk
import pysolr
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.common import config
from ckan.lib import search
from ckan.tests.helpers import CKANTestApp, _get_test_app

from tests import support
from tests.ckan_fixtures import Database, Index, Site, empty_event_tables

CORE_SCHEMA = "ckanext.scheming:ckan_dataset.yaml"
DEPARTMENTS = 4


@dataclass
class Count:
    """Statements and search requests of one request or action."""

    statements: int = 0
    searches: int = 0


@contextlib.contextmanager
def counting() -> Iterator[Count]:
    count = Count()

    def execute(*args: object) -> None:
        count.statements += 1

    send = pysolr.Solr._send_request

    def request(self: pysolr.Solr, *args: object, **kwargs: object) -> object:
        count.searches += 1
        return send(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pysolr.Solr, "_send_request", request)
        sa.event.listen(model.meta.engine, "before_cursor_execute", execute)
        yield count
        sa.event.remove(model.meta.engine, "before_cursor_execute", execute)


def build() -> dict[str, str | None]:
    """An editor of several organizations, one with an organization below, and a dataset."""
    editor = support.make_user("zq-editor")
    organizations = [support.make_organization(f"zq-org-{n}") for n in range(DEPARTMENTS)]
    for organization in organizations:
        support.make_member(editor, organization, "admin")
    below = support.make_organization("zq-below")
    model.Session.add(
        model.Member(
            group=below,
            table_id=organizations[0].id,
            table_name="group",
            capacity="public",
        )
    )
    model.Session.commit()
    made = tk.get_action("package_create")(
        {"ignore_auth": True, "user": "zq-editor"},
        {
            "name": "zq-benches",
            "title": "Benches",
            "owner_org": organizations[0].id,
            "notes": "Where to sit",
        },
    )
    return {"id": made["id"], "token": support.make_token(editor)}


CASES = (
    "package_search",
    "package_show by name",
    "package_show by id",
    "dataset page",
    "search page",
    "home page",
)


def ask(case: str, client: CKANTestApp, data: dict[str, str | None], person: str) -> None:
    headers = {"Authorization": data["token"]} if person == "editor" else {}
    addresses = {
        "package_search": "/api/3/action/package_search?q=benches",
        "package_show by name": "/api/3/action/package_show?id=zq-benches",
        "package_show by id": f"/api/3/action/package_show?id={data['id']}",
        "dataset page": "/dataset/zq-benches",
        "search page": "/dataset/?q=benches",
        "home page": "/",
    }
    assert client.get(addresses[case], headers=headers).status_code == 200


Counts = dict[tuple[str, str, bool], Count]


@pytest.fixture(scope="module")
def counts(
    _site: Site,
    _database: Database,
    _index: Index,
    reset_db: Callable[[], None],
    migrate_db_for: Callable[..., None],
) -> Iterator[Counts]:
    """Every case, asked by a visitor and an editor, with the plugin and without."""
    found: Counts = {}
    for ours in (False, True):
        settings: dict[str, object] = {
            "ckan.plugins": [*(["inventory"] if ours else []), "scheming_datasets", "activity"]
        }
        if not ours:
            settings["scheming.dataset_schemas"] = CORE_SCHEMA
            settings["scheming.presets"] = "ckanext.scheming:presets.json"
        with pytest.MonkeyPatch.context() as patch:
            for key, value in settings.items():
                patch.setitem(config, key, value)
            _site.load_others(_get_test_app)
            reset_db()
            migrate_db_for("activity")
            if ours:
                migrate_db_for("inventory")
                empty_event_tables()
            search.clear_all()
            data = build()
            client = _site.client()
            for person in ("visitor", "editor"):
                for case in CASES:
                    ask(case, client, data, person)
                    with counting() as count:
                        ask(case, client, data, person)
                    found[case, person, ours] = count
            model.Session.remove()
            _site.unload_others()
    yield found
    _database._pristine = False
    _index.clear()


@pytest.mark.parametrize("person", ["visitor", "editor"])
@pytest.mark.parametrize("case", CASES)
def test_at_most_one_statement_more_than_without_the_plugin(
    counts: Counts, case: str, person: str
) -> None:
    with_ours, without = counts[case, person, True], counts[case, person, False]
    assert with_ours.statements <= without.statements + 1, (with_ours, without)
    assert with_ours.searches == without.searches


@pytest.mark.parametrize("case", ["package_search", "dataset page", "search page"])
def test_an_editor_of_many_organizations_costs_fewer_statements(counts: Counts, case: str) -> None:
    with_ours, without = counts[case, "editor", True], counts[case, "editor", False]
    assert with_ours.statements < without.statements - DEPARTMENTS, (with_ours, without)
