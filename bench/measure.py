"""Samples to figures: medians, their ratio, and how far to trust it."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

ROUNDS = 2_000


@dataclass(frozen=True)
class Result:
    """One comparison.

    :param ours: median of ours
    :param peer: median of the peer's
    :param unit: of both
    :param ratio: how many times better ours is; for an overhead, with ÷ without
    :param low: lower end of the ratio's 95 % interval
    :param high: its upper end
    :param samples: how many of each
    :param note: what was counted or scaled
    """

    ours: float
    peer: float
    unit: str
    ratio: float
    low: float
    high: float
    samples: int
    note: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the figures for a file."""
        return {
            "ours": round(self.ours, 4),
            "peer": round(self.peer, 4),
            "unit": self.unit,
            "ratio": round(self.ratio, 4),
            "interval": [round(self.low, 4), round(self.high, 4)],
            "samples": self.samples,
            "note": self.note,
        }


def compare(
    ours: Sequence[float],
    peer: Sequence[float],
    unit: str,
    *,
    more_is_better: bool = False,
    overhead: bool = False,
    note: str = "",
) -> Result:
    """Compare samples that were taken in turn.

    :param ours: ours
    :param peer: the peer's
    :param unit: what they are
    :param more_is_better: rates, not times
    :param overhead: the ratio says with ÷ without
    :param note: what was counted or scaled
    """

    def ratio(a: float, b: float) -> float:
        return a / b if more_is_better or overhead else b / a

    chance = random.Random(1)
    found: list[float] = []
    for _ in range(ROUNDS):
        mine = statistics.median(chance.choices(ours, k=len(ours)))
        theirs = statistics.median(chance.choices(peer, k=len(peer)))
        found.append(ratio(mine, theirs))
    found.sort()
    middle = (statistics.median(ours), statistics.median(peer))
    return Result(
        *middle,
        unit,
        ratio(*middle),
        found[int(0.025 * ROUNDS)],
        found[int(0.975 * ROUNDS) - 1],
        min(len(ours), len(peer)),
        note,
    )
