"""The system's packages: which are missing, and how they get here without a service being started."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.problem import Problem
from devstack.steps import say, step

OLDEST_PYTHON = (3, 10)
OLDEST_JAVA = 11
FIRST_INSTALL_BYTES = 2_500_000_000
"""What environment, jars, caches and two data folders take, with some air."""

POLICY = Path("/usr/sbin/policy-rc.d")
CLUSTER_SETTINGS = Path("/etc/postgresql-common/createcluster.conf")


class Machine:
    """What the checks ask of the machine; tests replace it."""

    def python(self) -> tuple[int, int]:
        """Return the version of the running Python."""
        return sys.version_info[:2]

    def is_root(self) -> bool:
        """Tell whether we run as root."""
        return os.geteuid() == 0

    def is_terminal(self) -> bool:
        """Tell whether somebody can be asked for a password."""
        return sys.stdin is not None and sys.stdin.isatty()

    def which(self, program: str) -> str | None:
        """Return a program's path."""
        return shutil.which(program)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end and return its output and status."""
        return subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    def free_bytes(self, folder: Path) -> int:
        """Return the free space below a folder, in bytes."""
        return shutil.disk_usage(folder).free

    def postgres_programs(self) -> Path | None:
        """Return the folder of the newest PostgreSQL server's programs."""
        found = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
        if found:
            return max(found, key=lambda p: float(p.parent.name))
        on_path = self.which("initdb")
        return Path(on_path).resolve().parent if on_path else None

    def java_version(self) -> int | None:
        """Return the major version of the ``java`` on the path."""
        if not self.which("java"):
            return None
        answer = self.run("java", "-version")
        match = re.search(r'version "(\d+)(?:\.(\d+))?', answer.stderr + answer.stdout)
        if not match:
            return None
        major = int(match[1])
        return int(match[2]) if major == 1 and match[2] else major

    def has_python_headers(self) -> bool:
        """Tell whether modules written in C can be compiled for the running Python."""
        return Path(sysconfig.get_paths()["include"], "Python.h").is_file()

    def has_file(self, path: str) -> bool:
        """Tell whether there is a file."""
        return Path(path).is_file()

    def has_venv(self) -> bool:
        """Tell whether ``python -m venv`` works; Debian splits it off."""
        return importlib.util.find_spec("ensurepip") is not None

    def has_library(self, name: str) -> bool:
        """Tell whether the dynamic linker finds a library."""
        return ctypes.util.find_library(name) is not None

    def system(self) -> dict[str, str]:
        """Return the fields of ``/etc/os-release``."""
        try:
            lines = Path("/etc/os-release").read_text().splitlines()
        except OSError:
            return {}
        pairs = (line.split("=", 1) for line in lines if "=" in line)
        return {key: value.strip('"') for key, value in pairs}


@dataclass(frozen=True)
class Need:
    """Something the system has to bring.

    :param what: its name for people
    :param packages: Debian packages that bring it, the first that apt knows is taken
    :param present: whether it is there
    """

    what: str
    packages: tuple[str, ...]
    present: Callable[[Machine], bool]


BUILD = (
    Need("venv", ("python3-venv",), lambda m: m.has_venv()),
    Need("a C compiler", ("gcc",), lambda m: bool(m.which("gcc"))),
    Need("the C library's headers", ("libc6-dev",), lambda m: m.has_file("/usr/include/stdio.h")),
    Need("Python's headers", ("python3-dev",), lambda m: m.has_python_headers()),
    Need("PostgreSQL's client headers", ("libpq-dev",), lambda m: bool(m.which("pg_config"))),
    Need("libmagic", ("libmagic1", "libmagic1t64"), lambda m: m.has_library("magic")),
)
"""What installing and importing CKAN takes."""

SERVICES = (
    Need(
        "PostgreSQL",
        ("postgresql-17", "postgresql-16", "postgresql-15", "postgresql-14"),
        lambda m: m.postgres_programs() is not None,
    ),
    Need("Redis", ("redis-server",), lambda m: bool(m.which("redis-server"))),
    Need(
        f"Java {OLDEST_JAVA} or later",
        ("openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless"),
        lambda m: (m.java_version() or 0) >= OLDEST_JAVA,
    ),
    Need("Maven", ("maven",), lambda m: bool(m.which("mvn"))),
)
"""What the local services take."""

BROWSER = Need("Chromium", ("chromium",), lambda m: bool(m.which("chromium")))
"""For the browser tests, which skip without it. Ubuntu's package only installs a snap, so it is not tried there."""


def check_python(machine: Machine) -> None:
    """Refuse a Python that CKAN does not run on.

    :raises Problem: for one older than 3.10
    """
    if machine.python() < OLDEST_PYTHON:
        have = ".".join(map(str, machine.python()))
        raise Problem(
            f"Python {'.'.join(map(str, OLDEST_PYTHON))} or later is needed; python3 is {have} here.",
            "Use Debian 12, Ubuntu 22.04 or later, or put a newer python3 first on the path.",
        )


def check_disk(machine: Machine, folder: Path) -> None:
    """Refuse to begin a first installation that would fill the disk.

    :raises Problem: if there is too little space below the folder
    """
    free = machine.free_bytes(folder)
    if free < FIRST_INSTALL_BYTES:
        raise Problem(
            f"The first start needs {FIRST_INSTALL_BYTES / 1e9:.1f} GB of disk "
            f"and {folder} has {free / 1e9:.1f} GB free.",
            "Make room, or clone the project to a larger disk.",
        )


def missing(machine: Machine, needs: Sequence[Need]) -> list[Need]:
    """Return the needs that the machine does not meet."""
    return [need for need in needs if not need.present(machine)]


def install(machine: Machine, needs: Sequence[Need], log: Path) -> None:
    """Install the Debian packages of what is missing; do nothing when nothing is.

    :param needs: what has to be there
    :param log: the file that gets apt's output
    :raises Problem: without apt, rights or a package, or when apt fails
    """
    absent = missing(machine, needs)
    if not absent:
        return
    what = _list(need.what for need in absent)
    if not machine.which("apt-get"):
        name = machine.system().get("PRETTY_NAME", "This system")
        raise Problem(
            f"{name} has no apt-get and lacks {what}.",
            "Install that yourself, or use Debian 12 or Ubuntu 22.04 or later.",
        )
    prefix = _rights(machine, absent)
    with step("Reading the package lists"):
        _apt(machine, [*prefix, "apt-get", "update"], log)
    packages = [_available(machine, need) for need in absent]
    with step(f"Installing Debian packages: {' '.join(packages)}"), _no_services(machine, prefix):
        if any(name.startswith("postgresql-") for name in packages):
            _apt(machine, [*prefix, *_INSTALL, "postgresql-common"], log)
        with _no_cluster(machine, prefix):
            _apt(machine, [*prefix, *_INSTALL, *packages], log)
    if "redis-server" in packages and Path("/run/systemd/system").is_dir():
        machine.run(*prefix, "systemctl", "disable", "redis-server")
    still = missing(machine, absent)
    if still:
        raise Problem(
            f"{_list(need.what for need in still)} cannot be found although apt installed {' '.join(packages)}.",
            f"See {log}.",
        )


def install_browser(machine: Machine, log: Path) -> None:
    """Try to install Chromium where Debian has it; say why the browser tests will skip where not."""
    if BROWSER.present(machine):
        return
    if machine.system().get("ID") != "debian":
        say("  Chromium is not on the path and this is not Debian: the browser tests will skip.")
        return
    try:
        install(machine, [BROWSER], log)
    except Problem as problem:
        say(f"  No Chromium, so the browser tests will skip: {problem.what}")


_INSTALL = (
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    "install",
    "-y",
    "--no-install-recommends",
    "-o",
    "Dpkg::Options::=--force-confold",
)


def _list(words: Iterator[str]) -> str:
    return ", ".join(words)


def _rights(machine: Machine, absent: Sequence[Need]) -> list[str]:
    if machine.is_root():
        return []
    packages = " ".join(need.packages[0] for need in absent)
    remedy = f"Ask an administrator for 'apt-get install {packages}', then run this again."
    if not machine.which("sudo"):
        raise Problem("Installing Debian packages needs root, and there is no sudo.", remedy)
    if machine.run("sudo", "-n", "true").returncode == 0:
        return ["sudo", "-n"]
    if machine.is_terminal():
        say("  sudo may ask for your password.")
        return ["sudo"]
    raise Problem("Installing Debian packages needs root, and sudo asks for a password.", remedy)


def _available(machine: Machine, need: Need) -> str:
    for package in need.packages:
        answer = machine.run("apt-cache", "policy", package).stdout
        if re.search(r"Candidate: (?!\(none\))\S", answer):
            return package
    raise Problem(
        f"apt knows no package for {need.what} (tried {', '.join(need.packages)}).",
        "Enable the distribution's main repository (on Ubuntu also universe), then run this again.",
    )


def _apt(machine: Machine, command: Sequence[str], log: Path) -> None:
    if command[0] == "sudo" and "-n" not in command:
        done = subprocess.run(command, stdout=log.open("a"), stderr=subprocess.STDOUT, check=False)
        output = ""
    else:
        done = machine.run(*command)
        output = (done.stdout or "") + (done.stderr or "")
        with log.open("a") as file:
            file.write(output)
    if done.returncode:
        said = [line for line in output.splitlines() if line.startswith("E: ")]
        reason = f" ({said[0][3:].rstrip('.')})" if said else ""
        raise Problem(
            f"apt-get failed{reason}.",
            f"See {log}; when '{' '.join(command)}' works by hand, run this again.",
        )


@contextmanager
def _no_services(machine: Machine, prefix: Sequence[str]) -> Iterator[None]:
    """Tell Debian's package scripts not to start services, unless the machine already has a policy of its own."""
    if POLICY.exists():
        yield
        return
    machine.run(
        *prefix, "sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' > {POLICY}; chmod 755 {POLICY}"
    )
    try:
        yield
    finally:
        machine.run(*prefix, "rm", "-f", str(POLICY))


@contextmanager
def _no_cluster(machine: Machine, prefix: Sequence[str]) -> Iterator[None]:
    """Keep PostgreSQL's package from making the system cluster that would start at the next boot."""
    if not CLUSTER_SETTINGS.is_file():
        yield
        return
    kept = f"{CLUSTER_SETTINGS}.before-ckanext-inventory"
    machine.run(*prefix, "cp", "-p", str(CLUSTER_SETTINGS), kept)
    machine.run(*prefix, "sh", "-c", f"echo 'create_main_cluster = false' >> {CLUSTER_SETTINGS}")
    try:
        yield
    finally:
        machine.run(*prefix, "mv", kept, str(CLUSTER_SETTINGS))
