"""What is fetched into the project, and what is said when that fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devstack import environment
from devstack.layout import Layout
from devstack.problem import Problem


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.make()
    return made


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs hide the system's."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def _program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_jars_are_fetched_once_into_the_project(layout: Layout, programs: Path) -> None:
    _program(programs, "mvn", f'echo "$@" >> {programs}/calls')
    environment._solr_jars(layout)
    environment._solr_jars(layout)
    (call,) = (programs / "calls").read_text().splitlines()
    assert f"-Dmaven.repo.local={layout.work}/m2" in call


def test_a_failing_maven_is_a_sentence_with_its_reason(layout: Layout, programs: Path) -> None:
    _program(programs, "mvn", "echo '[ERROR] Could not transfer artifact: Unknown host.'; exit 1")
    with pytest.raises(Problem) as caught:
        environment._solr_jars(layout)
    assert caught.value.what == (
        "Maven could not fetch Solr (Could not transfer artifact: Unknown host)."
    )
    assert str(layout.logs / "maven.log") in caught.value.remedy
    assert not (layout.solr / "collected").exists(), "the next start has to try again"


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match=r"^.*/file cannot be written to \(Not a directory\)"):
        Layout(tmp_path / "file").make()


def test_a_site_of_yours_is_never_what_a_demo_works_on(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, str]] = []
    for name in ("CKAN_SQLALCHEMY_URL", "CKAN_INI", "CKAN__SITE_URL"):
        monkeypatch.setenv(name, "yours")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setattr(os, "execve", lambda file, arguments, variables: given.append(variables))
    environment.enter(layout, ["demo"])
    assert not [name for name in given[0] if name.startswith("CKAN")]
    assert given[0]["LANG"] == "C.UTF-8"
