"""How a change of a text is shown: what changed is always seen, what didn't is shortened."""

from __future__ import annotations

import re

import pytest

from ckanext.inventory.helpers.differences import inventory_diff

pytestmark = pytest.mark.usefixtures("with_request_context")

LONG = " ".join(f"word{n}" for n in range(200))


def test_a_change_at_the_end_of_a_long_text_is_seen() -> None:
    shown = inventory_diff(f"{LONG} stays", f"{LONG} goes")
    assert "<del>stays</del><ins>goes</ins>" in shown
    assert len(shown) < 300
    assert "word5 " not in shown


def test_two_changes_far_apart_are_both_seen() -> None:
    shown = inventory_diff(f"one {LONG} two", f"ONE {LONG} TWO")
    assert re.findall(r"<ins>(.*?)</ins>", shown) == ["ONE", "TWO"]
    assert "word199 " in shown
    assert "word100 " not in shown


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        (f"{LONG}  end", f"{LONG} end", "<del>␣␣</del>"),
        (f"{LONG}\n\nend", f"{LONG}\nend", "<del>¶\n¶\n</del>"),
        (f"{LONG} end", f"{LONG} end\n", "<ins>¶\n</ins>"),
        (f"{LONG} end\n", f"{LONG} end", "<del>¶\n</del>"),
    ],
)
def test_a_change_of_blanks_only_is_seen(old: str, new: str, seen: str) -> None:
    assert seen in inventory_diff(old, new)


def test_texts_with_little_in_common_stand_one_after_the_other() -> None:
    shown = inventory_diff("a b c d e f", "u v w x y z")
    assert shown.startswith("<del>a b c d e f</del>")
    assert shown.endswith("<ins>u v w x y z</ins>")


def test_markup_in_a_text_stays_text() -> None:
    shown = inventory_diff(f"{LONG} <b>", f"{LONG} <i>")
    assert "<b>" not in shown
    assert "<i>" not in shown


def test_what_takes_too_long_to_compare_is_shown_as_a_whole() -> None:
    """Everything between the first and the last change, so that nothing changed is missing."""
    old = f"first {'a b ' * 2000}last"
    new = f"FIRST {'a c ' * 2000}LAST"
    shown = inventory_diff(old, new)
    assert f"<del>{old}</del>" in shown
    assert f"<ins>{new}</ins>" in shown
