"""The list of everything that people read, for translators: ``python -m devstack.messages`` writes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

from babel.messages import frontend
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

ROOT = Path(__file__).resolve().parent.parent
POT = ROOT / "ckanext" / "inventory" / "i18n" / "ckanext-inventory.pot"
_HEADER = "# Words of ckanext-inventory, for translators. Written by: python -m devstack.messages"


def collect() -> Catalog:
    """Extract every message from the sources, as ``babel.cfg`` says.

    :returns: the messages with the files that hold them
    """
    with (ROOT / "babel.cfg").open(encoding="utf-8") as config:
        methods, options = cast(Any, frontend).parse_mapping_cfg(config, filename="babel.cfg")
    catalog = Catalog(project="ckanext-inventory", header_comment=_HEADER, charset="utf-8")
    found = extract_from_dir(ROOT, methods, options, comment_tags=["TRANSLATORS:"])
    for name, _line, message, comments, context in found:
        catalog.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalog


def write(catalog: Catalog, path: Path = POT) -> None:
    """Write the template that translations begin with.

    :param catalog: the messages
    :param path: where to
    """
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        write_po(
            file, catalog, width=100, omit_header=False, include_lineno=False, sort_output=True
        )


def main() -> int:
    """Write the template and say how many messages it has.

    :returns: the exit status
    """
    catalog = collect()
    write(catalog)
    print(f"{POT.relative_to(ROOT)}: {len(catalog)} messages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
