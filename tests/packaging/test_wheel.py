"""What is installed is the wheel, not the checkout: everything has to be in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path("ckanext") / "inventory"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy and installed alone into an empty folder."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(
        ROOT / "ckanext", source / "ckanext", ignore=shutil.ignore_patterns("__pycache__")
    )
    for folder in ("tests", "devstack"):
        shutil.copytree(ROOT / folder, source / folder)
    for name in ("pyproject.toml", "setup.cfg", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheels = tmp_path_factory.mktemp("wheels")
    # The wheel is made from the source distribution, so what is in it is in both.
    _run("-m", "build", "--no-isolation", "--outdir", str(wheels), str(source))
    (wheel,) = wheels.glob("*.whl")
    target = tmp_path_factory.mktemp("site") / "packages"
    _run("-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    shutil.copy(wheel, target)
    return target


def _run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _source_files() -> list[Path]:
    return sorted(
        path.relative_to(ROOT)
        for path in (ROOT / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def test_every_file_of_the_package_is_installed(installed: Path) -> None:
    missing = [str(path) for path in _source_files() if not (installed / path).is_file()]
    assert missing == []


@pytest.mark.parametrize(
    "pattern",
    [
        "schemas/*.yaml",
        "config_declaration.yaml",
        "i18n/ckanext-inventory.pot",
        "templates/inventory/*.html",
        "assets/webassets.yml",
        "assets/*.css",
        "migration/inventory/alembic.ini",
        "migration/inventory/env.py",
        "migration/inventory/versions/*.py",
    ],
)
def test_each_kind_of_file_is_there(installed: Path, pattern: str) -> None:
    assert list((installed / PACKAGE).glob(pattern))


def test_nothing_else_is_installed(installed: Path) -> None:
    (wheel,) = installed.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name.split("/")[0]}
    assert tops == {"ckanext"}
    assert "ckanext/__init__.py" not in names, "would hide every other extension"


def test_ckan_finds_the_plugin_by_one_name(installed: Path) -> None:
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "inventory = ckanext.inventory.plugin:InventoryPlugin" in entry_points.read_text()


def test_it_imports_without_the_checkout(installed: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r}); "
        "import ckanext.inventory.workflow as w; print(w.__file__)"
    )
    assert _run("-I", "-c", code).startswith(str(installed))
