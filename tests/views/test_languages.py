"""Another language: pages, labels from the YAML files and mails come out of one catalogue."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
from collections.abc import Iterator
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import ckan
import flask_babel
import openpyxl
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from ckan.lib import mailer
from ckan.tests.helpers import CKANTestApp

import ckanext.inventory
from ckanext.inventory import clock, jobs
from ckanext.inventory.plugin import InventoryPlugin
from tests.logic.city import City, make_city
from tests.support import headers
from tests.views.test_pages import PAGES

WORDS: dict[str, str] = {
    "Saved as {number}, a draft.": "Als {number} gespeichert, ein Entwurf.",
    "Energy and environment": "Energie und Umwelt",
    "Category": "Sachgebiet",
    "Draft": "Entwurf",
    "“{value}” is no link, which “{label}” must be: it starts with http:// or https:// and holds no "
    "spaces.": "„{value}“ ist kein Link.",
    "“{label}” is missing.": "„{label}“ fehlt.",
    "Submit": "Einreichen",
    "Hello %(name)s,": "Guten Tag, %(name)s,",
    "Number": "Nummer",
    "Name": "Bezeichnung",
    "Description": "Beschreibung",
    "Value": "Wert",
    "High": "Hoch",
    "State": "Stand",
    "Assigned to": "Zugeteilt",
    "The row has no name.": "Die Zeile hat keinen Namen.",
    "No field fits this column: it was kept out.": "Zu dieser Spalte passt kein Feld.",
    "Did you mean “{value}”?": "Meinten Sie „{value}“?",
    "Sheet": "Blatt",
}


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny catalogue in place of the extension's own."""
    catalog = Catalog(locale="de")
    for message, translation in WORDS.items():
        catalog.add(message, translation)
    target = tmp_path / "de" / "LC_MESSAGES" / "ckanext-inventory.mo"
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        write_mo(file, catalog)
    monkeypatch.setattr(InventoryPlugin, "i18n_directory", lambda self: str(tmp_path))


# The plugins are loaded once more, so that the application learns of the catalogue.
reloaded = pytest.mark.ckan_config("ckan.plugins", "inventory scheming_datasets activity")


@pytest.fixture
def city(german: None, db: None) -> Iterator[City]:
    return make_city()


@reloaded
def test_a_page_in_another_language_is_translated(city: City, app: CKANTestApp) -> None:
    coordinator = headers(city.coordinator)
    saved: Any = app.post(
        "/de/inventory/entries/new",
        data={"title": "Bäume", "owner_org": city.parks.id},
        headers=coordinator,
    )
    assert "Als PARKS-0001 gespeichert, ein Entwurf." in saved.body, "a sentence with a number"
    city.do(
        city.coordinator,
        "inventory_entry_patch",
        id="PARKS-0001",
        category="energy_and_environment",
    )
    page: Any = app.get("/de/inventory/entries/PARKS-0001", headers=coordinator)
    assert "Sachgebiet" in page.body, "a field's label, from the schema"
    assert "Energie und Umwelt" in page.body, "a value's label, from the vocabularies"
    assert "Entwurf" in page.body, "a state, from a module that knows no language"
    english: Any = app.get("/inventory/entries/PARKS-0001", headers=coordinator)
    assert "Energy and environment" in english.body
    assert "Sachgebiet" not in english.body


@reloaded
def test_a_refusal_in_another_language_is_translated(city: City, app: CKANTestApp) -> None:
    entry = city.entry()
    page: Any = app.post(
        f"/de/inventory/entries/{entry['number']}/edit",
        data={"title": "Bäume", "data_dictionary_url": "no link", "revision": "1"},
        headers=headers(city.coordinator),
    )
    assert page.status_code == 400
    assert "„no link“ ist kein Link." in page.body


def typed_off(city: City, app: CKANTestApp, language: str, high: str) -> dict[str, Any]:
    """Take a workbook in a language, lose its hidden column, and bring it as a list in English."""
    with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": language}):
        taken = city.do(city.coordinator, "inventory_workbook", department="parks", format="csv")
    rows = list(csv.reader(io.StringIO(base64.b64decode(taken["content"]).decode("utf-8-sig"))))
    at = [header.rstrip(" *") for header in rows[0]].index("Wert" if language == "de" else "Value")
    for row in rows:
        del row[-1]
    rows[1][at] = high
    typed = io.StringIO()
    csv.writer(typed).writerows(rows)
    with app.flask_app.test_request_context():
        return city.do(
            city.coordinator,
            "inventory_import_preview",
            content=base64.b64encode(typed.getvalue().encode()).decode(),
            filename="trees.csv",
            department="parks",
        )


@reloaded
@pytest.mark.ckan_config("ckan.locales_offered", "en de")
def test_a_list_typed_off_a_workbook_in_another_language_is_understood_like_an_english_one(
    city: City, app: CKANTestApp
) -> None:
    """Without its hidden last column a file doesn't say which language its headers are in."""
    city.entry(title="Trees", notes="Old ones")
    english = typed_off(city, app, "en", "High")
    german = typed_off(city, app, "de", "Hoch")
    assert not german["ours"]
    assert {"Bezeichnung", "Beschreibung", "Wert"} <= {item["column"] for item in german["columns"]}
    meant = [
        {item["letter"]: (item["field"], item["fate"]) for item in found["columns"]}
        for found in (english, german)
    ]
    assert meant[1] == meant[0]
    assert ("title", "used") in meant[1].values()
    told = [[problem["message"] for problem in found["problems"]] for found in (english, german)]
    assert told[1] == told[0]
    assert german["counts"] == english["counts"]


@reloaded
@pytest.mark.ckan_config("ckan.locales_offered", "en")
def test_a_language_that_the_site_does_not_offer_is_not_looked_for(
    city: City, app: CKANTestApp
) -> None:
    city.entry(title="Trees", notes="Old ones")
    found = typed_off(city, app, "de", "Hoch")
    assert "notes" not in {item["field"] for item in found["columns"]}


@reloaded
def test_the_file_to_fix_speaks_the_language_of_whoever_asks(city: City, app: CKANTestApp) -> None:
    rows = b"Remarks,Data set,Category,Wind\n,Trees,Enviroment,3\nold,,,\n"
    asked = {
        "content": base64.b64encode(rows).decode(),
        "filename": "trees.csv",
        "department": "parks",
        "submit": ["!2"],
    }
    with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": "de"}):
        found = city.do(city.coordinator, "inventory_import_preview", **asked)
        given = city.do(city.coordinator, "inventory_import_marked", id=found["id"])
    book = openpyxl.load_workbook(io.BytesIO(base64.b64decode(given["content"])))
    assert book.sheetnames == ["Blatt"]
    said = {
        cell.coordinate: cell.comment.text
        for row in book["Blatt"].iter_rows()
        for cell in row
        if cell.comment
    }
    assert said["D1"] == "Zu dieser Spalte passt kein Feld."
    assert said["B3"] == "Die Zeile hat keinen Namen."
    assert "Meinten Sie „" in said["C2"]
    assert "„Wert“ fehlt." in said["B2"].splitlines(), "a field without a column"


class TestMails:
    """They go out with whichever request or job comes first, so its language can't count."""

    @pytest.fixture
    def sent(self, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        ckan_config["smtp.mail_from"] = "portal@larkhaven.example"
        texts: list[str] = []
        monkeypatch.setattr(
            mailer, "mail_recipient", lambda name, email, subject, body, *more: texts.append(body)
        )
        return texts

    def send(self, city: City, app: CKANTestApp, language: str) -> None:
        entry = city.submitted()
        city.step(city.cdo, entry, "return", comment="Which years does it cover?")
        with (
            app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": language}),
            clock.at(clock.now() + dt.timedelta(minutes=5)),
        ):
            jobs.notify()

    @reloaded
    @pytest.mark.ckan_config("ckan.locale_default", "de")
    def test_speak_the_language_of_the_site(
        self, city: City, app: CKANTestApp, sent: list[str]
    ) -> None:
        self.send(city, app, "en")
        [text] = sent
        assert text.startswith("Guten Tag, Parks Coordinator,")

    @reloaded
    def test_and_no_other(self, city: City, app: CKANTestApp, sent: list[str]) -> None:
        self.send(city, app, "de")
        [text] = sent
        assert text.startswith("Hello Parks Coordinator,")


# --- what pages ask to translate is known to translators --------------------------------------------


class _Listening(NullTranslations):
    """Notes every message that is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def gettext(self, message: str) -> str:
        self.asked.add(message)
        return message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        self.asked.add(msgid1)
        return msgid1 if n == 1 else msgid2

    ugettext, ungettext = gettext, ngettext


def _messages(path: Path) -> set[str]:
    with path.open("rb") as file:
        catalog = read_po(file)
    return {each.id if isinstance(each.id, str) else each.id[0] for each in catalog if each.id}


def test_whatever_a_page_translates_stands_in_the_template(
    db: None, app: CKANTestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = make_city()
    first, second = city.submitted(), city.approved(title="Benches")
    city.entry(title="Paths", blocker_status="some")
    city.do(city.coordinator, "inventory_source_create", title="Trees", owner_org=city.parks.id)
    listening = _Listening()
    monkeypatch.setattr(flask_babel.Domain, "get_translations", lambda self: listening)
    pages = [path for path, who in PAGES.items() if "cdo" in who]
    pages += [f"/inventory/entries/{second['number']}/promote"]
    for path in pages:
        app.get(path, headers=headers(city.cdo))
    app.post(
        f"/inventory/entries/{first['number']}/edit",
        data={"title": "", "earliest_records": "x", "public_contact_email": "x", "revision": "1"},
        headers=headers(city.coordinator),
    )
    ours = _messages(Path(ckanext.inventory.__file__).parent / "i18n" / "ckanext-inventory.pot")
    core = _messages(Path(ckan.__file__).parent / "i18n" / "ckan.pot")
    assert len(listening.asked) > 300
    assert listening.asked - ours - core == set()
