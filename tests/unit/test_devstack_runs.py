"""Folders, ports and leftovers of the commands."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import arguments, ports, runs
from devstack.accounts import Account
from devstack.demo import _kind, _write_ready_file
from devstack.layout import ROOT, Layout, reachable, server_account
from devstack.problem import Problem


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    made = Layout(tmp_path)
    made.make()
    monkeypatch.setattr(Layout, "postgres_home", lambda self: self.runs)
    return made


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind((ports.HOST, 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_two_runs_at_once_have_folders_of_their_own(layout: Layout) -> None:
    with (
        runs.hold(layout, "test", several=True) as one,
        runs.hold(layout, "test", several=True) as two,
    ):
        assert (one.name, two.name) == ("test", "test-2")
        assert one.postgres != two.postgres
    with runs.hold(layout, "test", several=True) as again:
        assert again.name == "test"


def test_services_of_a_killed_holder_are_ended(layout: Layout) -> None:
    left = subprocess.Popen(["sleep", "60"])
    with runs.hold(layout, "demo", several=True) as run:
        run.note(left.pid)
    with runs.hold(layout, "demo", several=True) as run:
        assert left.wait(timeout=5) == -signal.SIGINT
        assert not run.pids.exists()


def test_a_strangers_process_with_a_used_number_is_left_alone(layout: Layout) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    with runs.hold(layout, "demo", several=True) as run:
        run.pids.write_text(f"{stranger.pid} 1\n")
    with runs.hold(layout, "demo", several=True):
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_forgetting_keeps_the_logs(layout: Layout) -> None:
    with runs.hold(layout, "demo", several=True) as run:
        (run.folder / "accounts.json").touch()
        (run.folder / "solr").mkdir()
        (run.logs / "solr.log").touch()
        run.forget_data()
        assert sorted(item.name for item in run.folder.iterdir()) == ["lock", "logs"]
        assert (run.logs / "solr.log").exists()


def test_the_usual_port_gives_way_with_a_remark(taken: int) -> None:
    port, remark = ports.for_people(None, taken)
    assert port != taken
    assert remark is not None
    assert f"Port {taken} is taken" in remark


def test_a_port_asked_for_is_refused_when_taken(taken: int) -> None:
    with pytest.raises(Problem, match=f"^Port {taken} is taken. Choose another with --port"):
        ports.for_people(taken, 5000)


@pytest.mark.parametrize("port", [0, 80, 70000])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(Problem, match="is not a port for this"):
        ports.for_people(port, 5000)


def test_chosen_ports_differ() -> None:
    assert len(set(ports.choose(20))) == 20


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to look with another account's eyes")
def test_a_closed_home_is_noticed(tmp_path: Path) -> None:
    inner = tmp_path / "home" / "project"
    inner.mkdir(parents=True)
    account = server_account() if os.geteuid() == 0 else None
    assert account is not None
    (tmp_path / "home").chmod(0o700)
    assert not reachable(inner, account)


def test_each_kind_of_demo_has_its_own_data(tmp_path: Path) -> None:
    file = tmp_path / "inventory.csv"
    file.write_text("Name\nTrees\n")
    parser = arguments.demo()
    kinds = [
        _kind(parser.parse_args(line))
        for line in (
            [],
            ["--empty"],
            ["--check"],
            ["--today", "2026-03-31"],
            ["--inventory", str(file), "--department", "Parks"],
            ["--inventory", str(file), "--department", "Police"],
            ["--inventory", str(file)],
        )
    ]
    assert kinds[:4] == ["demo", "demo-empty", "check", "demo-2026-03-31"]
    assert len(set(kinds)) == 7


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--department", "Parks"], "--department goes with --inventory"),
        (["--empty", "--today", "2026-01-01"], "--empty and --today exclude each other"),
        (["--check", "--empty"], "--check walks through the fictional city"),
    ],
)
def test_options_that_do_not_go_together(
    line: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = arguments.demo()
    with pytest.raises(SystemExit):
        arguments.check_demo(parser, parser.parse_args(line))
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "cores", "expected"),
    [
        ([], 2, 2),
        ([], 8, 2),
        ([], 1, 1),
        (["--long", "-x"], 2, 2),
        (["tests/logic"], 2, 1),
        (["-k", "name"], 2, 1),
        (["--pdb"], 2, 1),
        (["--workers", "3", "tests/logic"], 2, 3),
        (["--workers=1"], 2, 1),
    ],
)
def test_two_share_all_tests_and_one_does_chosen_ones(
    line: list[str], cores: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)))
    options, others = arguments.tests().parse_known_args(line)
    assert arguments.workers(options, others) == expected
    assert not any("workers" in each for each in others)


@pytest.mark.parametrize("number", ["0", "9", "two"])
def test_a_number_of_workers_that_makes_no_sense(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments.tests().parse_known_args(["--workers", number])
    assert "--workers" in capsys.readouterr().err


def test_the_ready_file_is_whole_and_private(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    _write_ready_file(file, "http://127.0.0.1:5000", [Account("cdo", [], "cdo", "p", "t")])
    assert json.loads(file.read_text()) == {
        "url": "http://127.0.0.1:5000",
        "accounts": [
            {"role": "cdo", "departments": [], "name": "cdo", "password": "p", "token": "t"}
        ],
    }
    assert file.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["ready.json"]


def test_a_problem_is_a_sentence_and_not_a_trace(taken: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "devstack", "demo", "--port", str(taken)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"\nbin/demo: Port {taken} is taken.\nChoose another with --port, or leave --port out.\n"
    )
