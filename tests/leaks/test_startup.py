"""The start-up check: which settings keep CKAN from starting, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ckan.plugins as p
import pytest
from ckan.common import config
from ckan.exceptions import CkanConfigurationException

from ckanext.inventory.fields import loaded
from ckanext.inventory.service import startup
from ckanext.inventory.service.findings import Severity

pytestmark = pytest.mark.usefixtures("with_plugins")


def names(severity: Severity) -> set[str]:
    return {each.name for each in startup.check_settings() if each.severity is severity}


def test_the_settings_of_the_tests_are_safe() -> None:
    assert not names(Severity.ERROR)
    startup.refuse_unsafe_settings()


@pytest.mark.parametrize(
    ("key", "leak"),
    [
        ("ckan.auth.allow_dataset_collaborators", "L11"),
        ("ckan.auth.create_unowned_dataset", "L27"),
        ("ckan.auth.reveal_private_datasets", "L1"),
        ("ckan.auth.public_activity_stream_detail", "L17"),
    ],
)
def test_an_option_that_shows_private_things_is_refused(
    monkeypatch: pytest.MonkeyPatch, key: str, leak: str
) -> None:
    monkeypatch.setitem(config, key, True)
    with pytest.raises(CkanConfigurationException, match=key) as caught:
        startup.refuse_unsafe_settings()
    assert leak in str(caught.value)
    assert f"set {key} = false" in str(caught.value)
    monkeypatch.setitem(config, "ckanext.inventory.accepted_risks", [key])
    startup.refuse_unsafe_settings()


def test_l06_query_parsers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(config, "ckan.search.solr_allowed_query_parsers", ["knn"])
    assert names(Severity.ERROR) == {"ckan.search.solr_allowed_query_parsers"}


def test_an_older_ckan_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup.tk, "check_ckan_version", lambda min_version: False)
    assert names(Severity.ERROR) == {"ckan_version"}


def test_a_missing_schema_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "_loaded", lambda package_type: None)
    assert names(Severity.ERROR) == {"schema"}


def test_findings_that_need_no_refusal_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(config, "ckanext.inventory.allow_self_approval", True)
    monkeypatch.setitem(config, "ckanext.inventory.protect_from_forgery", False)
    loaded = p.plugin_loaded
    monkeypatch.setattr(
        startup.p, "plugin_loaded", lambda name: name in ("stats", "datastore") or loaded(name)
    )
    monkeypatch.setitem(config, "ckan.datastore.public_table_search", ["_table_metadata"])
    assert names(Severity.WARNING) == {
        "stats",
        "ckan.datastore.public_table_search",
        "ckanext.inventory.protect_from_forgery",
        "ckanext.inventory.allow_self_approval",
    }
    startup.refuse_unsafe_settings()


ORDERS = {
    "reversed": ("activity scheming_datasets inventory", "plugin_order"),
    "behind scheming": ("scheming_datasets inventory activity", "plugin_order"),
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_wrong_order_of_plugins_does_not_start(order: str, tmp_path: Path) -> None:
    plugins, finding = ORDERS[order]
    ini = tmp_path / "order.ini"
    text = Path(config["__file__"]).read_text()
    lines = [
        f"ckan.plugins = {plugins}" if line.startswith("ckan.plugins") else line
        for line in text.splitlines()
    ]
    ini.write_text("\n".join(lines))
    code = (
        "import sys; from ckan.cli import load_config; from ckan.config.middleware import make_app;"
        "make_app(load_config(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ini)],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    assert "refuses to start" in done.stderr
    assert finding in done.stderr


def test_another_label_plugin_in_front_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = startup._loaded()
    monkeypatch.setattr(
        startup, "_loaded", lambda: startup._Loaded(real.order, ("others", *real.labels))
    )
    with pytest.raises(CkanConfigurationException, match="label_plugin"):
        startup.refuse_unsafe_settings()
