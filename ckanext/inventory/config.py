"""The only reads of CKAN's configuration: one constant and one typed accessor per key."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.inventory.policy import Options

ALLOW_SELF_APPROVAL = "ckanext.inventory.allow_self_approval"
ASSIGNEE_MAY_SUBMIT = "ckanext.inventory.assignee_may_submit"
EDITORS_ARE_COORDINATORS = "ckanext.inventory.editors_are_coordinators"
UNDO_SECONDS = "ckanext.inventory.undo_seconds"
VOCABULARIES = "ckanext.inventory.vocabularies"
LICENSE_ID = "ckanext.inventory.license_id"
MAPPING = "ckanext.inventory.publishing.mapping"
TARGET_ORGANIZATIONS = "ckanext.inventory.publishing.organizations"
WITHDRAWN_DATASETS = "ckanext.inventory.publishing.withdrawn"


def _get(key: str) -> Any:
    return tk.config[key]


def options() -> Options:
    """Return the settings that change a rule of the policy.

    :returns: the options, as ``policy.may`` takes them
    """
    return Options(
        assignee_may_submit=bool(_get(ASSIGNEE_MAY_SUBMIT)),
        allow_self_approval=bool(_get(ALLOW_SELF_APPROVAL)),
    )


def editors_are_coordinators() -> bool:
    """Tell whether CKAN's organization editors and admins count as coordinators.

    :returns: the setting
    """
    return bool(_get(EDITORS_ARE_COORDINATORS))


def undo_seconds() -> int:
    """Return for how long an act can be taken back.

    :returns: seconds
    """
    return int(_get(UNDO_SECONDS))


def vocabularies_path() -> str | None:
    """Return the file that replaces the shipped vocabularies.

    :returns: a path or ``package:path``, None for the shipped file
    """
    return str(_get(VOCABULARIES) or "") or None


def license_id() -> str | None:
    """Return the licence behind the departments' own defaults.

    :returns: an id of CKAN's licence list, or None
    """
    return str(_get(LICENSE_ID) or "") or None


def mapping_path() -> str | None:
    """Return the file that replaces the shipped publishing map.

    :returns: a path or ``package:path``, None for the shipped file
    """
    return str(_get(MAPPING) or "") or None


def target_organizations() -> frozenset[str]:
    """Return the organizations that promotion may publish to.

    :returns: names or ids; empty means the entry's own department
    """
    return frozenset(_get(TARGET_ORGANIZATIONS) or ())


def withdrawn_datasets() -> str:
    """Return what becomes of a public dataset that is withdrawn.

    :returns: ``private`` or ``deleted``
    """
    return str(_get(WITHDRAWN_DATASETS))


PROTECT_FROM_FORGERY = "ckanext.inventory.protect_from_forgery"
ACCEPTED_RISKS = "ckanext.inventory.accepted_risks"


def protect_from_forgery() -> bool:
    """Tell whether unsafe requests by login cookie need a token on every page and action.

    :returns: the setting

    Source: leak L44.
    """
    return bool(_get(PROTECT_FROM_FORGERY))


def accepted_risks() -> frozenset[str]:
    """Return the findings of the start-up check that somebody accepted in writing.

    :returns: names of findings, as the check prints them
    """
    return frozenset(_get(ACCEPTED_RISKS) or ())


def languages_offered() -> list[str]:
    """Return the languages that the site's administrator chose to offer, and the site's own.

    :returns: codes; only the site's own where every language of CKAN is offered
    """
    offered: Any = tk.config.get("ckan.locales_offered") or []
    codes: list[str] = offered.split() if isinstance(offered, str) else [str(c) for c in offered]
    return [*codes, str(tk.config.get("ckan.locale_default") or "")]


def core(key: str) -> Any:
    """Return one of CKAN's own options, for the self-check.

    :param key: the option's full name
    :returns: its value; None where the plugin that declares it isn't loaded
    """
    return tk.config.get(key)


IMPORT_MAX_BYTES = "ckanext.inventory.import.max_bytes"
IMPORT_MAX_ROWS = "ckanext.inventory.import.max_rows"
IMPORT_MAX_CELLS = "ckanext.inventory.import.max_cells"
IMPORT_DAY_FIRST = "ckanext.inventory.import.day_first"


def import_max_bytes() -> int:
    """Return how big a file may be that is imported.

    :returns: bytes
    """
    return int(_get(IMPORT_MAX_BYTES))


def import_max_rows() -> int:
    """Return how many filled rows a sheet may have that is imported.

    :returns: the number
    """
    return int(_get(IMPORT_MAX_ROWS))


def import_max_cells() -> int:
    """Return how many filled cells a file may have that is imported.

    :returns: the number
    """
    return int(_get(IMPORT_MAX_CELLS))


def import_day_first() -> bool:
    """Tell whether a date like 3/4/2020 means the third of April, where its column doesn't tell.

    :returns: the setting
    """
    return bool(_get(IMPORT_DAY_FIRST))


DATASET_SCHEMAS = "scheming.dataset_schemas"


def schema_files() -> list[str]:
    """Return the schemas that scheming loads.

    :returns: ``package:path`` or addresses, in the order of the setting
    """
    return str(tk.config.get(DATASET_SCHEMAS) or "").split()


INVITATION_DAYS = "ckanext.inventory.invitation_days"
PEOPLE_SIGN_IN_ELSEWHERE = "ckanext.inventory.people_sign_in_elsewhere"


def invitation_days() -> int:
    """Return for how many days the link of an invitation works.

    :returns: days
    """
    return int(_get(INVITATION_DAYS))


DIGEST = "ckanext.inventory.digest"
DIRECTORY = "ckanext.inventory.directory"


def digest() -> str:
    """Return how often people get a digest who chose nothing.

    :returns: ``daily``, ``weekly`` or ``never``
    """
    return str(_get(DIGEST))


def directory() -> str:
    """Return who may search the city directory.

    :returns: ``off``, ``roles`` or ``accounts``
    """
    return str(_get(DIRECTORY))


def people_sign_in_elsewhere() -> bool:
    """Tell whether accounts come from single sign-on, with addresses that nobody can choose.

    :returns: the setting
    """
    return bool(_get(PEOPLE_SIGN_IN_ELSEWHERE))


IMPORT_JOB_ROWS = "ckanext.inventory.import.job_rows"


def import_job_rows() -> int:
    """Return from how many rows on a file is left to the background worker.

    :returns: the number of rows that are still looked at and saved at once
    """
    return int(_get(IMPORT_JOB_ROWS))


PART_DOMAINS = "ckanext.inventory.part.domains"


def part_domains() -> frozenset[str]:
    """Return the domains of addresses that parts may be mailed to.

    :returns: domains in small letters; none if any address is fine
    """
    return frozenset(str(domain).lower().lstrip("@") for domain in _get(PART_DOMAINS) or ())


def page_size() -> int:
    """Return how many rows a page of a list shows: as many as CKAN's own lists.

    :returns: rows
    """
    return int(tk.config["ckan.datasets_per_page"])


HARVEST_ALLOWED_HOSTS = "ckanext.inventory.harvest.allowed_hosts"
HARVEST_MAX_BYTES = "ckanext.inventory.harvest.max_bytes"


def harvest_allowed_hosts() -> frozenset[str]:
    """Return the hosts inside a network that a harvest may read.

    :returns: names, or names with a port, in small letters
    """
    return frozenset(host.lower() for host in _get(HARVEST_ALLOWED_HOSTS) or ())


def harvest_max_bytes() -> int:
    """Return how big an answer of a catalogue may be.

    :returns: bytes
    """
    return int(_get(HARVEST_MAX_BYTES))
