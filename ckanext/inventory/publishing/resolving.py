"""Finding the public dataset that an id, a name or an address stands for, however many at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import config
from ckanext.inventory.types import PRIVATE_TYPES


@dataclass(frozen=True)
class Target:
    """What a reference stands for.

    :param dataset_id: a public dataset here
    :param url: an address elsewhere, where no dataset here is meant
    :param several: more than one dataset here has this address, so that none is taken
    """

    dataset_id: str | None = None
    url: str | None = None
    several: bool = False

    @property
    def found(self) -> bool:
        """Whether it leads anywhere."""
        return bool(self.dataset_id or self.url)


NOTHING = Target()


def is_address(text: str) -> bool:
    """Tell whether a text is an address on the web.

    :param text: the text
    :returns: the answer; False for several in one text
    """
    if any(character.isspace() for character in text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in (parts.hostname or "")


def _own_host() -> str:
    return (urlsplit(str(config.core("ckan.site_url") or "")).netloc or "").lower()


def _name_in(text: str, own_host: str) -> str | None:
    """Return the name or id that a reference gives; None for an address elsewhere."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    if parts.scheme not in ("http", "https"):
        return text
    if parts.netloc.lower() != own_host:
        return None
    steps = [unquote(step) for step in parts.path.split("/") if step]
    for position, step in enumerate(steps[:-1]):
        if step == "dataset":
            return steps[position + 1]
    return ""


def resolve(session: Session, references: Collection[str]) -> dict[str, Target]:
    """Find what references stand for, in two statements.

    :param session: the database session
    :param references: ids, names and addresses
    :returns: reference → target; :data:`NOTHING` for what is private, deleted or not there at all

    Source: leak L39.
    """
    own_host = _own_host()
    names = {text: _name_in(text.strip(), own_host) for text in references}
    by_name = _by_name(session, {name for name in names.values() if name})
    elsewhere = {text.strip() for text, name in names.items() if name is None}
    by_address = _by_address(session, elsewhere)
    found: dict[str, Target] = {}
    for text, name in names.items():
        if name is not None:
            dataset_id = by_name.get(name) or by_name.get(name.lower())
            found[text] = Target(dataset_id) if dataset_id else NOTHING
            continue
        address = text.strip()
        here = by_address.get(address, set())
        if len(here) == 1:
            found[text] = Target(next(iter(here)))
        else:
            usable = address if is_address(address) else None
            found[text] = Target(url=usable, several=len(here) > 1)
    return found


def _public() -> list[sa.ColumnElement[bool]]:
    package = model.package_table
    return [
        package.c.state == model.State.ACTIVE,
        package.c.private.is_(False),
        package.c.type.not_in(PRIVATE_TYPES),
    ]


def _by_name(session: Session, names: Iterable[str]) -> dict[str, str]:
    package = model.package_table
    wanted = {form for name in names for form in (name, name.lower())}
    if not wanted:
        return {}
    query = sa.select(package.c.id, package.c.name).where(
        sa.or_(package.c.id.in_(wanted), package.c.name.in_(wanted)), *_public()
    )
    found: dict[str, str] = {}
    for row in session.execute(query):
        found |= {row.id: row.id, row.name: row.id}
    return found


def _by_address(session: Session, addresses: Collection[str]) -> dict[str, set[str]]:
    """Find datasets that have a file at an address, or name it as their own page."""
    if not addresses:
        return {}
    package, resource = model.package_table, model.resource_table
    files = (
        sa.select(resource.c.url, resource.c.package_id)
        .join(package, package.c.id == resource.c.package_id)
        .where(resource.c.url.in_(addresses), resource.c.state == "active", *_public())
    )
    pages = sa.select(package.c.url, package.c.id).where(package.c.url.in_(addresses), *_public())
    found: dict[str, set[str]] = {}
    for address, dataset_id in session.execute(sa.union_all(files, pages)):
        found.setdefault(address, set()).add(dataset_id)
    return found
