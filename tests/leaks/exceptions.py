"""What may differ between a hidden record and none, and why: differences of status, never a word.

An exception that no longer occurs fails the sweep, so that the list shrinks with CKAN's upgrades.
"""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "2.12.0"


@dataclass(frozen=True)
class Accepted:
    """One accepted difference.

    :param channel: number of the leak contract
    :param where: action or route pattern
    :param what: what may differ
    :param why: why it is accepted
    :param version: the CKAN version that it was seen on
    """

    channel: str
    where: str
    what: str
    why: str
    version: str = VERSION


READING: tuple[Accepted, ...] = ()
"""Reading actions that answer differently."""

WRITING: tuple[Accepted, ...] = (
    Accepted(
        "L2",
        "package_create_default_resource_views",
        "not authorised against not found",
        "it takes a whole package, so an id that nobody can guess has to be known already",
    ),
    Accepted(
        "L3",
        "package_create with the name of an entry",
        "the name is taken",
        "names of ours have 96 random bits: they are not guessed, and titles don't lead to them",
    ),
)
"""Writing actions that answer differently."""

ROUTES: tuple[Accepted, ...] = ()
"""Pages that answer differently."""

OPEN: tuple[Accepted, ...] = (
    Accepted(
        "L1",
        "the content of a record that names a restricted one",
        "the id of the restricted record, to whoever may read the one that names it",
        "the content is stored and indexed as it is; an id is random and leads nowhere",
    ),
    Accepted(
        "L10",
        "organization_list and /organization/ with sort=package_count",
        "the order of organizations",
        "core orders by the number of all datasets; the numbers themselves are by permission",
    ),
    Accepted(
        "L31",
        "/stats",
        "the weekly numbers of new and changed datasets",
        "the plugin stats counts private datasets; the start-up check warns of it",
    ),
    Accepted(
        "L34",
        "scheming_dataset_schema_show",
        "the definition of our fields",
        "field definitions are public; guidance for staff doesn't stand in them",
    ),
    Accepted(
        "L35", "status_show", "the names of the plugins", "the inventory's existence is known"
    ),
    Accepted(
        "L37",
        "a part for a colleague without an account",
        "the number of a restricted record that a row names as its source or series, without its name",
        "the cell has to come back as it went, or the part would seem to empty it; the coordinator chose "
        "the rows",
    ),
    Accepted(
        "L43",
        "the order of results of several plain words",
        "relevance weighs rare words, and organization names stand in documents of ours",
        "an order tells a comparison at most; every score and every clause that measures is shut",
    ),
)
"""What is open by decision; each has a test that it is still so."""
