"""What somebody who knows Solr, SQL, HTTP and Python would send: tables, multiplied out.

``{w}`` stands for a word, an id, a name or a number. Nothing here knows what is asked: the tests
send each payload once with something hidden in its place and once with something that isn't there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

QUERY_FORMS: tuple[str, ...] = (
    "{w}",
    '"{w}"',
    "{w}*",
    "*{w}*",
    "{w}~2",
    "/{w}.*/",
    "text:{w}",
    "title:{w}",
    "title_string:{w}",
    "notes:{w}",
    "name:{w}",
    "id:{w}",
    "id:[{w} TO *]",
    "name:{* TO {w}}",
    "extras_steward:{w}",
    "steward:{w}",
    "vocab_keywords:{w}",
    "tags:{w}",
    "data_dict:*{w}*",
    "validated_data_dict:*{w}*",
    "permission_labels:{w}",
    "+permission_labels:* +text:{w}",
    "-permission_labels:public",
    "capacity:private AND {w}",
    "+state:(active OR draft OR deleted) {w}",
    "*:* OR {w}",
    "*:* -({w})",
    "(*:* AND -text:{w}) OR id:*",
    "{w}^1000 OR *:*",
    "text:{w}^=5",
    "filter(text:{w})",
    "_text_:{w}",
    "{!func}docfreq(text,'{w}')",
    "{!func}ttf(text,'{w}')",
    "{!func}numdocs()",
    "{!frange l=1}docfreq(text,'{w}')",
    "{!term f=title_string}{w}",
    "{!terms f=id}{w}",
    "{!raw f=name}{w}",
    "{!prefix f=title_string}{w}",
    "{!field f=text}{w}",
    "{!lucene df=text}{w}",
    "{!dismax qf=text}{w}",
    "{!edismax qf=text uf='* _query_'}{w}",
    "{!boost b=docfreq(text,'{w}')}*:*",
    "{!join from=owner_org to=owner_org}text:{w}",
    "{!graph from=id to=owner_org}text:{w}",
    "{!parent which=*:*}text:{w}",
    "{!child of=*:*}text:{w}",
    "{!collapse field=owner_org}",
    "{!mlt qf=text}{w}",
    "{!complexphrase}{w}*",
    "{!surround}{w}",
    "{!switch case='*:*' v={w}}",
    "{!xmlparser}<TermQuery fieldName='text'>{w}</TermQuery>",
    "{!significantTerms field=title_string}{w}",
    "{!rerank reRankQuery=$fq}",
    "{!tag=x}text:{w}",
    "{!ex=x}title_string",
    "{!key=x facet.mincount=0}title_string",
    "{!facet.mincount=0 facet.limit=-1}title_string",
    "{!terms='{w}'}title_string",
    "{!v=$fq}",
    "{! v='text:{w}'}",
    '_query_:"text:{w}"',
    '_query_:"{!func}docfreq(text,{w})"',
    '_val_:"docfreq(text,{w})"',
    "\\_query_:{w}",
    "docfreq(text,'{w}')",
    "ttf(text,'{w}')",
    "if(exists(query({!v='text:{w}'})),1,0)",
    "query($fq)",
    "strdist('{w}',title_string,edit)",
    "termfreq(text,'{w}')",
    "idf(text,'{w}')",
    "[explain]",
    "[subquery fromIndex=ckan]",
    "[child parentFilter=*:*]",
    "x:docfreq(text,'{w}')",
    "score",
    "*",
    "*,score",
    "*,[shard]",
    "data_dict,validated_data_dict",
    "title_string",
    "docfreq(text,'{w}') desc",
    "sum(docfreq(text,'{w}'),1) asc, name asc",
    "title_string asc",
    "extras_steward desc, name asc",
    "query({!v='text:{w}'}) desc",
    "random_1 desc",
    "_docid_ asc",
    "field(title_string,min) asc",
)
"""What is sent where a query, a field, an order or a function is expected."""

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "space before": lambda text: f" \t{text}",
    "no-break space before": lambda text: f"\u00a0{text}",
    "line feed before": lambda text: f"\n{text}",
    "zero before": lambda text: f"\x00{text}",
    "after a word": lambda text: f"public {text}",
    "in brackets": lambda text: f"({text})",
    "in quotes": lambda text: '"' + text.replace('"', '\\"') + '"',
    "negated": lambda text: f"-{text}",
    "escaped brace": lambda text: text.replace("{!", "\\{!"),
    "twice escaped brace": lambda text: text.replace("{!", "\\\\{!"),
    "brace apart": lambda text: text.replace("{!", "{ !"),
    "comment before": lambda text: f"/* x */{text}",
    "url-quoted": lambda text: quote(text),
    "wide letters": lambda text: text.replace("{", "\uff5b").replace("!", "\uff01"),
    "upper case": str.upper,
    "unbalanced": lambda text: f") OR {text} OR (",
    "next parameter": lambda text: f"x&fq=&{text}",
}
"""How it is written."""

SEARCH_PLACES: tuple[str, ...] = (
    "q",
    "fq",
    "fq_list",
    "fl",
    "sort",
    "facet.field",
    "qf",
    "bf",
    "boost",
    "bq",
    "pf",
    "uf",
    "q.alt",
    "q.op",
    "df",
    "mm",
    "tie",
    "defType",
    "wt",
    "facet",
    "facet.limit",
    "facet.mincount",
    "facet.query",
    "facet.prefix",
    "facet.pivot",
    "facet.range",
    "f.title_string.facet.mincount",
    "json",
    "json.facet",
    "json.query",
    "stats.field",
    "hl.fl",
    "group.field",
    "group.query",
    "mlt.fl",
    "terms.fl",
    "spellcheck.q",
    "debugQuery",
    "rq",
    "qt",
    "shards",
    "stream.body",
    "cursorMark",
    "collection",
    "rows",
    "start",
    "include_private",
    "use_default_schema",
    "permission_labels",
    "extras",
    "ext_words",
    "ignore_auth",
)
"""Parameters, those that core knows and those that only Solr does."""

LISTS = frozenset({"fq_list", "fl", "facet.field"})
"""Parameters that are lists: each is sent as a list, as text and as a list in a list."""

AMID: tuple[dict[str, Any], ...] = (
    {},
    {"include_private": True, "include_drafts": True, "include_deleted": True, "rows": 100},
    {"defType": "edismax", "facet.field": ["title_string"], "facet.mincount": 0},
)
"""What else is sent with it."""


def searches(place: str) -> Iterator[dict[str, Any]]:
    """Yield every search that has a payload in one parameter, ``{w}`` still in it.

    :param place: the parameter
    """
    for number, (form, (name, spell)) in enumerate(
        itertools.product(QUERY_FORMS, SPELLINGS.items())
    ):
        text = spell(form)
        if name != "as it is" and text == form:
            continue
        values: list[Any] = [text]
        if place in LISTS:
            values = [[text], text, [[text]], ["name", text]][number % 4 :][:1]
        for value in values:
            yield {**AMID[number % len(AMID)], place: value}


def filled(value: Any, word: str) -> Any:
    """Put a word in the place of ``{w}``, wherever it stands."""
    if isinstance(value, str):
        return value.replace("{w}", word).replace("{W}", word.upper())
    if isinstance(value, list):
        return [filled(each, word) for each in value]
    if isinstance(value, dict):
        return {key: filled(each, word) for key, each in value.items()}
    return value


REFERENCES: dict[str, Callable[[str], Any]] = {
    "as it is": lambda ref: ref,
    "upper case": str.upper,
    "lower case": str.lower,
    "space after": lambda ref: f"{ref} ",
    "space before": lambda ref: f" {ref}",
    "line feed after": lambda ref: f"{ref}\n",
    "zero after": lambda ref: f"{ref}\x00",
    "cut": lambda ref: ref[:-1],
    "per cent": lambda ref: f"{ref[:-2]}%",
    "underline": lambda ref: f"{ref[:-1]}_",
    "star": lambda ref: f"{ref[:-2]}*",
    "in braces": lambda ref: f"{{{ref}}}",
    "urn": lambda ref: f"urn:uuid:{ref}",
    "without hyphens": lambda ref: ref.replace("-", ""),
    "list": lambda ref: [ref],
    "dict": lambda ref: {"id": ref},
    "list of dicts": lambda ref: [{"id": ref, "name": ref}],
    "two": lambda ref: f"{ref},{ref}",
    "sql or": lambda ref: f"{ref}' OR '1'='1",
    "sql comment": lambda ref: f"{ref}'--",
    "sql union": lambda ref: f"' UNION SELECT title FROM package WHERE id='{ref}",
    "format": lambda ref: f"{ref}%s{{0.__class__}}",
    "template": lambda ref: f"{{{{{ref}}}}}",
    "wide hyphen": lambda ref: ref.replace("-", "\uff0d"),
    "soft hyphen": lambda ref: f"{ref[:3]}\u00ad{ref[3:]}",
    "path": lambda ref: f"../{ref}",
}
"""How an id is written where an action takes one."""

ADDRESSES: dict[str, Callable[[str], str]] = {
    "as it is": lambda path: path,
    "slash after": lambda path: f"{path}/",
    "two slashes": lambda path: f"/{path}",
    "dot before": lambda path: f"/.{path}",
    "up and down": lambda path: f"/dataset/..{path}",
    "upper case": lambda path: path.rpartition("/")[0] + "/" + path.rpartition("/")[2].upper(),
    "quoted": lambda path: "".join(
        f"%{ord(each):02x}" if each.isalnum() else each for each in path
    ),
    "quoted twice": lambda path: path.replace("-", "%252D"),
    "quoted hyphen": lambda path: path.replace("-", "%2D"),
    "semicolon": lambda path: f"{path};x=1",
    "zero": lambda path: f"{path}%00",
    "line feed": lambda path: f"{path}%0a",
    "space": lambda path: f"{path}%20",
    "json": lambda path: f"{path}.json",
    "rdf": lambda path: f"{path}.rdf",
    "xml": lambda path: f"{path}.xml",
    "ttl": lambda path: f"{path}.ttl",
    "jsonld": lambda path: f"{path}.jsonld",
    "csv": lambda path: f"{path}.csv",
    "atom": lambda path: f"{path}.atom",
    "language": lambda path: f"/de{path}",
    "other language": lambda path: f"/xx{path}",
    "callback": lambda path: f"{path}?callback=told",
    "private": lambda path: f"{path}?include_private=true&ignore_auth=true",
    "type": lambda path: f"{path}?package_type=dataset&format=rdf&profiles=schemaorg",
    "activity": lambda path: f"{path}?activity_id=0&include_data=true",
    "template": lambda path: f"{path}?template=package/read_base.html&for_view=true",
}
"""How an address is written."""

HEADERS: dict[str, dict[str, str]] = {
    "json": {"Accept": "application/json"},
    "rdf": {"Accept": "application/rdf+xml"},
    "turtle": {"Accept": "text/turtle"},
    "ld": {"Accept": "application/ld+json"},
    "nothing": {"Accept": "x/y"},
    "known": {"If-None-Match": "*", "If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
    "range": {"Range": "bytes=0-10"},
    "method": {"X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/inventory/"},
    "host": {"X-Forwarded-Host": "example.org", "X-Forwarded-User": "person-cdo"},
    "person": {"REMOTE_USER": "person-cdo", "X-CKAN-API-Key": "person-cdo"},
    "bearer": {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
    "ajax": {"X-Requested-With": "XMLHttpRequest", "HX-Request": "true"},
    "language": {"Accept-Language": "de, *;q=0"},
}
"""Headers that change what comes back."""


def sample(payloads: list[Any], every: int) -> list[Any]:
    """Take every so many, a step that meets each column of a table.

    :param payloads: all of them
    :param every: how many are left out between two
    """
    return payloads[::every]
