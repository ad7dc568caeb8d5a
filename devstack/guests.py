"""Programs that run on services of their own and bring their own output: the tests, the benchmarks."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping

from devstack import runs
from devstack.layout import Layout
from devstack.services import Stack
from devstack.steps import say


def run_tests(layout: Layout, arguments: list[str]) -> int:
    """Run pytest; its last line is ours.

    :param arguments: arguments for pytest
    :returns: pytest's exit status
    """
    return _run(layout, "test", ["pytest", "--ckan-ini=test.ini", *arguments], datastore=True)


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
    datastore: bool = False,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run a module on fresh PostgreSQL, Redis and Solr.

    :param kind: the run's name
    :param module: what follows ``python -m``
    :param datastore: whether it wants a data store beside CKAN's database
    :param variables: environment variables for it
    :returns: its exit status
    """
    with runs.hold(layout, kind, several=True) as run:
        run.forget_data()
        if run.postgres.parent.parent != layout.runs:
            say(f"  PostgreSQL's data lies in {run.postgres.parent.parent}")
        stack = Stack(layout, run)
        with stack.started() as addresses:
            environment = {
                **os.environ,
                **addresses.environment(),
                **(stack.add_datastore() if datastore else {}),
                **(variables or {}),
                "CKAN_STORAGE_PATH": str(run.folder / "storage"),
            }
            # Ctrl-C reaches the program, too, which ends in its own way; we wait for it.
            signal.signal(signal.SIGINT, lambda signum, frame: None)
            return subprocess.run(
                ["setpriv", "--pdeathsig", "TERM", str(layout.python), "-m", *module],
                cwd=layout.root,
                env=environment,
                check=False,
            ).returncode
