"""The documentation's links lead somewhere, every picture is used, and every option is listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


def _targets(page: Path) -> list[Path]:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    return [(page.parent / link).resolve() for link in links]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [str(target) for target in _targets(page) if not target.exists()] == []


def test_every_picture_is_shown_and_small() -> None:
    shown = {target for page in PAGES for target in _targets(page) if target.suffix == ".png"}
    kept = set((ROOT / "docs" / "pictures").glob("*.png"))

    assert kept == shown
    assert [file.name for file in kept if file.stat().st_size > 300_000] == []


def test_the_readme_lists_every_option() -> None:
    declared = yaml.safe_load(
        (ROOT / "ckanext" / "inventory" / "config_declaration.yaml").read_text("utf-8")
    )
    keys = {option["key"] for group in declared["groups"] for option in group["options"]}
    listed: set[str] = set()
    for line in PAGES[0].read_text("utf-8").splitlines():
        if line.startswith("| `ckanext.inventory."):
            first, *more = re.findall(r"`([^`]+)`", line.split("|")[1])
            listed |= {first, *(f"{first.rpartition('.')[0]}.{name}" for name in more)}

    assert listed == keys
