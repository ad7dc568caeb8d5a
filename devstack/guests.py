"""Programs that run on services of their own and bring their own output: the tests, the benchmarks."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Mapping

from devstack import runs
from devstack.layout import Layout
from devstack.services import Stack
from devstack.steps import say

PLACES = "INVENTORY_TEST_PLACES"
"""Names the services of each worker to the tests: a list of variables for each, as JSON."""


def run_tests(layout: Layout, arguments: list[str], workers: int) -> int:
    """Run pytest; its last line is ours.

    :param arguments: arguments for pytest
    :param workers: how many processes share the tests
    :returns: pytest's exit status
    """
    shared = [f"--numprocesses={workers}"] if workers > 1 else []
    module = ["pytest", "--ckan-ini=test.ini", *shared, *arguments]
    return _run(layout, "test", module, places=workers, datastore=True)


def run_bench(layout: Layout, arguments: list[str]) -> int:
    """Run the benchmarks.

    :param arguments: arguments for ``python -m bench``
    :returns: its exit status
    """
    # The word says that the database may be emptied: it is of this run and nobody else's.
    permission = {"INVENTORY_BENCH": "empty-this-database"}
    return _run(layout, "bench", ["bench", *arguments], variables=permission)


def _run(
    layout: Layout,
    kind: str,
    module: list[str],
    *,
    places: int = 1,
    datastore: bool = False,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run a module on fresh PostgreSQL, Redis and Solr.

    :param kind: the run's name
    :param module: what follows ``python -m``
    :param places: how many sites it makes there at the same time
    :param datastore: whether it wants a data store beside CKAN's database
    :param variables: environment variables for it
    :returns: its exit status
    """
    with runs.hold(layout, kind, several=True) as run:
        run.forget_data()
        if run.postgres.parent.parent != layout.runs:
            say(f"  PostgreSQL's data lies in {run.postgres.parent.parent}")
        stack = Stack(layout, run, places)
        with stack.started():
            found = [addresses.environment() for addresses in stack.places]
            for number, place in enumerate(found, 1):
                place["CKAN_STORAGE_PATH"] = str(run.folder / f"storage-{number}")
            if datastore:
                for place, more in zip(found, stack.add_datastores(), strict=True):
                    place.update(more)
            environment = {**os.environ, **found[0], **(variables or {})}
            if places > 1:
                environment[PLACES] = json.dumps(found)
                # One for all workers, or a set's members have another order in each, and so the tests.
                environment.setdefault("PYTHONHASHSEED", str(secrets.randbelow(2**32)))
            # Ctrl-C reaches the program, too, which ends in its own way; we wait for it.
            signal.signal(signal.SIGINT, lambda signum, frame: None)
            return subprocess.run(
                ["setpriv", "--pdeathsig", "TERM", str(layout.python), "-m", *module],
                cwd=layout.root,
                env=environment,
                check=False,
            ).returncode
