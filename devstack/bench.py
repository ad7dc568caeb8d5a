"""Comparisons with plain CKAN, on services of their own."""

from __future__ import annotations

import os
import signal
import subprocess

from devstack import runs
from devstack.layout import Layout
from devstack.services import Stack


def run_bench(layout: Layout, arguments: list[str]) -> int:
    """Run the benchmarks on fresh PostgreSQL, Redis and Solr.

    :param arguments: arguments for ``python -m bench``
    :returns: its exit status
    """
    with runs.hold(layout, "bench", several=True) as run:
        run.forget_data()
        with Stack(layout, run).started() as addresses:
            environment = {
                **os.environ,
                **addresses.environment(),
                "PYTHONPATH": str(layout.root),
                # The database is of this run and nobody else's.
                "INVENTORY_BENCH": "empty-this-database",
            }
            signal.signal(signal.SIGINT, lambda signum, frame: None)
            command = ["setpriv", "--pdeathsig", "TERM", str(layout.python), "-m", "bench"]
            return subprocess.run(
                [*command, *arguments], cwd=layout.root, env=environment, check=False
            ).returncode
