"""``python -m bench [NAME…] [--rows N] [--json FILE]``: what ``bin/bench`` runs on services of its own."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from pathlib import Path

from bench import rows
from bench.cases import CASES, GROUPS, NAMES, Scale
from bench.measure import Result
from bench.workers import Pair, pair


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    options = argparse.ArgumentParser(
        prog="bin/bench",
        description="Compare with plain CKAN, both sides in turn on the same machine in the same run. "
        f"Names (patterns too): {', '.join(NAMES)}.",
    )
    options.add_argument("names", nargs="*", metavar="NAME", help="what to compare (default: all)")
    options.add_argument("--rows", type=int, metavar="N", help="rows to import, or entries to hold")
    options.add_argument("--rounds", type=int, metavar="N", help="how often each side is measured")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    return options


def chosen(given: list[str]) -> list[str]:
    """Return the names that were asked for, in their order.

    :param given: names or patterns; a name without its ending means all that begin with it
    :raises SystemExit: if one fits nothing
    """
    if not given:
        return list(NAMES)
    found: list[str] = []
    for pattern in given:
        fits = fnmatch.filter(NAMES, pattern) or [n for n in NAMES if n.startswith(pattern)]
        if not fits:
            raise SystemExit(f"bin/bench: there is no {pattern!r}; there are {', '.join(NAMES)}")
        found += [name for name in fits if name not in found]
    return found


def show(name: str, result: Result) -> None:
    """Print one comparison."""
    print(
        f"{name:34s} {result.ours:10.2f} {result.peer:10.2f} {result.unit:7s} "
        f"{result.ratio:8.2f}  ({result.low:.2f}-{result.high:.2f}, n={result.samples})  {result.note}",
        flush=True,
    )


def run(both: Pair, names: list[str], scale: Scale) -> dict[str, Result]:
    """Take the comparisons one after the other.

    :param both: the two processes
    :param names: what to compare
    :param scale: how big
    """
    results: dict[str, Result] = {}
    for name in names:
        if name in CASES:
            results[name] = CASES[name](both, scale)
            show(name, results[name])
    for compare_all, members in GROUPS.values():
        wanted = [name for name in names if name in members]
        if wanted:
            for name, result in compare_all(both, scale, wanted).items():
                results[name] = result
                show(name, result)
    return results


def main(argv: list[str]) -> int:
    """Run the command.

    :param argv: its arguments
    :returns: exit status
    """
    options = parser().parse_args(argv)
    names = chosen(options.names)
    source = rows.real_file()
    print(f"Rows: {source.name if source else 'generated'}")
    print(f"{'':34s} {'ours':>10s} {'peer':>10s} {'':7s} {'ratio':>8s}  (95 % interval)")
    with pair() as both:
        results = run(both, names, Scale(options.rows, options.rounds))
    if options.json:
        figures = {name: result.as_json() for name, result in results.items()}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
