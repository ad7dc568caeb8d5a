"""The documentation's links and pictures lead somewhere, and every picture is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
