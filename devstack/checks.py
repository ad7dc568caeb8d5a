"""What needs the project's environment but no services: the linters and the pure tests."""

from __future__ import annotations

import os
import subprocess

from devstack.layout import Layout
from devstack.steps import say

PURE_TESTS = "tests/unit"


def run_lint(layout: Layout) -> int:
    """Run every linter, also after one has failed.

    :returns: 0 if all were content, else 1
    """
    bin_folder = layout.venv / "bin"
    tools = {
        "ruff check": [bin_folder / "ruff", "check", "."],
        "ruff format": [bin_folder / "ruff", "format", "--check", "."],
        "pyright": [bin_folder / "pyright", "--pythonpath", layout.python],
        "lint-imports": [bin_folder / "lint-imports", "--no-logo"],
    }
    failed: list[str] = []
    for name, command in tools.items():
        say(f"== {name}")
        if subprocess.run(command, cwd=layout.root, check=False).returncode:
            failed.append(name)
    say(f"bin/lint: failed: {', '.join(failed)}" if failed else "bin/lint: all passed")
    return 1 if failed else 0


def run_fast_tests(layout: Layout, arguments: list[str]) -> int:
    """Run the tests that need neither CKAN nor a service.

    :param arguments: further arguments for pytest; a path replaces the folder of pure tests
    :returns: pytest's exit status
    """
    paths = [] if any(os.path.exists(a.split("::")[0]) for a in arguments) else [PURE_TESTS]
    command = [layout.python, "-m", "pytest", "-p", "no:ckan", "-p", "no:ckan_fixtures"]
    return subprocess.run([*command, *arguments, *paths], cwd=layout.root, check=False).returncode
