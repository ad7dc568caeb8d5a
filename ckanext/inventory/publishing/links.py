"""The rows that tie entries to public datasets, and what other entries say about a dataset."""

from __future__ import annotations

import uuid

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.model import Link, Record
from ckanext.inventory.types import PRIVATE_TYPES, State

_NAMESPACE = uuid.UUID("6f0d3f4e-62d5-4a8c-9a43-8f2f5c0f3b1d")


def dataset_id_for(entry_id: str) -> str:
    """Return the id of the public dataset that an entry makes; always the same one.

    :param entry_id: the entry
    :returns: a UUID, from which nobody can tell the entry's
    """
    return str(uuid.uuid5(_NAMESPACE, entry_id))


def link_of(session: Session, entry_id: str, *, lock: bool = False) -> Link | None:
    """Load the link of an entry.

    :param session: the database session
    :param entry_id: the entry
    :param lock: hold the row until the end of the transaction
    :returns: the row, or None
    """
    query = sa.select(Link).where(Link.entry_id == entry_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


def public_dataset(session: Session, reference: str, *, keep: bool = False) -> model.Package | None:
    """Find a dataset that everybody may see.

    :param session: the database session
    :param reference: id or name
    :param keep: nobody hides it until the end of the transaction
    :returns: the dataset; None for what is private, deleted or no dataset, as if it didn't exist

    Source: leak L39.
    """
    package = model.package_table
    query = sa.select(model.Package).where(
        sa.or_(package.c.id == reference, package.c.name == reference),
        package.c.state == "active",
        package.c.private.is_(False),
        package.c.type.not_in(PRIVATE_TYPES),
    )
    if keep:
        query = query.with_for_update(read=True).execution_options(populate_existing=True)
    return session.scalar(query)


def lock_dataset(session: Session, dataset_id: str) -> None:
    """Let nobody link to a dataset until the end of the transaction, to hide it.

    :param session: the database session
    :param dataset_id: the public dataset
    """
    package = model.package_table
    session.execute(sa.select(package.c.id).where(package.c.id == dataset_id).with_for_update())


def others_published(session: Session, dataset_id: str, entry_id: str) -> bool:
    """Tell whether another entry that is on the portal is linked to a dataset.

    :param session: the database session
    :param dataset_id: the public dataset
    :param entry_id: the entry that doesn't count
    :returns: the answer
    """
    query = (
        sa.select(Link.entry_id)
        .join(Record, Record.package_id == Link.entry_id)
        .where(
            Link.dataset_id == dataset_id,
            Link.entry_id != entry_id,
            Link.held.is_(False),
            Record.state == State.PUBLISHED.value,
        )
    )
    return session.scalar(query.limit(1)) is not None
