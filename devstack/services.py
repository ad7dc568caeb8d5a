"""PostgreSQL, Redis, Solr and CKAN as child processes; needs the project's environment."""

# pyright: basic
# mirakuru's types are generic over what it leaves open.

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

import psycopg2
from mirakuru import HTTPExecutor, TCPExecutor
from mirakuru.base import Executor, SimpleExecutor
from mirakuru.exceptions import ExecutorError, ProcessFinishedWithError

from devstack import ports, system
from devstack.layout import Layout, server_account
from devstack.problem import Problem
from devstack.runs import Run
from devstack.steps import step

DATABASE = "ckan"
CORE = "ckan"
DATASTORE = "datastore"
DATASTORE_READER = "datastore_reader"
WORKER_QUEUE = "inventory:import"
SOLR_FILES = Path(__file__).parent / "solr"


@dataclass(frozen=True)
class Addresses:
    """Where the services of one run answer; the passwords in them are of that run."""

    database: str
    solr: str
    redis: str

    def environment(self) -> dict[str, str]:
        """Return the variables by which CKAN takes them over an ini file's."""
        return {
            "CKAN_SQLALCHEMY_URL": self.database,
            "CKAN_SOLR_URL": self.solr,
            "CKAN_REDIS_URL": self.redis,
        }


class Service:
    """A supervised child: started, waited for and stopped in two steps each.

    The child gets a signal from the kernel when we die without stopping it, whatever kills us.
    """

    def __init__(self, name: str, run: Run, executor: SimpleExecutor, log: IO[str]) -> None:
        self.name = name
        self._run = run
        self._executor = executor
        self._log = log

    def launch(self) -> None:
        """Start the process without waiting until it answers."""
        SimpleExecutor.start(self._executor)
        assert self._executor.process is not None
        self._run.note(self._executor.process.pid)

    def wait_until_ready(self) -> None:
        """Wait until it answers.

        :raises Problem: if it ends or does not answer in time
        """
        assert isinstance(self._executor, Executor), "it answers nothing"
        try:
            self._executor.wait_for(self._executor.check_subprocess)
        except ExecutorError:
            raise Problem(
                f"{self.name} did not start.{_last_line(Path(self._log.name))}",
                f"See {self._log.name}, then run this again; --reset begins with empty data.",
            ) from None

    def running(self) -> bool:
        """Tell whether the process is still there."""
        return self._executor.running()

    def stop(self) -> None:
        """Stop the process and wait for its end; how it ended is in its log."""
        with contextlib.suppress(ProcessFinishedWithError):
            self._executor.stop()
        self._log.close()


class _Postgres(Executor):
    """Answers when it lets us in, which is later than when its port opens."""

    def __init__(self, address: str, command: list[str], **kwargs: Any) -> None:
        super().__init__(command, **kwargs)
        self._address = address

    def pre_start_check(self) -> bool:
        return False

    def after_start_check(self) -> bool:
        try:
            psycopg2.connect(self._address).close()
        except psycopg2.OperationalError:
            return False
        return True


class Stack:
    """The services of one run; leave it and they are stopped in the opposite order.

    :param places: how many sites find room in them, each with a database and an index of its own
    """

    def __init__(self, layout: Layout, run: Run, places: int = 1) -> None:
        self._layout = layout
        self._run = run
        self._exit = contextlib.ExitStack()
        postgres, redis, solr = ports.choose(3)
        self._ports = {"postgres": postgres, "redis": redis, "solr": solr}
        self._password = _kept_secret(run.folder / "password")
        self.places = [
            Addresses(
                database=f"postgresql://{DATABASE}:{self._password}@{ports.HOST}:{postgres}/"
                f"{_of_place(DATABASE, place)}",
                solr=f"http://{ports.HOST}:{solr}/solr/{_of_place(CORE, place)}",
                redis=f"redis://:{self._password}@{ports.HOST}:{redis}/{place}",
            )
            for place in range(places)
        ]
        self.addresses = self.places[0]

    @contextlib.contextmanager
    def started(self, text: str = "Starting PostgreSQL, Redis and Solr") -> Iterator[Addresses]:
        """Run the three services for as long as the block runs."""
        with self._exit:
            with step(text):
                slow = self._solr()
                slow.launch()
                self._start_postgres()
                redis = self._redis()
                redis.launch()
                redis.wait_until_ready()
                slow.wait_until_ready()
            yield self.addresses

    def add_datastores(self) -> list[dict[str, str]]:
        """Make a data store beside each of CKAN's databases, with the read-only role that it wants.

        :returns: for each place the variables by which CKAN's ``datastore`` plugin finds its own
        """
        server = f"{ports.HOST}:{self._ports['postgres']}"
        found: list[dict[str, str]] = []
        with _superuser(f"postgresql://postgres:{self._password}@{server}/postgres") as execute:
            execute(f"CREATE ROLE {DATASTORE_READER} LOGIN PASSWORD %s", (self._password,))
            for place in range(len(self.places)):
                name = _of_place(DATASTORE, place)
                execute(f"CREATE DATABASE {name} OWNER {DATABASE} ENCODING 'UTF8'")
        for place in range(len(self.places)):
            name = _of_place(DATASTORE, place)
            with _superuser(f"postgresql://postgres:{self._password}@{server}/{name}") as execute:
                execute(_datastore_permissions(place))
            found.append(
                {
                    f"CKAN_DATASTORE_{door}_URL": f"postgresql://{role}:{self._password}@{server}/{name}"
                    for door, role in (("WRITE", DATABASE), ("READ", DATASTORE_READER))
                }
            )
        return found

    def ckan(self, ini: Path, port: int) -> Service:
        """Serve CKAN until the block of :meth:`started` is left.

        :param ini: its configuration
        :param port: the port it gets
        """
        service = self._service(
            "CKAN",
            lambda log: HTTPExecutor(
                self._ckan(
                    ini, "run", "--host", ports.HOST, "--port", str(port), "--disable-reloader"
                ),
                url=f"http://{ports.HOST}:{port}/api/3/action/status_show",
                method="GET",
                cwd=str(self._layout.root),
                timeout=90,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ),
        )
        service.launch()
        service.wait_until_ready()
        return service

    def worker(self, ini: Path) -> Service:
        """Run CKAN's worker for large spreadsheets until the block of :meth:`started` is left.

        :param ini: CKAN's configuration
        """
        service = self._service(
            "CKAN's worker",
            lambda log: SimpleExecutor(
                self._ckan(ini, "jobs", "worker", WORKER_QUEUE),
                cwd=str(self._layout.root),
                expected_returncode=0,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ),
        )
        service.launch()
        return service

    def _ckan(self, ini: Path, *arguments: str) -> list[str]:
        program = str(self._layout.venv / "bin" / "ckan")
        return _dying_with_us(program, "--config", str(ini), *arguments)

    def _service(self, name: str, make: Callable[[IO[str]], SimpleExecutor]) -> Service:
        log = (self._run.logs / f"{name.split()[-1].lower()}.log").open("w")
        service = Service(name, self._run, make(log), log)
        self._exit.callback(service.stop)
        return service

    def _start_postgres(self) -> None:
        programs = system.Machine().postgres_programs()
        assert programs is not None, "the system's packages were checked"
        account = server_account()
        data = self._run.postgres
        version = data / "PG_VERSION"
        if not version.exists():
            self._make_cluster(programs, account)
        elif version.read_text().strip() != programs.parent.name:
            raise Problem(
                f"The data were made by PostgreSQL {version.read_text().strip()}, and this is {programs.parent.name}.",
                "Run it once with --reset to begin with empty data.",
            )
        port = self._ports["postgres"]
        server = f"postgresql://postgres:{self._password}@{ports.HOST}:{port}/postgres"
        service = self._service(
            "PostgreSQL",
            lambda log: _Postgres(
                server,
                _dying_with_us(
                    str(programs / "postgres"),
                    "-D",
                    str(data),
                    "-p",
                    str(port),
                    # Throw-away data: nothing has to survive a crash of the machine.
                    *_settings(fsync="off", synchronous_commit="off", full_page_writes="off"),
                    *_settings(listen_addresses=ports.HOST, unix_socket_directories=""),
                    *_settings(max_connections="200", logging_collector="off"),
                    account=account,
                    death=signal.SIGINT,
                ),
                cwd="/",
                timeout=60,
                stop_signal=signal.SIGINT,
                expected_returncode=0,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ),
        )
        service.launch()
        service.wait_until_ready()
        _make_databases(server, self._password, len(self.places))

    def _make_cluster(self, programs: Path, account: pwd.struct_passwd) -> None:
        data = self._run.postgres
        shutil.rmtree(data, ignore_errors=True)
        data.parent.mkdir(exist_ok=True)
        data.parent.chmod(0o755)
        data.mkdir(mode=0o700)
        password = data.parent / "postgres-password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        if os.geteuid() == 0:
            os.chown(data, account.pw_uid, account.pw_gid)
            os.chown(password, account.pw_uid, account.pw_gid)
        done = subprocess.run(
            [
                *_as_account(account),
                str(programs / "initdb"),
                f"--pgdata={data}",
                "--username=postgres",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        password.unlink()
        if done.returncode:
            raise Problem(
                f"PostgreSQL could not make its data folder {data} ({done.stderr.strip()[-200:]}).",
                "Check the disk and the folder's owner, then run this again.",
            )

    def _redis(self) -> Service:
        folder = self._run.folder / "redis"
        folder.mkdir(exist_ok=True)
        settings = folder / "redis.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            f"port {self._ports['redis']}\nbind {ports.HOST}\nrequirepass {self._password}\n"
            f'save ""\nappendonly no\ndir {folder}\n'
        )
        return self._service(
            "Redis",
            lambda log: TCPExecutor(
                _dying_with_us("redis-server", str(settings)),
                host=ports.HOST,
                port=self._ports["redis"],
                timeout=30,
                expected_returncode=0,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ),
        )

    def _solr(self) -> Service:
        home = self._run.folder / "solr"
        self._make_solr_home(home)
        port = self._ports["solr"]
        return self._service(
            "Solr",
            lambda log: HTTPExecutor(
                _dying_with_us(
                    "java",
                    "-Xms256m",
                    "-Xmx512m",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    f"-Dsolr.solr.home={home}",
                    f"-Dsolr.log.dir={self._run.logs}",
                    f"-Djetty.port={port}",
                    "-Ddisable.v2.api=true",
                    f"-Dlog4j2.configurationFile={SOLR_FILES / 'log4j2.xml'}",
                    "-cp",
                    f"{self._layout.solr / 'target' / 'lib'}/*",
                    "org.eclipse.jetty.xml.XmlConfiguration",
                    str(SOLR_FILES / "solr-jetty.xml"),
                ),
                # The port opens before the core is loaded, so a search is what counts.
                url=f"{self.addresses.solr}/select?q=*:*&rows=0",
                method="GET",
                timeout=120,
                expected_returncode=143,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ),
        )

    def _make_solr_home(self, home: Path) -> None:
        """Write the core's settings anew at each start: the schema is that of the installed CKAN."""
        conf = home / "configsets" / "ckan" / "conf"
        conf.mkdir(parents=True, exist_ok=True)
        (home / "solr.xml").write_text('<?xml version="1.0" encoding="UTF-8"?>\n<solr/>\n')
        shutil.copy(SOLR_FILES / "solrconfig.xml", conf)
        for empty in ("protwords.txt", "synonyms.txt"):
            (conf / empty).touch()
        import ckan

        shutil.copy(Path(ckan.__file__).parent / "config" / "solr" / "schema.xml", conf)
        for place in range(len(self.places)):
            name = _of_place(CORE, place)
            core = home / "cores" / name
            core.mkdir(parents=True, exist_ok=True)
            (core / "core.properties").write_text(f"name={name}\nconfigSet=ckan\n")


def _settings(**settings: str) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _as_account(account: pwd.struct_passwd) -> list[str]:
    if os.geteuid() != 0 or account.pw_uid == 0:
        return []
    return [
        "setpriv",
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--init-groups",
    ]


def _dying_with_us(
    *command: str,
    account: pwd.struct_passwd | None = None,
    death: signal.Signals = signal.SIGTERM,
) -> list[str]:
    prefix = _as_account(account) if account else []
    return [*(prefix or ["setpriv"]), "--pdeathsig", death.name.removeprefix("SIG"), *command]


@contextlib.contextmanager
def _superuser(address: str) -> Iterator[Callable[..., bool]]:
    """Give a function that runs a statement and tells whether it has a result row."""
    connection = psycopg2.connect(address)
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:

        def execute(statement: str, values: tuple[str, ...] | None = None) -> bool:
            cursor.execute(statement, values)
            return cursor.description is not None and cursor.fetchone() is not None

        yield execute


def _of_place(name: str, place: int) -> str:
    """Return the name that something has in a place; the first keeps the plain one."""
    return f"{name}_{place + 1}" if place else name


def _make_databases(server: str, password: str, places: int) -> None:
    with _superuser(server) as execute:
        if not execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (DATABASE,)):
            execute(f"CREATE ROLE {DATABASE} LOGIN CREATEDB PASSWORD %s", (password,))
        for place in range(places):
            name = _of_place(DATABASE, place)
            if not execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)):
                execute(f"CREATE DATABASE {name} OWNER {DATABASE} ENCODING 'UTF8'")


def _datastore_permissions(place: int) -> str:
    """Return the plugin's own SQL for our names, without its lines for ``psql``."""
    template = (files("ckanext.datastore") / "set_permissions.sql").read_text()
    sql = template.format(
        maindb=_of_place(DATABASE, place),
        datastoredb=_of_place(DATASTORE, place),
        mainuser=DATABASE,
        writeuser=DATABASE,
        readuser=DATASTORE_READER,
    )
    return "\n".join(line for line in sql.splitlines() if not line.startswith("\\"))


def _kept_secret(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f" It said: {lines[-1][:200]}" if lines else ""
