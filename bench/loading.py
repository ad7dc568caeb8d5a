"""The peer that people use for many datasets at once: ``ckanapi load``, against a running site."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.workers import ROOT

PROCESSES = 2


@contextmanager
def serving(ini: Path) -> Iterator[str]:
    """Run a site for as long as the block runs.

    :param ini: its configuration
    :returns: its address
    """
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.server", str(ini), str(listener.fileno()), str(port)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            # The connection waits at the socket until the site has started.
            urllib.request.urlopen(f"{url}/api/3/action/status_show", timeout=180).read()
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def load(url: str, token: str, packages: Sequence[dict[str, Any]]) -> float:
    """Load datasets with two processes.

    :param url: the site
    :param token: an API token
    :param packages: what ``package_create`` takes
    :returns: seconds
    :raises RuntimeError: if one of them wasn't made
    """
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(package) + "\n" for package in packages)
        file.flush()
        command = [
            str(Path(sys.executable).with_name("ckanapi")),
            "load",
            "datasets",
            "-I",
            file.name,
        ]
        command += ["-r", url, "-a", token, "-p", str(PROCESSES), "--create-only"]
        # Its workers are processes that it starts by name.
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
        started = time.perf_counter()
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
        )
        seconds = time.perf_counter() - started
    made = done.stderr.count(" create None ")
    if made != len(packages):
        raise RuntimeError(f"{made} of {len(packages)} were loaded: {done.stderr[-400:]}")
    return seconds
