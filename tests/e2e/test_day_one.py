"""Day one in a browser: a portal with fifty datasets and nothing else becomes an inventory that works.

A portal administrator names a chief data officer, who follows the check list on the admin page: invites
people (their mail arrives, the link in it works), takes the portal over, decides on the first entry
and puts it on the portal, where a visitor finds it.
"""

from __future__ import annotations

import email
import email.policy
import re
import socket
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from playwright.sync_api import Browser, Locator, Page, expect

from devstack.client import Client
from tests.support import make_token, make_user

PASSWORD = "correct-horse-battery"
DATASETS = 50
DATA = "pond,depth_m\nNorth,1.4\nSouth,2.1\n"

CDO, COORDINATOR, REVIEWER = (f"{name}@larkhaven.example" for name in ("cdo", "parks", "privacy"))


class Mailbox:
    """A real mail server on this machine, and what it took in."""

    def __init__(self) -> None:
        self.mails: dict[str, EmailMessage] = {}

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.mails[envelope.rcpt_tos[0]] = message
        return "250 OK"

    def link(self, address: str) -> str:
        """Return the link in somebody's mail."""
        part = self.mails[address].get_body(("plain",))
        assert part is not None
        found = re.search(r"https?://\S+", str(part.get_content()))
        assert found is not None
        return found[0]


@pytest.fixture(scope="module")
def post() -> Iterator[Mailbox]:
    """The mail server, named to the site before it starts."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKAN_SMTP_SERVER", f"127.0.0.1:{port}")
        patch.setenv("CKAN_SMTP_MAIL_FROM", "portal@larkhaven.example")
        yield box
    server.stop()


@pytest.fixture(scope="module")
def portal(post: Mailbox, live_site: Client) -> Client:
    """A portal as a city has it: two organizations, fifty datasets, an administrator."""
    admin = make_user("admin", fullname="Portal administrator", password=PASSWORD, sysadmin=True)
    client = Client(live_site.url, make_token(admin))
    for name, title in (("parks", "Parks and Recreation"), ("water", "Water")):
        client.action("organization_create", name=name, title=title)
    for number in range(DATASETS):
        owner = "parks" if number % 5 else "water"
        client.action(
            "package_create",
            name=f"{owner}-{number}",
            title=f"{SUBJECTS[number % 10]} in {PLACES[number // 10]}",
            notes="Counted every spring.",
            owner_org=owner,
            license_id="cc-by",
            resources=[{"name": "Table", "url": f"https://files.example/{number}.csv"}],
        )
    return live_site


SUBJECTS = [
    "Wells",
    "Trees",
    "Benches",
    "Paths",
    "Lamps",
    "Pumps",
    "Gates",
    "Nests",
    "Steps",
    "Signs",
]
PLACES = ["Alder Green", "Beacon Hill", "Canal Walk", "Elm Meadow", "Ferry Point"]

Open = Callable[[], Page]


@pytest.fixture
def new_browser(portal: Client, browser: Browser) -> Open:
    return lambda: browser.new_context(base_url=portal.url).new_page()


def test_day_one(portal: Client, post: Mailbox, new_browser: Open, tmp_path: Path) -> None:
    cdo = _administrator_names_a_cdo(new_browser(), post, new_browser)
    _checklist_says_what_is_missing(cdo)
    _cdo_invites_people(cdo)
    coordinator = _arrives(new_browser(), post, COORDINATOR, "Coordinator")
    _arrives(new_browser(), post, REVIEWER, "Reviewer")
    _checklist_is_shorter_once_they_came(cdo)
    _cdo_takes_the_portal_over(cdo)
    _coordinator_sees_what_is_theirs_and_adds_one(coordinator)
    _cdo_decides_and_promotes(cdo, tmp_path)
    _visitor_finds_it(new_browser())


def _administrator_names_a_cdo(page: Page, post: Mailbox, new_browser: Open) -> Page:
    page.goto("/user/login")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    page.goto("/inventory/admin")
    setup = page.locator("#setup")
    setup.get_by_role("link", name="Name one").click()
    _name(page, CDO, "cdo", None)
    return _arrives(new_browser(), post, CDO, "Chief data officer")


def _name(page: Page, address: str, role: str, department: str | None) -> None:
    page.locator("#field-emails").fill(address)
    page.locator("#field-role").select_option(role)
    if department:
        page.locator("#field-department").select_option(label=department)
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("new: gets an invitation")).to_be_visible()
    page.get_by_role("button", name="Name and invite them").click()
    expect(page.get_by_text("One invitation is on its way.")).to_be_visible()


def _arrives(page: Page, post: Mailbox, address: str, role: str) -> Page:
    """Open the link of the mail, choose a password, sign in, and be at home."""
    body = post.mails[address].get_body(("plain",))
    assert body is not None
    account = re.search(r"user name (\S+?)\.", str(body.get_content()))
    assert account is not None
    page.goto(post.link(address))
    page.locator("input[name=password1]").fill(PASSWORD)
    page.locator("input[name=password2]").fill(PASSWORD)
    page.locator("form button[type=submit]:visible").last.click()
    page.get_by_label("Username").fill(account[1])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    expect(page).to_have_url(re.compile(r"/inventory/?$"))
    expect(page.get_by_text(role, exact=False).first).to_be_visible()
    return page


def _checklist_says_what_is_missing(page: Page) -> None:
    page.goto("/inventory/admin")
    setup = page.locator("#setup")
    expect(setup.get_by_text("A chief data officer is named.")).to_be_visible()
    expect(setup.get_by_text("2 departments have no coordinator.")).to_be_visible()
    expect(setup.get_by_text("Only one person may approve")).to_be_visible()
    expect(setup.get_by_text("Mail goes out.")).to_be_visible()


def _cdo_invites_people(page: Page) -> None:
    page.locator("#setup").get_by_role("link", name="See who is missing").click()
    page.get_by_role("link", name="Name a coordinator").first.click()
    _name(page, COORDINATOR, "coordinator", "Parks and Recreation")
    page.goto("/inventory/admin")
    page.locator("#setup").get_by_role("link", name="Name a second one").click()
    page.get_by_label("May approve, waive and put on the portal").check()
    _name(page, REVIEWER, "reviewer", None)


def _checklist_is_shorter_once_they_came(page: Page) -> None:
    page.goto("/inventory/admin")
    setup = page.locator("#setup")
    expect(setup.get_by_text("One department has no coordinator.")).to_be_visible()
    expect(
        setup.get_by_text("Somebody besides the chief data officer may approve.")
    ).to_be_visible()


def _cdo_takes_the_portal_over(page: Page) -> None:
    page.locator("#setup").get_by_role("link", name="datasets that are on the portal").click()
    main = page.get_by_role("main")
    expect(main.get_by_text(f"{DATASETS} public datasets have no entry.")).to_be_visible()
    page.get_by_label(f"All {DATASETS}").check()
    page.get_by_role("button", name="See what would happen").click()
    expect(main.get_by_text("would be made. Nothing is saved yet.")).to_be_visible()
    expect(main.get_by_text("Parks and Recreation: 40")).to_be_visible()
    page.get_by_label(f"All {DATASETS}").check()
    page.get_by_role("button", name="Take them in").click()
    expect(main.get_by_text("Everything on the portal is in the inventory")).to_be_visible()
    page.goto("/inventory/overview")
    expect(main.get_by_role("link", name=re.compile(rf"^{DATASETS}\s+Entries"))).to_be_visible()


def _coordinator_sees_what_is_theirs_and_adds_one(page: Page) -> None:
    main = page.get_by_role("main")
    page.goto("/inventory/entries")
    expect(main.get_by_text("40 entries", exact=True)).to_be_visible()
    page.goto("/inventory/entries/new")
    page.locator("#field-title").fill("Depth of ponds")
    page.locator("#field-notes").fill("One row per pond, measured each autumn.")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("Saved as PARKS-0041, a draft.")).to_be_visible()
    page.get_by_role("link", name="Answer the").click()
    page.get_by_label("In no system (paper, e-mail)").check()
    page.get_by_label("High", exact=False).first.check()
    _group(page, "Is there a reason people outside").get_by_label("No", exact=True).check()
    page.locator("#field-classification").select_option("public")
    closed = page.locator("details:not([open]) > summary:visible")
    while closed.count():
        closed.first.click()
    page.locator("#field-category").select_option("energy_and_environment")
    _group(page, "Format").get_by_label("Spreadsheet").check()
    page.locator("#field-change_frequency").select_option("yearly")
    page.locator("#field-existing_etl").select_option("manual_export")
    _group(page, "Where can people see it today?").get_by_label("Nowhere").check()
    _group(page, "How often people ask for it").get_by_label("Never").check()
    _group(page, "Known problems").get_by_label("None", exact=True).check()
    _group(page, "Are the columns explained").get_by_label("Yes", exact=True).check()
    page.locator("#field-steward").fill("Parks planning")
    page.locator("#field-public_contact_name").fill("Parks desk")
    page.locator("#field-public_contact_email").fill("parks@larkhaven.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    release = page.get_by_role("complementary", name="Release")
    release.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("It is with the chief data officer now.")).to_be_visible()


def _group(page: Page, legend: str) -> Locator:
    return page.get_by_role("group", name=legend)


def _cdo_decides_and_promotes(page: Page, folder: Path) -> None:
    page.goto("/inventory/")
    expect(page.get_by_role("heading", name="Decide on one entry")).to_be_visible()
    page.get_by_role("link", name="Start with the first").click()
    expect(page.get_by_text("decide and go on")).to_be_visible()  # the keys are ready
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("PARKS-0041: Approved.")).to_be_visible()
    page.goto("/inventory/entries/PARKS-0041")
    page.get_by_role("link", name="Put on the portal").click()
    page.locator("#field-license_id").select_option("cc-by")
    file = folder / "ponds.csv"
    file.write_text(DATA)
    page.get_by_label("or a file").first.set_input_files(file)
    page.get_by_role("button", name="Put on the portal").click()
    expect(page.get_by_text("It is on the portal.")).to_be_visible()


def _visitor_finds_it(page: Page) -> None:
    page.goto("/dataset/?q=ponds")
    expect(page.get_by_role("heading", name=re.compile("1 dataset"))).to_be_visible()
    page.get_by_role("link", name="Depth of ponds").click()
    expect(page.get_by_role("heading", level=1, name="Depth of ponds")).to_be_visible()
    page.goto("/dataset/")
    expect(page.get_by_role("heading", name=f"{DATASETS + 1} datasets found")).to_be_visible()
    assert page.goto("/inventory/").status == 404
