"""The benchmarks' own arithmetic and rows; what they measure is no test."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import rows
from bench.__main__ import chosen
from bench.cases import CASES, GROUPS, NAMES
from bench.measure import compare

ROOT = Path(__file__).resolve().parents[2]
TIMES = st.lists(st.floats(0.1, 100), min_size=1, max_size=12)


def test_a_ratio_says_how_many_times_better_ours_is() -> None:
    assert compare([10.0, 10.0], [80.0, 80.0], "ms").ratio == 8
    assert compare([200.0], [10.0], "rows/s", more_is_better=True).ratio == 20
    assert compare([1.03], [1.0], "ms CPU", overhead=True).ratio == pytest.approx(1.03)


@given(TIMES, TIMES)
def test_the_ratio_lies_within_its_interval(ours: list[float], peer: list[float]) -> None:
    result = compare(ours, peer, "ms")
    assert result.low <= result.high
    assert min(peer) / max(ours) <= result.low * 1.0001
    assert result.high <= max(peer) / min(ours) * 1.0001


@pytest.mark.parametrize("generated", [True, False])
def test_rows_are_the_same_each_time_and_never_twice(
    monkeypatch: pytest.MonkeyPatch, generated: bool
) -> None:
    if generated:
        monkeypatch.setattr(rows, "real_file", lambda: None)
    found = rows.rows(2_000, "m")
    assert found == rows.rows(2_000, "m")
    names = {(row[0].casefold(), row[1].casefold()) for row in found}
    assert len(names) == 2_000
    assert len({row[13] for row in found}) == 2_000
    assert next(csv.reader(io.StringIO(rows.as_csv(found).decode()))) == list(rows.HEADERS)


def test_names_are_chosen_by_name_beginning_and_pattern() -> None:
    assert chosen([]) == list(NAMES)
    assert chosen(["transition", "import_new"]) == ["transition", "import_new"]
    assert chosen(["*_10k"]) == ["overview_10k", "entries_list_10k"]
    assert len(chosen(["overhead"])) == sum(name.startswith("overhead_") for name in NAMES)
    with pytest.raises(SystemExit):
        chosen(["nothing"])
    members = [name for _, names in GROUPS.values() for name in names]
    assert sorted([*CASES, *members]) == sorted(NAMES)


def test_the_command_starts_before_anything_is_installed() -> None:
    """It says what it can measure from the system's Python, which has no CKAN."""
    bare = [sys.executable, "-I", "-S", "-c"]
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import bench.__main__"
    assert subprocess.run([*bare, code], capture_output=True, text=True).stderr == ""
