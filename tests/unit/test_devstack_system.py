"""What the commands say, and do, when something of the system is missing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from devstack import system
from devstack.problem import Problem

ALL_PACKAGES = frozenset(
    package for need in (*system.BUILD, *system.SERVICES) for package in need.packages
)


class FakeMachine(system.Machine):
    """A machine in memory: what it lacks, what it may do, and what was run on it."""

    def __init__(
        self,
        *,
        programs: set[str],
        root: bool = False,
        sudo: str | None = None,
        known: frozenset[str] = ALL_PACKAGES,
        java: int | None = 17,
        postgres: bool = True,
        apt_error: str | None = None,
        free: int = 10**12,
        version: tuple[int, int] = (3, 11),
        os_release: dict[str, str] | None = None,
    ) -> None:
        self.programs = programs | ({"sudo"} if sudo else set())
        self.root, self.sudo, self.known = root, sudo, known
        self.java, self.postgres, self.apt_error = java, postgres, apt_error
        self.free, self.version = free, version
        self.os_release = os_release or {"ID": "debian", "PRETTY_NAME": "Debian GNU/Linux 12"}
        self.ran: list[str] = []

    def python(self) -> tuple[int, int]:
        return self.version

    def is_root(self) -> bool:
        return self.root

    def is_terminal(self) -> bool:
        return False

    def which(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if program in self.programs else None

    def free_bytes(self, folder: Path) -> int:
        return self.free

    def postgres_programs(self) -> Path | None:
        return Path("/usr/lib/postgresql/15/bin") if self.postgres else None

    def java_version(self) -> int | None:
        return self.java

    def has_python_headers(self) -> bool:
        return True

    def has_file(self, path: str) -> bool:
        return True

    def has_venv(self) -> bool:
        return True

    def has_library(self, name: str) -> bool:
        return True

    def system(self) -> dict[str, str]:
        return self.os_release

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        line = " ".join(command)
        self.ran.append(line)
        if line == "sudo -n true":
            return _done(command, 0 if self.sudo == "free" else 1)
        if command[:2] == ("apt-cache", "policy"):
            known = command[2] in self.known
            return _done(command, 0, f"  Candidate: {'1.0' if known else '(none)'}\n")
        if "install" in command:
            if self.apt_error:
                return _done(command, 100, f"Reading...\nE: {self.apt_error}\n")
            self.postgres = True
            self.java = self.java or 17
            self.programs |= {"redis-server", "mvn", "gcc", "pg_config"}
        return _done(command, 0)


def _done(
    command: tuple[str, ...], status: int, output: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(command, status, output, "")


COMPLETE = {"apt-get", "gcc", "pg_config", "redis-server", "mvn", "java"}
ALL_NEEDS = system.BUILD + system.SERVICES


@pytest.fixture(autouse=True)
def _system_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "POLICY", tmp_path / "policy-rc.d")
    settings = tmp_path / "createcluster.conf"
    settings.touch()
    monkeypatch.setattr(system, "CLUSTER_SETTINGS", settings)


def _install(machine: FakeMachine, tmp_path: Path) -> None:
    system.install(machine, ALL_NEEDS, tmp_path / "apt.log")


def test_nothing_is_run_where_nothing_is_missing(tmp_path: Path) -> None:
    machine = FakeMachine(programs=set(COMPLETE))
    _install(machine, tmp_path)
    assert machine.ran == []


def test_root_installs_what_is_missing_without_a_cluster_or_a_service(tmp_path: Path) -> None:
    machine = FakeMachine(
        programs=COMPLETE - {"redis-server", "mvn"}, root=True, postgres=False, java=None
    )
    _install(machine, tmp_path)
    ran = [line for line in machine.ran if "apt-cache" not in line]
    assert ran[0] == "apt-get update"
    assert "exit 101" in ran[1]
    assert ran[2].endswith("postgresql-common")
    assert "create_main_cluster = false" in ran[4]
    assert ran[5].endswith("postgresql-17 redis-server openjdk-17-jre-headless maven")
    assert ran[6].startswith("mv ")
    assert ran[7].startswith("rm -f ")
    assert not any(line.startswith("sudo") for line in ran)


def test_the_newest_package_that_apt_knows_is_taken(tmp_path: Path) -> None:
    known = frozenset({"postgresql-14", "postgresql-15", "default-jre-headless"})
    machine = FakeMachine(programs=set(COMPLETE), root=True, postgres=False, java=8, known=known)
    with pytest.raises(Problem, match=r"^Java 11 or later cannot be found"):
        _install(machine, tmp_path)
    assert any(line.endswith("postgresql-15 default-jre-headless") for line in machine.ran)


def test_services_stay_off_also_when_apt_fails(tmp_path: Path) -> None:
    machine = FakeMachine(
        programs=COMPLETE - {"mvn"}, root=True, apt_error="Unable to fetch some archives."
    )
    with pytest.raises(Problem) as caught:
        _install(machine, tmp_path)
    assert caught.value.what == "apt-get failed (Unable to fetch some archives)."
    assert machine.ran[-1].startswith("rm -f ")


def test_sudo_without_a_password_is_used(tmp_path: Path) -> None:
    machine = FakeMachine(programs=COMPLETE - {"mvn"}, sudo="free")
    _install(machine, tmp_path)
    assert "sudo -n apt-get update" in machine.ran


@pytest.mark.parametrize(
    ("sudo", "what"),
    [
        (None, "Installing Debian packages needs root, and there is no sudo."),
        ("password", "Installing Debian packages needs root, and sudo asks for a password."),
    ],
)
def test_missing_rights_name_the_packages(sudo: str | None, what: str, tmp_path: Path) -> None:
    machine = FakeMachine(programs=COMPLETE - {"mvn", "redis-server"}, sudo=sudo)
    with pytest.raises(Problem) as caught:
        _install(machine, tmp_path)
    assert caught.value.what == what
    assert "'apt-get install redis-server maven'" in caught.value.remedy


def test_a_system_without_apt_is_told_what_it_lacks(tmp_path: Path) -> None:
    machine = FakeMachine(
        programs=COMPLETE - {"apt-get", "mvn"},
        java=8,
        os_release={"ID": "fedora", "PRETTY_NAME": "Fedora Linux 43"},
    )
    with pytest.raises(Problem) as caught:
        _install(machine, tmp_path)
    assert caught.value.what == "Fedora Linux 43 has no apt-get and lacks Java 11 or later, Maven."


def test_a_package_that_apt_does_not_know(tmp_path: Path) -> None:
    machine = FakeMachine(programs=COMPLETE - {"mvn"}, root=True, known=frozenset())
    with pytest.raises(Problem, match="apt knows no package for Maven"):
        _install(machine, tmp_path)


def test_chromium_is_not_tried_outside_debian(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = FakeMachine(programs=set(COMPLETE), root=True, os_release={"ID": "ubuntu"})
    system.install_browser(machine, tmp_path / "apt.log")
    assert machine.ran == []
    assert "the browser tests will skip" in capsys.readouterr().out


def test_a_chromium_that_cannot_be_had_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = FakeMachine(programs=set(COMPLETE))
    system.install_browser(machine, tmp_path / "apt.log")
    assert "No Chromium" in capsys.readouterr().out


def test_an_old_python_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        system.check_python(FakeMachine(programs=set(), version=(3, 9)))
    assert caught.value.what == "Python 3.10 or later is needed; python3 is 3.9 here."


def test_a_small_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"needs 2.5 GB of disk and .* has 1.0 GB free"):
        system.check_disk(FakeMachine(programs=set(), free=10**9), tmp_path)


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('openjdk version "17.0.12" 2024-07-16', 17),
        ('java version "1.8.0_412"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("no such thing", None),
    ],
)
def test_java_versions_are_read(
    text: str, major: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = system.Machine()
    monkeypatch.setattr(machine, "which", lambda program: "/usr/bin/java")
    monkeypatch.setattr(machine, "run", lambda *command: _done(command, 0, text))
    assert machine.java_version() == major
