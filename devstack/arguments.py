"""The commands' options, read before anything is installed, so that --help and mistakes cost nothing."""

from __future__ import annotations

import argparse
import datetime as dt
import os
from pathlib import Path


def demo() -> argparse.ArgumentParser:
    """Return the parser of ``bin/demo``."""
    parser = argparse.ArgumentParser(
        prog="bin/demo",
        description="Start a real CKAN with the extension and a fictional city's inventory "
        "in it, print the address and the accounts, and serve until Ctrl-C. The first start installs "
        "what is missing; work done in the demo is kept for the next start.",
    )
    parser.add_argument("--port", type=int, help="port of the site (default: 5000, or a free one)")
    parser.add_argument("--reset", action="store_true", help="forget what earlier starts kept")
    parser.add_argument("--empty", action="store_true", help="a site without a city")
    parser.add_argument(
        "--today", type=_date, metavar="DATE", help="date (YYYY-MM-DD) the city's dates relate to"
    )
    parser.add_argument(
        "--inventory",
        type=_file,
        metavar="FILE",
        help="begin with a real inventory file (CSV, XLSX, ODS); one that tells states, links or dates of "
        "publication is taken over with them, after what would happen was printed",
    )
    parser.add_argument(
        "--department",
        metavar="NAME",
        help="the department that FILE belongs to; without it a column of FILE tells",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="start with fresh data, walk the main job over HTTP as three people and a visitor, "
        "say what passed, stop; the exit status tells the outcome",
    )
    parser.add_argument(
        "--ready-file",
        type=Path,
        metavar="FILE",
        help="write address and accounts to FILE as JSON once the site answers",
    )
    return parser


def check_demo(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that do not go together (ends the program with a usage message)."""
    if options.department and not options.inventory:
        parser.error("--department goes with --inventory")
    chosen = [f"--{name}" for name in ("empty", "today", "inventory") if getattr(options, name)]
    if len(chosen) > 1:
        parser.error(f"{' and '.join(chosen)} exclude each other")
    if options.check and (options.empty or options.inventory):
        parser.error("--check walks through the fictional city")


def tests() -> argparse.ArgumentParser:
    """Return the parser of ``bin/test``; what it does not know goes to pytest."""
    parser = argparse.ArgumentParser(
        prog="bin/test",
        description="Run the tests on PostgreSQL, Redis and Solr of their own. Everything else goes to pytest: "
        "bin/test -k name, bin/test tests/unit, bin/test --long (with what is too long for every push).",
        allow_abbrev=False,
    )
    parser.add_argument("--fast", action="store_true", help="only the pure tests, without services")
    parser.add_argument(
        "--workers",
        type=int,
        choices=range(1, MOST_WORKERS + 1),
        metavar="N",
        help="processes that share the tests, each with a database and an index of its own (default: "
        f"{USUAL_WORKERS} for all tests where there are as many cores, 1 for chosen ones)",
    )
    return parser


USUAL_WORKERS = 2
MOST_WORKERS = 8


def workers(options: argparse.Namespace, others: list[str]) -> int:
    """Tell how many processes share the tests.

    Whoever looks for something wants to see it happen, and pays for a second start with less than it brings.

    :param options: those of :func:`tests`
    :param others: what goes to pytest
    """
    if options.workers:
        return options.workers
    if any(not each.startswith("-") or each in ALONE for each in others):
        return 1
    return min(USUAL_WORKERS, len(os.sched_getaffinity(0)))


ALONE = ("-s", "--capture=no", "--pdb", "--trace", "--collect-only", "--co")
"""Options of pytest that need the terminal."""


def lint() -> argparse.ArgumentParser:
    """Return the parser of ``bin/lint``."""
    return argparse.ArgumentParser(
        prog="bin/lint", description="ruff (rules and format), pyright, import contracts."
    )


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-03-31") from None


def _file(text: str) -> Path:
    path = Path(text).resolve()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return path
