"""What every dataset search has to put up with, and the tidy hiding of our types.

``package_search`` hands most Solr parameters on. Some of them tell a stranger about documents
that the permission labels hide: facet values with a count of zero, term statistics as a result
field, as a boost or as a sort order, and the relevance score itself, which is computed over all
documents. The rules hold for everybody, sysadmins included, because the hook is told nothing
about the caller; they protect a site's ordinary private datasets as well.

Pure: search parameters in, search parameters out. Parameters that plugins after ours add are
theirs to answer for.

Source: leaks L42, L43.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from ckanext.inventory.types import PRIVATE_TYPES

_DROPPED = ("bf", "boost", "qf")
"""Boosts are function queries; ``qf`` names the fields whose statistics make the score."""

_PARSERS = frozenset({"dismax", "edismax", "lucene"})
"""``defType=func`` turns ``q`` itself into a function query, whose value is then the score."""

_RESULT_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*|[A-Za-z0-9_]*\*[A-Za-z0-9_*]*")
"""A name or a pattern; with a hyphen before it, what follows a name would be a number to Solr."""
_SORT_TERM = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s+(asc|desc)\s*", re.IGNORECASE)
_SCORE = "score"

_WORDS = re.compile(r"(?:title|title_ngram|notes|tags|groups|res_\w+|extras_\w+|vocab_\w+)")
"""Fields that no document of a private type fills, so that their statistics say nothing of it."""

_FIELD_IN_QUERY = re.compile(r"([^\s()+!:-][^\s():]*)\s*:")
_TYPE_CLAUSE = re.compile(
    r"(?P<not>-|\bNOT\s+)?(?<![\w.])(?:dataset_)?type\s*:\s*"
    r"(?:\((?P<group>[^)]*)\)|(?P<one>\"[^\"]*\"|[^\s()]+))"
)


def guard(params: dict[str, Any]) -> dict[str, Any]:
    """Take out of a search what measures documents that the caller can't see.

    :param params: parameters of ``package_search``, as plugins get them
    :returns: the same dict, made safe

    Source: leaks L42, L43.
    """
    params["facet.mincount"] = max(1, _integer(params.get("facet.mincount"), 1))
    for name in _DROPPED:
        params.pop(name, None)
    if params.get("defType") not in _PARSERS:
        params.pop("defType", None)
    if params.get("fl"):
        params["fl"] = list(_result_fields(params["fl"])) or ["id"]
    if params.get("sort"):
        params["sort"] = _sort(str(params["sort"]), str(params.get("q") or ""))
    elif _measures(str(params.get("q") or "")):
        params["sort"] = "metadata_modified desc"
    return params


def hide(params: dict[str, Any]) -> dict[str, Any]:
    """Leave our types out of a search that doesn't name them: tidiness, not protection.

    :param params: parameters of ``package_search``
    :returns: the same dict, with a filter for the types that weren't asked for
    """
    hidden = sorted(PRIVATE_TYPES - _named_types(params))
    if hidden:
        filters = _listed(params.get("fq_list"))
        params["fq_list"] = [*filters, f"-dataset_type:({' OR '.join(hidden)})"]
    return params


def before_dataset_search(params: dict[str, Any]) -> dict[str, Any]:
    """Apply :func:`guard` and :func:`hide`: the plugin's hook.

    :param params: parameters of ``package_search``
    :returns: the same dict
    """
    return hide(guard(params))


def _integer(value: object, default: int) -> int:
    try:
        return int(cast(Any, value))
    except (TypeError, ValueError):
        return default


def _listed(value: object) -> list[str]:
    if not value:
        return []
    if isinstance(value, str):
        return [value]
    return [str(item) for item in cast("Iterable[object]", value)]


def _result_fields(value: object) -> Iterator[str]:
    """Yield the plain names of a field list.

    The score is left out: for ``q=organization:parks`` it tells how many documents, hidden ones
    included, belong to a department, and for ``q=id:x`` how many there are at all.
    """
    for part in _listed(value):
        for name in re.split(r"[,\s]+", part):
            if _RESULT_FIELD.fullmatch(name) and name.lower() != _SCORE:
                yield name


def _sort(value: str, query: str) -> str | None:
    """Keep ``field asc|desc``; without any, None lets core take its default order."""
    terms: list[str] = []
    for part in value.split(","):
        found = _SORT_TERM.fullmatch(part)
        if found and not (found[1].lower() == _SCORE and _measures(query)):
            terms.append(f"{found[1]} {found[2].lower()}")
    if terms:
        return ", ".join(terms)
    return "metadata_modified desc" if _measures(query) else None


def _measures(query: str) -> bool:
    """Whether a query names a field whose statistics count hidden documents.

    Clauses on identifiers, organization, state or type have scores that depend on nothing but
    how many documents there are; with boosts, the order of two results tells the number.
    """
    if ":" not in query or query.strip() == "*:*":
        return False
    outside_quotes = re.sub(r'"(?:\\.|[^"\\])*"', '""', query)
    names = _FIELD_IN_QUERY.findall(outside_quotes)
    return not names or any(not _WORDS.fullmatch(name) for name in names)


def _named_types(params: dict[str, Any]) -> frozenset[str]:
    named: set[str] = set()
    for text in (
        *_listed(params.get("q")),
        *_listed(params.get("fq")),
        *_listed(params.get("fq_list")),
    ):
        for clause in _TYPE_CLAUSE.finditer(text):
            if clause["not"]:
                continue
            for word in re.split(r"[\s\"]+|\bOR\b", clause["group"] or clause["one"] or ""):
                named.update(_matching(word))
    return frozenset(named)


def _matching(word: str) -> Iterator[str]:
    """Yield our types that a word, possibly with wildcards, stands for."""
    pattern = re.escape(word).replace(r"\*", ".*").replace(r"\?", ".")
    for name in PRIVATE_TYPES:
        if word and re.fullmatch(pattern, name):
            yield name
