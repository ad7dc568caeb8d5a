"""The project's own Python environment and the Solr jars: made once, made again when what they come from changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from devstack import system
from devstack.layout import Layout
from devstack.problem import Problem
from devstack.steps import say, step

SOLR_FILES = Path(__file__).parent / "solr"
CONSTRAINTS = Path(__file__).parent / "constraints.txt"


def prepare(layout: Layout, machine: system.Machine, *, services: bool, browser: bool) -> None:
    """Bring the machine to where the project's environment and, if wanted, its services can start.

    :param services: whether PostgreSQL, Redis, Java and Solr's jars are wanted too
    :param browser: whether Chromium is wanted, where the system has it
    :raises Problem: with the first thing that is missing and cannot be had
    """
    if not (layout.work / "environment").exists():
        say("First start: this takes some minutes.")
        system.check_disk(machine, layout.root)
    log = layout.logs / "apt.log"
    system.install(machine, system.BUILD + (system.SERVICES if services else ()), log)
    if browser:
        system.install_browser(machine, log)
    _python_environment(layout)
    if services:
        _solr_jars(layout)


def enter(layout: Layout, arguments: list[str]) -> None:
    """Go on in the project's environment: replaces this process, so that signals and status stay ours.

    Variables that lead CKAN to a site's database, index or settings stay behind: they count before an
    ini file's, and a demo must never load its city into a site of yours.

    :param arguments: what follows ``python -m devstack``
    """
    others = {key: value for key, value in os.environ.items() if not key.startswith("CKAN")}
    environment = {**others, "PYTHONPATH": str(layout.root)}
    sys.stdout.flush()
    os.execve(layout.python, [str(layout.python), "-m", "devstack", *arguments], environment)


def entered(layout: Layout) -> bool:
    """Tell whether this process already runs in the project's environment."""
    return Path(sys.prefix) == layout.venv


def _python_environment(layout: Layout) -> None:
    stamp = layout.work / "environment"
    wanted = _digest(
        [layout.root / "pyproject.toml", layout.root / "setup.py", CONSTRAINTS],
        sys.version,
        str(layout.venv),
    )
    if layout.python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    log = layout.logs / "pip.log"
    origin = layout.venv / "made-for"
    made_for = f"{layout.venv} {sys.version}"
    if not (origin.exists() and origin.read_text() == made_for):
        # Its programs name their interpreter by its full path, so a moved one is made again.
        with step(f"Making a Python environment in {layout.venv.name}"):
            shutil.rmtree(layout.venv, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(layout.venv)], log, "python3 -m venv failed.")
        origin.write_text(made_for)
    pip = [str(layout.python), "-m", "pip", "--disable-pip-version-check", "install"]
    with step("Installing CKAN, the extension and the tools"):
        _run(
            [*pip, "--constraint", str(CONSTRAINTS), "--editable", f"{layout.root}[dev]"],
            log,
            "pip could not install CKAN and the extension.",
        )
    stamp.write_text(wanted)


def _solr_jars(layout: Layout) -> None:
    stamp = layout.solr / "collected"
    pom = SOLR_FILES / "pom.xml"
    wanted = _digest([pom])
    if stamp.exists() and stamp.read_text() == wanted:
        return
    with step("Fetching Solr's jars with Maven"):
        shutil.rmtree(layout.solr, ignore_errors=True)
        layout.solr.mkdir()
        shutil.copy(pom, layout.solr)
        _run(
            [
                "mvn",
                "--batch-mode",
                "--quiet",
                f"-Dmaven.repo.local={layout.maven_repository}",
                "--file",
                str(layout.solr / "pom.xml"),
                "package",
            ],
            layout.logs / "maven.log",
            "Maven could not fetch Solr.",
        )
    stamp.write_text(wanted)


def _run(command: list[str], log: Path, failed: str) -> None:
    with log.open("w") as file:
        done = subprocess.run(
            command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False
        )
    if done.returncode:
        raise Problem(
            f"{failed[:-1]}{_reason(log)}.",
            f"Check the network and the disk, see {log}, then run this again.",
        )


def _reason(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if "ERROR" in line]
    if not errors:
        return ""
    text = errors[0].replace("[ERROR]", "").replace("ERROR:", "").strip().rstrip(".")
    return f" ({text[:200]})"


def _digest(files: Iterable[Path], *words: str) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
