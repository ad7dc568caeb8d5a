"""Two CKAN processes over one database, one with the extension and one without, taking turns."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = {"ours": "inventory scheming_datasets activity", "peer": "scheming_datasets activity"}
SCHEMAS = {
    "ours": "ckanext.scheming:ckan_dataset.yaml "
    "ckanext.inventory:schemas/inventory_entry.yaml ckanext.inventory:schemas/inventory_source.yaml",
    "peer": "ckanext.scheming:ckan_dataset.yaml bench:peer_schema.yaml",
}
PRESETS = {
    "ours": "ckanext.scheming:presets.json ckanext.inventory:schemas/presets.yaml",
    "peer": "ckanext.scheming:presets.json",
}

INI = """\
[app:main]
use = egg:ckan
debug = false
SECRET_KEY = bench-only-secret-of-a-throw-away-database
sqlalchemy.url = {database}
solr_url = {solr}
ckan.redis.url = {redis}
ckan.site_id = bench
ckan.site_url = http://bench.example
ckan.plugins = {plugins}
ckan.storage_path = {storage}
ckan.auth.create_unowned_dataset = false
scheming.dataset_schemas = {schemas}
scheming.presets = {presets}
ckanext.inventory.harvest.allowed_hosts = 127.0.0.1
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = ERROR
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(levelname)s [%(name)s] %(message)s
"""


class WorkerError(RuntimeError):
    """A job failed in the other process; its traceback is on standard error."""


class Worker:
    """One CKAN process that carries out jobs by name.

    :param name: ``ours`` or ``peer``
    :param folder: where its configuration is written
    :param plugins: more plugins than the usual ones
    """

    def __init__(self, name: str, folder: Path, plugins: str = "") -> None:
        self.ini = ini = folder / f"{name}.ini"
        ini.write_text(
            INI.format(
                database=os.environ["CKAN_SQLALCHEMY_URL"],
                solr=os.environ["CKAN_SOLR_URL"],
                redis=os.environ["CKAN_REDIS_URL"],
                storage=folder / "storage",
                plugins=f"{PLUGINS[name]} {plugins}",
                schemas=SCHEMAS[name],
                presets=PRESETS[name],
            )
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", str(ini)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, job: str, **params: Any) -> Any:
        """Carry out a job and return what it returns.

        :param job: name of a function of :mod:`bench.jobs`
        :param params: its arguments, as JSON takes them
        :raises WorkerError: if it failed
        """
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([job, params]) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"{job}: the process ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{job}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(timeout=30)


class Pair:
    """Both processes.

    :param ours: with the extension
    :param peer: without
    """

    def __init__(self, ours: Worker, peer: Worker) -> None:
        self.ours = ours
        self.peer = peer

    def __enter__(self) -> Pair:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ours.close()
        self.peer.close()


@contextmanager
def pair(plugins: Mapping[str, str] | None = None) -> Iterator[Pair]:
    """Start both processes for as long as the block runs.

    :param plugins: more plugins than the usual ones, for ``ours`` and ``peer``
    """
    more = plugins or {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Pair(*(Worker(name, folder, more.get(name, "")) for name in PLUGINS)) as both:
            yield both
