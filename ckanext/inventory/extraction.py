"""What translators get to see: extractors for Babel, named in ``babel.cfg``.

Most sentences stand in ``_()``. Two kinds can't: those of the pure modules, which know no language and
are translated where they are shown, and the words of the YAML files, which a city may replace.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any, cast

import yaml as pyyaml
from babel.messages.extract import extract_python

Found = tuple[int, Any, Any, list[str]]
"""Line, function, message, comments: what Babel expects."""

YAML_WORDS = frozenset(
    {
        "form_placeholder",
        "guide",
        "help",
        "help_text",
        "inventory_term",
        "label",
        "reason",
    }
)
"""Keys of the schemas, vocabularies and the publishing map whose text is read by people."""

_COUNTED = "counted"
"""Marks a message with a number as ``ungettext`` does, in modules that know no language."""

_SENTENCE = re.compile(r"[\"“]?(?:[A-Z]|\{\w+\}|%\(\w+\)s).*[a-z]", re.DOTALL)
_LABEL = re.compile(r"[A-Z][a-z]+")
_NO_SENTENCE = re.compile(r"[A-Z]\w*\[.*\]|[A-Z]{3,} .*", re.DOTALL)  # a type; SQL


def python(
    file: IO[bytes], keywords: Collection[str], tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """Extract what is marked, and the sentences that a module holds for others to translate.

    :param file: a module
    :param keywords: names of the functions that mark
    :param tags: tags of comments for translators
    :param options: ``labels``: also constants of one capitalised word
    :returns: the messages
    """
    marks = [*keywords, _COUNTED]
    found = extract_python(file, cast(Any, marks), tags, cast(Any, options))
    for line, function, message, comments in cast("Iterator[Found]", found):
        yield line, "ungettext" if function == _COUNTED else function, message, comments
    file.seek(0)
    tree = ast.parse(file.read())
    labels = str(options.get("labels", "")).lower() == "true"
    for line, text in _constants(tree, marks):
        if _is_sentence(text) or (labels and _LABEL.fullmatch(text)):
            yield line, None, text, []


def _is_sentence(text: str) -> bool:
    return bool(" " in text.strip() and _SENTENCE.match(text) and not _NO_SENTENCE.fullmatch(text))


def _constants(tree: ast.AST, keywords: Collection[str]) -> Iterator[tuple[int, str]]:
    """Walk over text constants that are neither marked already nor documentation."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Call) and _name(node.func) in {*keywords, "cast"}:
            skipped |= {id(part) for child in node.args for part in ast.walk(child)}
        elif isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in ast.walk(node)}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def yaml(
    file: IO[bytes], keywords: Collection[str], tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """Extract labels and explanations from a schema or from the vocabularies.

    :param file: a YAML file
    :param keywords: not used
    :param tags: not used
    :param options: not used
    :returns: the messages
    """
    yield from _words(cast(Any, pyyaml).compose(file, Loader=pyyaml.SafeLoader))


def _words(node: Any) -> Iterator[Found]:
    if isinstance(node, pyyaml.SequenceNode):
        for item in node.value:
            yield from _words(item)
    elif isinstance(node, pyyaml.MappingNode):
        for key, value in cast("list[tuple[pyyaml.Node, pyyaml.Node]]", node.value):
            if isinstance(value, pyyaml.ScalarNode):
                if key.value in YAML_WORDS and value.value:
                    yield value.start_mark.line + 1, None, value.value, []
            else:
                yield from _words(value)
