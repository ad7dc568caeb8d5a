"""One folder per running command, so that a demo and two test runs of one checkout do not meet.

A folder is held by a lock that the system releases when its holder dies, however it dies. The services
of a killed holder get a signal from the system (``--pdeathsig``, see :mod:`devstack.services`); those
that have not ended yet are waited for here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devstack.layout import Layout
from devstack.problem import Problem

PATIENCE_SECONDS = 20
MOST_AT_ONCE = 8


@dataclass(frozen=True)
class Run:
    """The folders of one running command.

    :param name: ``demo``, ``test``, ``test-2``, …
    :param folder: its files
    :param postgres: PostgreSQL's data folder; may lie elsewhere
    """

    name: str
    folder: Path
    postgres: Path

    @property
    def logs(self) -> Path:
        """The logs of its services."""
        return self.folder / "logs"

    @property
    def pids(self) -> Path:
        """The services that were started, one ``pid start-time`` a line."""
        return self.folder / "pids"

    def note(self, pid: int) -> None:
        """Remember a started process, so that the next start can wait for its end."""
        with self.pids.open("a") as file:
            file.write(f"{pid} {started(pid)}\n")

    def forget_data(self) -> None:
        """Remove everything that earlier runs left, logs excepted."""
        shutil.rmtree(self.postgres, ignore_errors=True)
        for item in self.folder.iterdir():
            if item.name in {"logs", "lock"}:
                continue
            if item.is_dir():
                shutil.rmtree(item)
            else:
                item.unlink()


@contextlib.contextmanager
def hold(layout: Layout, kind: str, *, several: bool) -> Iterator[Run]:
    """Take a run's folder for as long as the block runs.

    :param kind: the command
    :param several: whether a second one beside the first gets a folder of its own
    :raises Problem: if the folder, or every folder, is taken
    """
    for number in range(1, MOST_AT_ONCE + 1):
        name = kind if number == 1 else f"{kind}-{number}"
        folder = layout.runs / name
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if several:
                    continue
                raise Problem(
                    "The same demo is already running from this checkout.",
                    "Stop it with Ctrl-C in its terminal, or start another kind beside it.",
                ) from None
            run = Run(name, folder, layout.postgres_home() / name / "postgres")
            run.logs.mkdir(exist_ok=True)
            end_leftovers(run)
            yield run
            return
    raise Problem(
        f"{MOST_AT_ONCE} of these are already running from this checkout.",
        "Wait until one of them has ended.",
    )


def started(pid: int) -> str | None:
    """Return when a process started, in the kernel's ticks; None if there is none.

    Together with the number it names one process for good: numbers are used again.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def end_leftovers(run: Run) -> None:
    """End the services of a holder that was killed: ask, wait, and only then kill."""
    if not run.pids.exists():
        return
    noted = [line.split() for line in run.pids.read_text().splitlines()]
    left = [(int(pid), start) for pid, start in noted]
    for signum, seconds in ((signal.SIGINT, PATIENCE_SECONDS), (signal.SIGKILL, 5)):
        left = [(pid, start) for pid, start in left if started(pid) == start]
        for pid, _ in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
        end = time.monotonic() + seconds
        while any(started(pid) == start for pid, start in left) and time.monotonic() < end:
            time.sleep(0.1)
    run.pids.unlink()
