"""The start-up check: settings with which CKAN would show what is private.

Each finding names the option, the leak and the remedy. One that is an error keeps CKAN from
starting, unless its name stands in ``ckanext.inventory.accepted_risks``.

Source: leak contract, layer 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.exceptions import CkanConfigurationException

from ckanext.inventory import config, fields
from ckanext.inventory.publishing import mapping
from ckanext.inventory.service.findings import Finding, Severity
from ckanext.inventory.types import ENTRY

PLUGIN = "inventory"

_MINIMUM = "2.12.0"
_AFTER_OURS = ("scheming_datasets", "activity", "harvest", "datastore")
"""Plugins that have to stand behind ours: the first-listed is the outermost link of every chain."""


class _Off(Enum):
    """Options of core that have to be off, with the leak and what they do."""

    COLLABORATORS = (
        "ckan.auth.allow_dataset_collaborators",
        "L11",
        "visitors then see titles and number of private datasets on the home page",
    )
    UNOWNED = (
        "ckan.auth.create_unowned_dataset",
        "L27",
        "entries then lose their department when it is deleted",
    )
    REVEAL = (
        "ckan.auth.reveal_private_datasets",
        "L1",
        "private datasets then answer differently from ones that don't exist",
    )
    ACTIVITY = (
        "ckan.auth.public_activity_stream_detail",
        "L17",
        "activity details then show whole datasets to everybody",
    )


@dataclass(frozen=True)
class _Loaded:
    """The plugins in force."""

    order: tuple[str, ...]
    labels: tuple[str, ...]


def _loaded() -> _Loaded:
    actions: Any = p.PluginImplementations(p.IActions)
    labels: Any = p.PluginImplementations(p.IPermissionLabels)
    return _Loaded(
        tuple(plugin.name for plugin in actions), tuple(plugin.name for plugin in labels)
    )


def check_settings() -> list[Finding]:
    """Look at plugins, versions and options.

    :returns: what was found, errors first
    """
    loaded = _loaded()
    found = [*_plugins(loaded), *_options(), *_version(), *_schemas(), *_advice(loaded)]
    return sorted(found, key=lambda finding: finding.severity is not Severity.ERROR)


def refuse_unsafe_settings() -> list[Finding]:
    """Keep CKAN from starting while a finding stands that nobody accepted.

    :returns: what was found and doesn't prevent the start, to be logged
    :raises CkanConfigurationException: naming every such finding and its remedy
    """
    found = check_settings()
    accepted = config.accepted_risks()
    refused = [
        finding
        for finding in found
        if finding.severity is Severity.ERROR and finding.name not in accepted
    ]
    if refused:
        lines = "\n".join(f"- {finding.line()}" for finding in refused)
        raise CkanConfigurationException(
            "ckanext-inventory refuses to start, because something private could be seen:\n"
            f"{lines}\n"
            "Whoever accepts a finding adds its name to ckanext.inventory.accepted_risks."
        )
    return found


def _plugins(loaded: _Loaded) -> Iterator[Finding]:
    if loaded.labels and loaded.labels[0] != PLUGIN:
        yield Finding(
            "label_plugin",
            Severity.ERROR,
            f"The plugin {loaded.labels[0]} decides who finds what, because CKAN uses the "
            "first-listed label plugin only",
            f"in ckan.plugins, list {PLUGIN} before {loaded.labels[0]}",
        )
    if PLUGIN not in loaded.order:
        return
    before = loaded.order[: loaded.order.index(PLUGIN)]
    wrong = [name for name in _AFTER_OURS if name in before]
    if wrong:
        yield Finding(
            "plugin_order",
            Severity.ERROR,
            f"These plugins stand before {PLUGIN}, so that ours doesn't have the last word: "
            + ", ".join(wrong),
            f"in ckan.plugins, list {PLUGIN} first",
        )


def _options() -> Iterator[Finding]:
    for option in _Off:
        key, leak, what = option.value
        if tk.asbool(config.core(key) or False):
            yield Finding(key, Severity.ERROR, what, f"set {key} = false", leak)
    key = "ckan.search.solr_allowed_query_parsers"
    if config.core(key):
        yield Finding(
            key,
            Severity.ERROR,
            "search strings can then call query parsers that look around the permission labels",
            f"leave {key} empty",
            "L6",
        )


def _version() -> Iterator[Finding]:
    if not tk.check_ckan_version(min_version=_MINIMUM):
        yield Finding(
            "ckan_version",
            Severity.ERROR,
            f"this CKAN is older than {_MINIMUM}: it lets search strings look around the "
            "permission labels, and publishes in bulk past every rule",
            f"upgrade CKAN to {_MINIMUM} or later",
            "L6",
        )


def _schemas() -> Iterator[Finding]:
    problems = fields.problems_at_start()
    if not problems:
        yield from _publishing_map()
    for problem in problems:
        yield Finding(
            "schema",
            Severity.ERROR,
            str(problem),
            "correct the file, or the setting that names it",
            "L25",
        )


def _publishing_map() -> Iterator[Finding]:
    try:
        mapping.current(fields.schema_for(ENTRY), config.mapping_path())
    except mapping.MappingProblem as error:
        for problem in error.problems:
            yield Finding(
                "publishing_map",
                Severity.ERROR,
                str(problem),
                f"correct the file, or the setting {config.MAPPING}",
                "L40",
            )


def _advice(loaded: _Loaded) -> Iterator[Finding]:
    if "stats" in loaded.order or p.plugin_loaded("stats"):
        yield Finding(
            "stats",
            Severity.WARNING,
            "the plugin stats counts private datasets, entries included, on a public page",
            "remove stats from ckan.plugins",
            "L31",
        )
    key = "ckan.datastore.public_table_search"
    if p.plugin_loaded("datastore") and config.core(key):
        yield Finding(
            key,
            Severity.WARNING,
            "everybody can list the resources of the data store, those of private datasets too",
            f"leave {key} empty",
            "L29",
        )
    if not config.protect_from_forgery() or not config.core("WTF_CSRF_ENABLED"):
        yield Finding(
            config.PROTECT_FROM_FORGERY,
            Severity.WARNING,
            "CKAN's own check of forged requests is switched off by the first visitor",
            f"set {config.PROTECT_FROM_FORGERY} = true and leave WTF_CSRF_ENABLED on",
            "L44",
        )
    if config.options().allow_self_approval:
        yield Finding(
            config.ALLOW_SELF_APPROVAL,
            Severity.WARNING,
            "people may approve what they wrote themselves",
            f"set {config.ALLOW_SELF_APPROVAL} = false",
        )
