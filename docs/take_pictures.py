"""Take the pictures of these pages again, from a running demo.

    bin/demo --reset --ready-file demo.json      (leave it running)
    .venv/bin/python docs/take_pictures.py demo.json

The pictures of the spreadsheet pages come from their own story:
``INVENTORY_PICTURES=docs/pictures bin/test tests/e2e/test_spreadsheet.py``.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
WIDTH = 1280
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def _nothing(page: Page) -> None:
    """Take the page as it opens."""


def _paste_addresses(page: Page) -> None:
    lines = ("schools.data@larkhaven.example\tSchools", "archive@larkhaven.example\tCity Clerk")
    page.locator("#field-emails").fill("\n".join(lines))
    page.get_by_role("button", name="See what will happen").click()


def _look_at_the_takeover(page: Page) -> None:
    page.get_by_label("All", exact=False).last.check()
    page.get_by_role("button", name="See what would happen").click()


def _begin_an_entry(page: Page) -> None:
    page.get_by_label("Department").select_option(label="Parks and Recreation")
    page.locator("#field-title").fill("Depth of ponds")
    page.locator("#field-notes").fill("One row per pond, measured each autumn by the park rangers.")


@dataclass(frozen=True)
class Picture:
    """One picture.

    :param name: the file's name
    :param who: account name
    :param path: the page below ``/inventory/``, or ``entry:`` and a title
    :param height: what is shown of it
    :param first: what is done on it before
    """

    name: str
    who: str
    path: str
    height: int = 900
    first: Callable[[Page], None] = _nothing


ALL = (
    Picture("home", "parks-coordinator", ""),
    Picture("entry-new", "parks-coordinator", "entries/new", 760, _begin_an_entry),
    Picture("entry", "parks-coordinator", "entry:Park ranger incident log"),
    Picture("entries", "parks-coordinator", "entries"),
    Picture("overview", "cdo", "overview", 1500),
    Picture("review", "cdo", "review"),
    Picture("admin", "cdo", "admin", 760),
    Picture("people-name", "cdo", "people/name", 760, _paste_addresses),
    Picture("people", "cdo", "people"),
    Picture("take-over", "cdo", "take-over", 900, _look_at_the_takeover),
    Picture("promote", "cdo", "entry:Capital projects: planned and spent/promote"),
)


class Site:
    """The running demo, with a browser for each account."""

    def __init__(self, ready: dict[str, Any], browser: Browser) -> None:
        self._url = ready["url"]
        self._passwords = {one["name"]: one["password"] for one in ready["accounts"]}
        self._browser = browser
        self._pages: dict[str, Page] = {}

    def page(self, who: str) -> Page:
        """Return a page on which somebody is signed in."""
        if who not in self._pages:
            page = self._browser.new_context(base_url=self._url).new_page()
            page.goto("/user/login")
            page.get_by_label("Username").fill(who)
            page.get_by_label("Password").fill(self._passwords[who])
            page.get_by_role("button", name="Login").click()
            self._pages[who] = page
        return self._pages[who]

    def take(self, picture: Picture) -> None:
        """Take one picture."""
        page = self.page(picture.who)
        page.set_viewport_size({"width": WIDTH, "height": picture.height})
        page.goto(self._address(page, picture.path))
        picture.first(page)
        page.wait_for_load_state("networkidle")
        page.mouse.move(0, 0)
        file = PICTURES / f"{picture.name}.png"
        page.screenshot(path=str(file), clip=_clip(page, picture.height))
        sys.stdout.write(f"{file.name}: {file.stat().st_size // 1024} kB\n")

    def _address(self, page: Page, path: str) -> str:
        if not path.startswith("entry:"):
            return f"/inventory/{path}"
        title, slash, act = path.removeprefix("entry:").partition("/")
        page.goto("/inventory/entries")
        page.get_by_role("main").get_by_role("searchbox").first.fill(title)
        page.keyboard.press("Enter")
        page.wait_for_url("**q=*")
        found = page.get_by_role("main").get_by_role("link", name=title, exact=True).first
        return f"{found.get_attribute('href')}{slash}{act}"


def _clip(page: Page, height: int) -> Any:
    """Return the window without CKAN's own head above the inventory."""
    top = page.evaluate(
        "document.querySelector('.inv').closest('.wrapper').getBoundingClientRect().top"
        " + window.scrollY"
    )
    return {"x": 0, "y": max(0, top - 8), "width": WIDTH, "height": height - max(0, top - 8)}


def main(ready_file: str) -> None:
    """Take all pictures.

    :param ready_file: what ``bin/demo --ready-file`` wrote
    """
    ready = json.loads(Path(ready_file).read_text())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        site = Site(ready, browser)
        for picture in ALL:
            site.take(picture)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
