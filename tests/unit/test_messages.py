"""What people read can be translated: everything is marked, and the translators' template has it all."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2 import Environment

from ckanext.inventory import extraction, policy, workflow
from ckanext.inventory.vocabularies import load
from devstack import messages

PACKAGE = messages.ROOT / "ckanext" / "inventory"
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))

READ_ALOUD = frozenset({"title", "aria-label", "placeholder", "alt"})
"""Attributes that people see or hear."""
SILENT = frozenset({"script", "style", "code", "kbd"})
NOT_WORDS = frozenset({"https://", "PARKS-0012", "CSV"})
"""Examples of what to type, the same in each language."""


@pytest.fixture(scope="module")
def sources() -> Catalog:
    return messages.collect()


def _ids(catalog: Catalog) -> set[object]:
    return {message.id for message in catalog if message.id}


def test_the_template_for_translators_is_up_to_date(sources: Catalog) -> None:
    with messages.POT.open("rb") as file:
        written = _ids(read_po(file))
    wanted = _ids(sources)
    assert (wanted - written, written - wanted) == (set(), set()), (
        "run: .venv/bin/python -m devstack.messages"
    )


def test_the_words_of_the_pure_modules_are_in_it(sources: Catalog) -> None:
    ids = _ids(sources)
    labels = {row.label for table in workflow.TABLES.values() for row in table.values()}
    assert labels | set(workflow.STATE_LABELS.values()) <= ids
    reasons = {
        value.reason
        for value in vars(policy).values()
        if isinstance(value, policy.Decision) and value.reason
    }
    assert reasons <= ids


def test_the_words_of_the_lists_are_in_it(sources: Catalog) -> None:
    ids, found = _ids(sources), load()
    choices = [choice for each in found.lists.values() for choice in each]
    choices += [*found.levels.values(), *found.blocker_kinds.values()]
    words = {word for each in choices for word in (each.label, each.help, each.guide) if word}
    words |= {rule.reason for rule in found.likelihood_rules}
    assert words <= ids


def test_reads_labels_and_explanations_of_a_file_that_a_city_wrote() -> None:
    text = """
    dataset_fields:
      - field_name: notes
        label: Description
        inventory_term: Abstract
        help_text: >-
          What one row
          stands for.
        choices: [{value: a, label: First, synonyms: [one]}]
    """
    found = extraction.yaml(io.BytesIO(text.encode()), (), (), {})
    assert [message for _line, _function, message, _comments in found] == [
        "Description",
        "Abstract",
        "What one row stands for.",
        "First",
    ]


def test_reads_sentences_that_a_module_leaves_to_others_to_translate() -> None:
    module = '''
"""A module about this."""
WHY = "Only a reviewer can do that."
LABELS = {"draft": "Draft"}
def act(name):
    """Do something big."""
    path = cast("Mapping[str, Any]", name)
    return _("Marked already."), f"In {name} parts", "SELECT id FROM words"
'''

    def read(**options: str) -> list[str]:
        found = extraction.python(io.BytesIO(module.encode()), {"_"}, (), options)
        return [str(message) for _line, _function, message, _comments in found]

    assert read() == ["Marked already.", "Only a reviewer can do that."]
    assert "Draft" in read(labels="true")


# --- nothing is left unmarked -------------------------------------------------------------------


class _Reader(HTMLParser):
    """Collects letters that stand in a template outside of marks."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        for name, value in attrs:
            if name in READ_ALOUD or (tag == "input" and name == "value" and " " in (value or "")):
                self._keep(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._keep(data)

    def _keep(self, text: str) -> None:
        if re.search(r"[^\W\d_]{2}", text) and text.strip() not in NOT_WORDS:
            self.words.append(text.strip())


def _bare_html(source: str) -> str:
    """Return what stays of a template without tags, expressions and translated blocks."""
    kept: list[str] = []
    translated = fresh = False
    for _line, kind, value in Environment(extensions=["jinja2.ext.i18n"]).lexer.tokeniter(
        source, None
    ):
        if kind == "data" and not translated:
            kept.append(value)
        elif kind == "block_begin":
            fresh = True
        elif kind == "name" and fresh:
            translated = value == "trans" or (translated and value != "endtrans")
            fresh = False
    # A tag that begins or ends in an expression is no text.
    return re.sub(r"\s[\w-]+=\"[\w -]*\"(?=[^<>]*$)", "", "".join(kept))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_page_holds_no_word_that_is_not_marked(path: Path) -> None:
    reader = _Reader()
    reader.feed(_bare_html(path.read_text(encoding="utf-8")))
    words = [word for word in reader.words if not re.match(r"[\w-]+=\"", word)]
    assert words == []


SAYS = frozenset(
    {"flash_error", "flash_notice", "flash_success", "Invalid", "NotAuthorized", "ObjectNotFound"}
)
"""Functions whose words reach people."""
AS_CORE_SAYS_IT = frozenset(
    {"Dataset not found", "Dataset was not found", "Harvest object not found"}
)
"""Core's own words where a guard has to answer exactly as core does for what isn't there."""


def _unmarked(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in SAYS:
            said = node.args[:1]
        elif name == "ValidationError" and node.args and isinstance(node.args[0], ast.Dict):
            values = node.args[0].values
            said = [item for each in values if isinstance(each, ast.List) for item in each.elts]
        else:
            continue
        yield from (str(each.value) for each in said if isinstance(each, ast.Constant))


def test_no_module_says_a_sentence_that_is_not_marked() -> None:
    found = {
        (path.name, text)
        for path in PACKAGE.rglob("*.py")
        if "cli" not in path.parts
        for text in _unmarked(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {text for _name, text in found} <= AS_CORE_SAYS_IT, found
