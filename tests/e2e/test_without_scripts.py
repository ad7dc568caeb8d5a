"""Every page works without scripts, and reads well for everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ckanext.inventory.types import Role
from devstack.client import Client
from tests.logic.city import ENOUGH_TO_APPROVE
from tests.support import grant, make_department, make_token, make_user

PAGES = [
    "/inventory/",
    "/inventory/entries",
    "/inventory/entries/new",
    "/inventory/entries/PARKS-0001",
    "/inventory/entries/PARKS-0001/edit",
    "/inventory/entries/PARKS-0002/promote",
    "/inventory/sources",
    "/inventory/sources/PARKS-S001",
    "/inventory/review",
    "/inventory/overview",
    "/inventory/spreadsheet",
    "/inventory/spreadsheet/files",
    "/inventory/admin",
    "/inventory/take-over",
    "/inventory/take-over/link",
    "/inventory/take-over/link/file",
    "/inventory/guide",
    "/inventory/guide/fields",
]

CHECK = """
() => {
  const problems = [];
  const main = document.querySelector('.inv');
  const ids = {};
  document.querySelectorAll('[id]').forEach(e => { ids[e.id] = (ids[e.id] || 0) + 1; });
  Object.entries(ids).forEach(([id, n]) => { if (n > 1) problems.push('id twice: ' + id); });
  main.querySelectorAll('input:not([type=hidden]), select, textarea').forEach(e => {
    const named = e.labels?.length || e.getAttribute('aria-label') || e.closest('label');
    if (!named) problems.push('no label: ' + e.outerHTML.slice(0, 90));
  });
  main.querySelectorAll('button, a[href]').forEach(e => {
    if (!(e.textContent.trim() || e.getAttribute('aria-label')))
      problems.push('no name: ' + e.outerHTML.slice(0, 90));
  });
  main.querySelectorAll('a[href^="#"]').forEach(e => {
    const to = e.getAttribute('href').slice(1);
    if (to && !document.getElementById(to)) problems.push('leads nowhere: #' + to);
  });
  if (main.querySelectorAll('h1').length !== 1) problems.push('not one h1');
  let level = 1;
  main.querySelectorAll('h1, h2, h3, h4').forEach(e => {
    const now = Number(e.tagName[1]);
    if (now > level + 1) problems.push('skips a level: ' + e.textContent.trim().slice(0, 40));
    level = now;
  });
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = c => {
    const [r, g, b] = c.map(v => {
      const s = v / 255; return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = e => {
    for (let at = e; at; at = at.parentElement) {
      const c = rgb(getComputedStyle(at).backgroundColor);
      if (c.length < 4 || c[3] > 0.9) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  main.querySelectorAll('*').forEach(e => {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.offsetParent || e.closest('.visually-hidden')) return;
    if (getComputedStyle(e).backgroundImage !== 'none') return;
    const a = light(rgb(getComputedStyle(e).color).slice(0, 3)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) problems.push(ratio.toFixed(2) + ': ' + e.textContent.trim().slice(0, 40));
  });
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over > 0) problems.push('wider than the window by ' + over);
  return problems;
}
"""

As = Callable[..., Page]


@pytest.fixture(scope="module")
def city(live_site: Client) -> Client:
    parks = make_department("PARKS", name="parks", title="Parks and Recreation", license_id="cc-by")
    make_user("admin", sysadmin=True)
    coordinator = grant(make_user("coordinator"), Role.COORDINATOR, parks)
    cdo = grant(make_user("cdo"), Role.CDO)
    tokens.update(coordinator=make_token(coordinator), cdo=make_token(cdo))
    theirs = Client(live_site.url, tokens["coordinator"])
    decides = Client(live_site.url, tokens["cdo"])
    source = theirs.action("inventory_source_create", title="Tree inventory", owner_org="parks")
    for title in ("Street and park trees", "Trail counters"):
        entry = theirs.action(
            "inventory_entry_create",
            title=title,
            owner_org="parks",
            **{**ENOUGH_TO_APPROVE, "source_known": "linked"},
            source_ids=[source["id"]],
        )
        theirs.action("inventory_transition", id=entry["number"], transition="submit")
    decides.action(
        "inventory_transition",
        id="PARKS-0002",
        transition="approve",
        revision=1,
        classification="public",
    )
    theirs.action(
        "inventory_blocker_save", id="PARKS-0001", kind="quality", rationale="Gaps before 2019."
    )
    return live_site


tokens: dict[str, str] = {}


@pytest.fixture
def visit(city: Client, browser: Browser) -> Iterator[As]:
    contexts: list[Any] = []

    def _visit(who: str, **options: Any) -> Page:
        context = browser.new_context(
            base_url=city.url, extra_http_headers={"Authorization": tokens[who]}, **options
        )
        contexts.append(context)
        return context.new_page()

    yield _visit
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [1280, 1024, 390])
def test_pages_can_be_read_by_everybody(visit: As, width: int) -> None:
    page = visit("cdo", viewport={"width": width, "height": 900})
    found: dict[str, list[str]] = {}
    for path in PAGES:
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        if problems := page.evaluate(CHECK):
            found[path] = problems
    assert found == {}


def test_the_story_without_scripts(visit: As) -> None:
    page = visit("coordinator", java_script_enabled=False)
    page.goto("/inventory/entries/new")
    page.locator("#field-title").fill("Benches")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("a draft.")).to_be_visible()
    page.goto("/inventory/entries/PARKS-0001")
    page.locator("#comment-text").fill("Could you look at it this week?")
    page.get_by_role("button", name="Comment").click()
    expect(page.get_by_text("Comment added.")).to_be_visible()

    desk = visit("cdo", java_script_enabled=False)
    desk.goto("/inventory/review")
    expect(desk.get_by_text("Could you look at it this week?")).to_be_visible()
    desk.get_by_label("Why Quality need not stop it").fill("The years are marked.")
    desk.get_by_role("button", name="Decide", exact=True).click()
    expect(desk.get_by_text("PARKS-0001: Approved.")).to_be_visible()


# --- hands that are quick, keys only, texts that are long -------------------------------------------


def _events(city: Client, number: str) -> list[str]:
    found = Client(city.url, tokens["cdo"]).action("inventory_history", id=number)
    return [event["act"] for event in found]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_double_click_adds_one_entry_and_one_comment(
    city: Client, visit: As, scripts: bool
) -> None:
    page = visit("coordinator", java_script_enabled=scripts)
    title = f"Benches {'with' if scripts else 'without'}"
    page.goto("/inventory/entries/new")
    page.get_by_label("Name").fill(title)
    page.get_by_role("button", name="Save the draft").dblclick()
    page.wait_for_url("**/entries/PARKS-*")
    number = page.url.rsplit("/", 1)[1]
    page.get_by_label("Write a comment").fill("Who counts them?")
    page.get_by_role("button", name="Comment", exact=True).dblclick()
    expect(page.get_by_text("Comment added.")).to_be_visible()
    assert _events(city, number) == ["comment", "create"]
    listed = Client(city.url, tokens["cdo"]).action("inventory_entry_list", q=title)
    assert [row["title"] for row in listed["results"]].count(title) == 1


def test_a_text_too_long_is_told_before_it_is_sent(visit: As) -> None:
    page = visit("coordinator")
    page.goto("/inventory/entries/PARKS-0001")
    comment = page.get_by_label("Write a comment")
    comment.fill("x" * 32_010)
    page.get_by_role("button", name="Comment", exact=True).click()
    told = page.get_by_text("This is 10 characters too long: at most 32,000 are taken.")
    expect(told).to_be_visible()
    assert len(comment.input_value()) == 32_010, "nothing is cut off"
    comment.fill("x" * 32_000)
    expect(told).to_be_hidden()


def test_the_queue_by_keys(city: Client, visit: As) -> None:
    theirs = Client(city.url, tokens["coordinator"])
    numbers: list[str] = []
    for title in ("Fountains", "Playgrounds"):
        made = theirs.action(
            "inventory_entry_create", title=title, owner_org="parks", **ENOUGH_TO_APPROVE
        )
        theirs.action("inventory_transition", id=made["number"], transition="submit")
        numbers.append(made["number"])
    page = visit("cdo")
    page.goto(f"/inventory/review?entry={numbers[0]}")
    page.keyboard.press("r")
    page.keyboard.type("Which years does it cover?")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"{numbers[0]}: Returned to the department")).to_be_visible()
    page.get_by_role("button", name="Take back what was decided").press("Enter")
    expect(page.get_by_text("Taken back.")).to_be_visible()
    assert _events(city, numbers[0])[:2] == ["undo", "return"]

    # the keys are named once they work
    keys = page.get_by_label("Keys")
    page.goto(f"/inventory/review?entry={numbers[0]}")
    expect(keys).to_be_visible()
    page.keyboard.press("r")
    page.keyboard.type("Who keeps it?")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"{numbers[0]}: Returned to the department")).to_be_visible()
    expect(keys).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("Taken back.")).to_be_visible()
    assert _events(city, numbers[0])[:4] == ["undo", "return", "undo", "return"]


@pytest.mark.parametrize("width", [1440, 1280, 1024, 768, 390])
@pytest.mark.parametrize("who", ["coordinator", "cdo"])
def test_the_role_is_shown_whole(visit: As, who: str, width: int) -> None:
    page = visit(who, viewport={"width": width, "height": 700})
    page.goto("/inventory/overview")
    role = page.locator(".inv-who")
    expect(role).to_be_visible()
    cut = "e => e.scrollWidth > e.clientWidth || e.getBoundingClientRect().right > innerWidth"
    assert not role.evaluate(cut)
    expect(page.locator(".inv-tabs .active")).to_be_in_viewport(ratio=0.9)
    expect(page.locator(".inv-bell")).to_be_in_viewport()
