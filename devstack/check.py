"""``bin/demo --check``: the main job over HTTP, as three people and a visitor."""

from __future__ import annotations

import base64
import secrets
import time
import urllib.error
from collections.abc import Callable, Sequence
from typing import Any

from devstack.client import Client, Refused
from devstack.steps import say

INDEX_SECONDS = 15
"""How long the portal may take to find what was just promoted."""

LARGE = 2_100
"""Rows of a file that is left to the worker."""

WORKER_SECONDS = 120
"""How long the worker may take with it."""

DATA_FILE = ("counts.csv", b"intersection,day,count\nHarbor and Main,2026-01-05,1312\n")


class Failed(Exception):
    """Something is not as it has to be; the text says what."""


def expect(condition: object, text: str) -> None:
    """Stop the walk unless something holds."""
    if not condition:
        raise Failed(text)


def expect_hidden(client: Client, action: str, record: str, who: str) -> None:
    """Stop the walk if an action shows a record."""
    try:
        client.action(action, id=record)
    except Refused as refused:
        expect(refused.status in {403, 404}, f"{action} answers {refused.status} to the {who}")
    else:
        raise Failed(f"{action} shows it to the {who}")


class Walk:
    """One entry's way from a department's list to the public portal."""

    def __init__(self, url: str, accounts: Sequence[dict[str, Any]]) -> None:
        self._accounts = accounts
        self.coordinator = Client(url, self._account("coordinator")["token"])
        self.cdo = Client(url, self._account("cdo")["token"])
        self.editor = Client(url, self._account("editor")["token"])
        self.visitor = Client(url)
        self.title = f"Traffic counts {secrets.token_hex(4)}"
        self.id = ""
        self.number = ""
        self.dataset = ""

    def _account(self, role: str) -> dict[str, Any]:
        return next(account for account in self._accounts if account["role"] == role)

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """Return the steps in their order, each with its name for people."""
        return [
            ("the coordinator lists an entry", self._list_entry),
            ("the coordinator submits it", self._submit),
            ("a visitor finds nothing of it, an editor without a role gets 404", self._hidden),
            ("the coordinator cannot approve it", self._no_self_approval),
            ("the CDO confirms its class and approves it", self._approve),
            ("the portal still knows nothing of it", self._hidden),
            ("the CDO prepares a dataset, which nobody outside sees", self._prepare),
            ("the coordinator adds the data to it", self._add_data),
            ("still nobody outside sees anything", self._hidden),
            ("the CDO puts it on the portal", self._promote),
            ("the visitor finds the dataset by searching the portal", self._found),
            ("the visitor opens its page and downloads its data", self._opened),
            ("the entry itself stays hidden", self._entry_hidden),
            ("the worker looks through a large file, saves it, and it is taken back", self._large),
        ]

    def _list_entry(self) -> None:
        department = self._account("coordinator")["departments"][0]
        entry = self.coordinator.action(
            "inventory_entry_create",
            title=self.title,
            notes="Vehicles counted at the main intersections, by day.",
            owner_org=department,
            source_known="described",
            system_of_record_note="A spreadsheet of the traffic engineers.",
            value="high",
            classification="public",
            blocker_status="none",
            category="transportation",
            format=["spreadsheet"],
            change_frequency="monthly",
            data_dictionary="no",
            existing_etl="manual_export",
            existing_publication=["no"],
            request_frequency="occasional",
            quality_concern="none",
            steward="Traffic engineering",
            public_contact_name="Traffic engineering",
            public_contact_email="traffic@example.org",
        )
        self.id, self.number = entry["id"], entry["number"]

    def _submit(self) -> None:
        entry = self.coordinator.action("inventory_transition", id=self.id, transition="submit")
        expect(entry["state"] == "submitted", f"its state is {entry['state']}")

    def _hidden(self) -> None:
        self._entry_hidden()
        expect(self._search()["count"] == 0, "the portal's search finds it")
        if self.dataset:
            expect_hidden(self.visitor, "package_show", self.dataset, "visitor")

    def _entry_hidden(self) -> None:
        for who, client in (("visitor", self.visitor), ("editor", self.editor)):
            status, text = client.page(f"/inventory/entries/{self.number}")
            expect(self.title not in text, f"its page shows the title to the {who}")
            if who == "editor":
                expect(status == 404, f"its page answers {status} to the {who}")
            for reader in ("package_show", "inventory_entry_show"):
                expect_hidden(client, reader, self.id, who)

    def _no_self_approval(self) -> None:
        try:
            self._transition(self.coordinator, "approve")
        except Refused:
            return
        raise Failed("the coordinator approved their own entry")

    def _approve(self) -> None:
        self.cdo.action("inventory_classification_confirm", ids=[self.id], classification="public")
        entry = self._transition(self.cdo, "approve", fields={"reviews_needed": ["none"]})
        expect(entry["state"] == "approved", f"its state is {entry['state']}")

    def _prepare(self) -> None:
        entry = self._transition(self.cdo, "prepare", publication={"license_id": "cc-by"})
        expect(entry["state"] == "preparing", f"its state is {entry['state']}")
        self.dataset = self.cdo.action("inventory_entry_show", id=self.id)["link"]["dataset_id"]

    def _add_data(self) -> None:
        self.coordinator.action(
            "resource_create",
            package_id=self.dataset,
            name="Counts",
            files={"upload": DATA_FILE},
        )

    def _promote(self) -> None:
        entry = self._transition(self.cdo, "promote", publication={"license_id": "cc-by"})
        expect(entry["state"] == "published", f"its state is {entry['state']}")

    def _found(self) -> None:
        found = self._search()
        patience = time.monotonic() + INDEX_SECONDS
        while not found["count"] and time.monotonic() < patience:
            time.sleep(0.5)
            found = self._search()
        expect(found["count"] == 1, f"the search finds {found['count']}")
        expect(found["results"][0]["id"] == self.dataset, "the search finds another dataset")

    def _search(self) -> Any:
        return self.visitor.action("package_search", q=f'title:"{self.title}"')

    def _opened(self) -> None:
        dataset = self.visitor.action("package_show", id=self.dataset)
        status, text = self.visitor.page(f"/dataset/{dataset['name']}")
        expect(status == 200 and self.title in text, f"its page answers {status}")
        expect(self.number not in text, "its page shows the entry's number")
        status, text = self.visitor.page(dataset["resources"][0]["url"])
        expect(status == 200 and text.encode() == DATA_FILE[1], f"its file answers {status}")

    def _large(self) -> None:
        lines = "".join(f"{self.title} {number}\n" for number in range(LARGE))
        found = self.coordinator.action(
            "inventory_import_preview",
            content=base64.b64encode(f"Dataset name\n{lines}".encode()).decode(),
            filename="large.csv",
            department=self._account("coordinator")["departments"][0],
        )
        expect(found["status"] == "queued", f"the file is {found['status']} and not queued")
        found = self._worked(found["id"], "inventory_import_preview", limit=1)
        new = found["counts"]["new"]
        expect(found["can_save"] and new == LARGE, f"it finds {new} new rows of {LARGE}")
        self.coordinator.action(
            "inventory_import_save", id=found["id"], fingerprint=found["fingerprint"]
        )
        found = self._worked(found["id"], "inventory_import_show")
        expect(found["status"] == "saved", f"the file is {found['status']}: {found['message']}")
        self.coordinator.action("inventory_import_undo", id=found["id"])

    def _worked(self, import_id: str, action: str, **arguments: Any) -> Any:
        """Ask until the worker is through with a file."""
        patience = time.monotonic() + WORKER_SECONDS
        found = self.coordinator.action(action, id=import_id, **arguments)
        while found["status"] in {"queued", "running"}:
            expect(time.monotonic() < patience, f"the file is still {found['status']}")
            time.sleep(0.5)
            found = self.coordinator.action(action, id=import_id, **arguments)
        return found

    def _transition(self, client: Client, name: str, **inputs: Any) -> Any:
        revision = self.cdo.action("inventory_entry_show", id=self.id)["revision"]
        return client.action(
            "inventory_transition", id=self.id, transition=name, revision=revision, **inputs
        )


def walk(url: str, accounts: Sequence[dict[str, Any]]) -> int:
    """Walk through all steps and say of each how it went.

    :param url: the running site
    :param accounts: the demo's accounts, as in the ready file
    :returns: the exit status: 0 if everything passed
    """
    say(f"\nThe main job at {url}:")
    todo = Walk(url, accounts).steps()
    for number, (text, run) in enumerate(todo, 1):
        try:
            run()
        except (Failed, Refused, urllib.error.URLError, KeyError, TimeoutError) as error:
            say(f"  {number:2}. FAILED  {text}: {error}")
            say(f"\nCheck failed at step {number} of {len(todo)}.")
            return 1
        say(f"  {number:2}. passed  {text}")
    say(f"\nCheck passed: {len(todo)} steps.")
    return 0
