"""Actions and addresses that somebody has looked at; a new one fails until somebody does.

After an upgrade of CKAN: run this test, look at what is new, sweep it or guard it, then write the
new lists with ``KNOWN=write``.
"""

from __future__ import annotations

import os
from pathlib import Path

import ckan
import ckan.plugins as p
import ckan.plugins.toolkit as tk
import pytest
from ckan import logic

from tests.ckan_fixtures import Site
from tests.leaks.whole.conftest import OPTIONAL

FOLDER = Path(__file__).parent


def file_of(kind: str) -> Path:
    return FOLDER / f"known_{kind}_{ckan.__version__}.txt"


def known(kind: str, found: list[str]) -> list[str]:
    path = file_of(kind)
    if os.environ.get("KNOWN") == "write":
        path.write_text("\n".join(found) + "\n")
    if not path.exists():
        pytest.fail(f"no list of known {kind} for CKAN {ckan.__version__}: classify them first")
    return path.read_text().split("\n")[:-1]


@pytest.fixture(autouse=True)
def _every_plugin(swept_site: Site) -> None:
    missing = [name for name in OPTIONAL if not p.plugin_loaded(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def test_every_action_is_known() -> None:
    """Ours are swept by their prefix."""
    tk.get_action("status_show")
    found = sorted(
        f"{'reads' if getattr(function, 'side_effect_free', False) else 'writes'} {name}"
        for name, function in logic._actions.items()
        if not name.startswith(("inventory_", "datastore_"))
    )
    assert found == known("actions", found)


def test_every_address_is_known(swept_site: Site) -> None:
    """Ours are swept by their prefix."""
    found = sorted(
        {
            f"{rule.rule} {' '.join(sorted((rule.methods or set()) - {'HEAD', 'OPTIONS'}))}"
            for rule in swept_site.client().flask_app.url_map.iter_rules()
            if not rule.rule.startswith(("/inventory/", "/datastore/"))
            and "/dictionary/" not in rule.rule
        }
    )
    assert found == known("addresses", found)
