"""``bin/demo``: a site with a city's inventory, served until Ctrl-C."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from devstack import check, older, ports, runs
from devstack.accounts import Account
from devstack.client import Client
from devstack.layout import Layout
from devstack.problem import Problem
from devstack.runs import Run
from devstack.serve import Site
from devstack.services import Service, Stack
from devstack.steps import say, step

USUAL_PORT = 5000
TITLE = "Open data portal (demo)"


def run_demo(layout: Layout, options: argparse.Namespace) -> int:
    """Start the site that the options ask for, serve it or check it, and stop everything.

    :param options: as :func:`devstack.arguments.demo` parses them
    :returns: the exit status
    """
    port, remark = ports.for_people(options.port, USUAL_PORT)
    with runs.hold(layout, _kind(options), several=True) as run:
        accounts_file = run.folder / "accounts.json"
        if options.reset or options.check or not accounts_file.exists():
            run.forget_data()
        say(f"Files are in {run.folder.relative_to(layout.root)}")
        if run.postgres.parent.parent != layout.runs:
            say(
                f"PostgreSQL's data is in {run.postgres.parent} (the project's folder is closed to it)"
            )
        if remark:
            say(remark)
        stack = Stack(layout, run)
        with stack.started() as addresses:
            site = Site(layout, run, addresses, port, TITLE)
            site.configure()
            site.migrate()
            if not accounts_file.exists():
                _store(accounts_file, _first_data(site, options))
            accounts = [Account(**account) for account in json.loads(accounts_file.read_text())]
            with step("Starting CKAN"):
                served = [stack.ckan(site.ini, port), stack.worker(site.ini)]
            if options.inventory and not (run.folder / "imported").exists():
                administrator = Client(site.url, accounts[0].token)
                people = older.load(site.url, administrator, options.inventory, options.department)
                accounts = [*accounts, *people]
                _store(accounts_file, accounts)
                (run.folder / "imported").touch()
            if options.ready_file:
                _write_ready_file(options.ready_file, site.url, accounts)
            if options.check:
                return check.walk(site.url, [asdict(account) for account in accounts])
            _announce(site.url, accounts, run)
            try:
                return _serve(served, run)
            except KeyboardInterrupt:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                say("\nStopping ...")
                return 0


def _kind(options: argparse.Namespace) -> str:
    """Give each kind of demo data of its own, so that trying one never costs another's."""
    if options.check:
        return "check"
    if options.empty:
        return "demo-empty"
    if options.today:
        return f"demo-{options.today}"
    if options.inventory:
        name = options.department or ""
        digest = hashlib.sha256(options.inventory.read_bytes() + name.encode())
        return f"demo-file-{digest.hexdigest()[:8]}"
    return "demo"


def _first_data(site: Site, options: argparse.Namespace) -> list[Account]:
    if options.empty or options.inventory:
        with step("Making the administrator's account"):
            return [_administrator(site)]
    arguments = ["inventory", "demo", "load", "--json"]
    if options.today:
        arguments += ["--today", options.today.isoformat()]
    with step("Loading the fictional city"):
        answer = json.loads(site.command(*arguments))
    return [Account(**account) for account in answer["accounts"]]


def _administrator(site: Site) -> Account:
    password = secrets.token_urlsafe(9)
    site.command("user", "add", "admin", "email=admin@example.org", f"password={password}")
    site.command("sysadmin", "add", "admin")
    token = site.command("user", "token", "add", "admin", "demo").split()[-1]
    return Account("admin", [], "admin", password, token)


def _store(file: Path, accounts: list[Account]) -> None:
    _write_private(file, [asdict(account) for account in accounts])


def _write_ready_file(file: Path, url: str, accounts: list[Account]) -> None:
    try:
        _write_private(file, {"url": url, "accounts": [asdict(account) for account in accounts]})
    except OSError as error:
        raise Problem(
            f"{file} cannot be written ({error.strerror}).", "Name another --ready-file."
        ) from None


def _write_private(file: Path, content: Any) -> None:
    """Write JSON for the owner's eyes, whole or not at all: whoever waits for it may read it at once."""
    part = file.with_name(f".{file.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump(content, opened, indent=2)
    part.replace(file)


def _announce(url: str, accounts: list[Account], run: Run) -> None:
    rows = [(a.role, ", ".join(a.departments) or "-", a.name, a.password) for a in accounts]
    table = [("role", "departments", "name", "password"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    say(f"\nThe portal is at {url}/ and the inventory at {url}/inventory/\n")
    for row in table:
        say(
            "  "
            + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )
    say(f"\nLogs: {run.logs}. Ctrl-C stops everything.")


def _serve(served: Sequence[Service], run: Run) -> int:
    while True:
        for service in served:
            if not service.running():
                raise Problem(
                    f"{service.name} ended by itself.", f"See {run.logs}, then start again."
                )
        time.sleep(0.5)
