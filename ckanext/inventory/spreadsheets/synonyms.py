"""The shipped table of other people's headers, loaded once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent / "synonyms.yaml"

# Letters that aren't split into a letter and an accent.
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i"})


def key(text: str) -> str:
    """Return a text in the form in which headers and values are compared.

    :param text: any text
    :returns: lower case without accents, runs of other characters as one space

    Source: fields.md 5
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = unicodedata.normalize("NFKD", plain).casefold().translate(_LETTERS)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return re.sub(r"[\W_]+", " ", plain).strip()


def squash(text: str) -> str:
    """Return a text as compared with its spaces removed (``DATASET_NAME`` = ``DatasetName``).

    :param text: any text
    """
    return key(text).replace(" ", "")


@dataclass(frozen=True)
class Synonyms:
    """The table in the forms in which it is asked.

    :param headers: package type to squashed header to target field, in the order of the file
    :param ignored: squashed header to why it is no field of ours
    :param kept_as_comment: package type to squashed headers
    :param title_from: squashed headers that may serve as the name
    :param texts_only: squashed headers that are a description only if they hold texts
    :param inverted: squashed headers whose yes means no
    :param companions: field to the field that keeps what didn't fit
    :param languages: squashed name to ISO 639-1 code
    :param months: squashed name to number
    """

    headers: Mapping[str, Mapping[str, str]]
    ignored: Mapping[str, str]
    kept_as_comment: Mapping[str, frozenset[str]]
    title_from: frozenset[str]
    texts_only: frozenset[str]
    inverted: frozenset[str]
    companions: Mapping[str, str]
    languages: Mapping[str, str]
    months: Mapping[str, int]


def parse(raw: Mapping[str, Any]) -> Synonyms:
    """Turn the file's content into its lookup form.

    :param raw: the parsed YAML
    :returns: the table
    """
    return Synonyms(
        headers={
            package_type: {
                squash(header): target for target, headers in fields.items() for header in headers
            }
            for package_type, fields in raw["headers"].items()
        },
        ignored={
            squash(header): group["reason"]
            for group in raw["ignored"]
            for header in group["headers"]
        },
        kept_as_comment={
            package_type: frozenset(map(squash, headers))
            for package_type, headers in raw["kept_as_comment"].items()
        },
        title_from=frozenset(map(squash, raw["title_from"])),
        texts_only=frozenset(map(squash, raw["texts_only"])),
        inverted=frozenset(map(squash, raw["inverted"])),
        companions=dict(raw["companions"]),
        languages={
            squash(name): code
            for code, names in raw["languages"].items()
            for name in [code, *names]
        },
        months={
            squash(name): number
            for number, names in enumerate(raw["months"], start=1)
            for name in names
        },
    )


@lru_cache(maxsize=1)
def load() -> Synonyms:
    """Return the shipped table."""
    with FILE.open(encoding="utf-8") as stream:
        return parse(yaml.safe_load(stream))
