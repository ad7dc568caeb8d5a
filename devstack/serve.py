"""One CKAN site on a run's services: its configuration, its database and its command line."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import secrets
import subprocess
from pathlib import Path

from devstack.layout import Layout
from devstack.ports import HOST
from devstack.problem import Problem
from devstack.runs import Run
from devstack.services import Addresses
from devstack.steps import step

INI = """\
# Written at each start; change devstack/serve.py instead.

[app:main]
use = egg:ckan
debug = false

SECRET_KEY = {secret}

sqlalchemy.url = {database}
solr_url = {solr}
ckan.redis.url = {redis}

ckan.site_id = inventory-{name}
ckan.site_url = {url}
ckan.site_title = {title}
ckan.storage_path = {storage}
extra_template_paths = {templates}
ckan.plugins = inventory scheming_datasets activity text_view
ckan.views.default_views =

scheming.dataset_schemas =
    ckanext.scheming:ckan_dataset.yaml
    ckanext.inventory:schemas/inventory_entry.yaml
    ckanext.inventory:schemas/inventory_source.yaml
scheming.presets =
    ckanext.scheming:presets.json
    ckanext.inventory:schemas/presets.yaml

# a demo asks nobody outside for pictures of its invented people
ckan.gravatar_default = disabled

ckan.auth.create_unowned_dataset = false
ckan.auth.create_user_via_web = false
ckan.auth.user_create_organizations = false

[loggers]
keys = root

[handlers]
keys = console

[formatters]
keys = plain

[logger_root]
level = WARNING
handlers = console

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = plain

[formatter_plain]
format = %(asctime)s %(levelname)-7s [%(name)s] %(message)s
"""


class Site:
    """CKAN with the extension, configured for one run.

    :param port: the port that people use
    :param title: the name on its pages
    """

    def __init__(
        self, layout: Layout, run: Run, addresses: Addresses, port: int, title: str
    ) -> None:
        self._layout = layout
        self._run = run
        self._addresses = addresses
        self._title = title
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.ini = run.folder / "ckan.ini"

    def configure(self) -> None:
        """Write the configuration for the ports of this start."""
        storage = self._run.folder / "storage"
        storage.mkdir(exist_ok=True)
        self.ini.touch(mode=0o600)
        self.ini.write_text(
            INI.format(
                secret=self._secret(),
                database=_escaped(self._addresses.database),
                solr=self._addresses.solr,
                redis=_escaped(self._addresses.redis),
                name=self._run.name,
                url=self.url,
                title=self._title,
                storage=storage,
                templates=Path(__file__).parent / "templates",
            )
        )

    def migrate(self) -> None:
        """Bring the database to the newest state, when there is a newer one than it is in.

        :raises Problem: if a migration fails
        """
        stamp = self._run.folder / "migrated"
        wanted = self._migrations()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        with step("Preparing CKAN's database"):
            self.command("db", "init")
            self.command("db", "upgrade")
        stamp.write_text(wanted)

    def command(self, *arguments: str) -> str:
        """Run one command of CKAN's command line.

        :returns: what it printed to its standard output
        :raises Problem: if its status is not 0
        """
        log = self._run.logs / "commands.log"
        with log.open("a") as file:
            file.write(f"$ ckan {' '.join(arguments)}\n")
            file.flush()
            done = subprocess.run(
                [str(self._layout.venv / "bin" / "ckan"), "--config", str(self.ini), *arguments],
                stdout=subprocess.PIPE,
                stderr=file,
                stdin=subprocess.DEVNULL,
                text=True,
                check=False,
                env={**os.environ, "NO_COLOR": "1"},
            )
            file.write(done.stdout)
        if done.returncode:
            said = [line.strip() for line in log.read_text().splitlines() if line.strip()]
            raise Problem(
                f"'ckan {' '.join(arguments[:3])}' failed: {said[-1][:200]}",
                f"See {log}; --reset begins with empty data.",
            )
        return done.stdout

    def _secret(self) -> str:
        """Keep the secret from start to start, or tokens and logins would end with each."""
        file = self._run.folder / "secret"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(32))
        return file.read_text()

    def _migrations(self) -> str:
        versions = sorted((self._layout.root / "ckanext").rglob("migration/**/versions/*.py"))
        digest = hashlib.sha256(importlib.metadata.version("ckan").encode())
        for file in versions:
            digest.update(file.read_bytes())
        return digest.hexdigest()


def _escaped(value: str) -> str:
    """Per cent signs have a meaning in ini files."""
    return value.replace("%", "%%")
