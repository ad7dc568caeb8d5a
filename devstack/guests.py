"""All tests, on services of their own."""

from __future__ import annotations

import os
import signal
import subprocess

from devstack import runs
from devstack.layout import Layout
from devstack.services import Stack
from devstack.steps import say


def run_tests(layout: Layout, arguments: list[str]) -> int:
    """Run pytest on fresh PostgreSQL, Redis and Solr; its last line is ours.

    :param arguments: arguments for pytest
    :returns: pytest's exit status
    """
    with runs.hold(layout, "test", several=True) as run:
        run.forget_data()
        stack = Stack(layout, run)
        if run.postgres.parent.parent != layout.runs:
            say(f"  PostgreSQL's data lies in {run.postgres.parent.parent}")
        with stack.started() as addresses:
            environment = {
                **os.environ,
                **addresses.environment(),
                "CKAN_STORAGE_PATH": str(run.folder / "storage"),
            }
            # Ctrl-C reaches pytest too, which ends with its summary; we wait for it.
            signal.signal(signal.SIGINT, lambda signum, frame: None)
            command = ["setpriv", "--pdeathsig", "TERM", str(layout.python), "-m", "pytest"]
            return subprocess.run(
                [*command, "--ckan-ini=test.ini", *arguments],
                cwd=layout.root,
                env=environment,
                check=False,
            ).returncode
