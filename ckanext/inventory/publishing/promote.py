"""Promotion: making, changing and taking back the public dataset of an entry.

Everything runs in the caller's transaction, under the row lock that the caller holds on the entry's
register row, and is indexed after its commit. The dataset's id follows from the entry's, so a retry
after a crash at any point finds what is there instead of making a second one.

Source: leaks L40 and L46, pitfalls P5, P17 and P18.
"""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Link, Record
from ckanext.inventory.model.link import CREATED, LINKED
from ckanext.inventory.publishing import links, portal
from ckanext.inventory.publishing.checks import (
    linked_problems,
    name_in,
    problems,
    state_after,
    withdraw_problems,
)
from ckanext.inventory.publishing.plan import Content, Inherited, Plan
from ckanext.inventory.publishing.preview import preview
from ckanext.inventory.publishing.publication import Publication, publication_from
from ckanext.inventory.service import outbox
from ckanext.inventory.types import Person

__all__ = [
    "Publication",
    "leave_preparing",
    "prepare",
    "preview",
    "problems",
    "promote",
    "publication_from",
    "withdraw",
]


def prepare(
    session: Session,
    person: Person,
    record: Record,
    content: Content,
    inherited: Inherited,
    publication: Publication,
) -> Link:
    """Make the public dataset privately, to receive its data; revive it if it exists.

    :param session: the database session; the caller holds the row lock on the record
    :param person: who acts
    :param record: the register row
    :param content: the approved content
    :param inherited: what the department's defaults supply
    :param publication: the inputs of the act
    :returns: the link
    :raises ValidationError: if core refuses; the transaction is rolled back then
    """
    plan = Plan(session, person, record, content, inherited, publication, lock=True)
    link = _link_for(plan, held=True)
    link.owner = plan.owner or person.user_id
    link.due = publication.due
    _write(plan, link, private=True)
    return link


def promote(
    session: Session,
    person: Person,
    record: Record,
    content: Content,
    inherited: Inherited,
    publication: Publication,
) -> Link:
    """Put an entry on the portal: make, revive or change its dataset, or link to one.

    Promoting again changes mapped keys only and never adds the same data twice.

    :param session: the database session; the caller holds the row lock on the record
    :param person: who acts
    :param record: the register row
    :param content: the approved content
    :param inherited: what the department's defaults supply
    :param publication: the inputs of the act
    :returns: the link
    :raises ValidationError: if core refuses; the transaction is rolled back then
    """
    plan = Plan(session, person, record, content, inherited, publication, lock=True)
    if plan.mode == CREATED:
        link = _link_for(plan, held=False)
        _write(plan, link, private=False)
        return link
    _leave_created(plan)
    link = _link_for(plan, held=False)
    if plan.mode == LINKED:
        reference = publication.dataset or link.dataset_id or ""
        package = links.public_dataset(session, name_in(reference), keep=True)
        if package is None:
            raise tk.ValidationError({**linked_problems(plan)})
        link.dataset_id, link.url = package.id, None
    else:
        link.dataset_id, link.url = None, publication.url or link.url
    link.copied = {}
    _note(plan, link)
    return link


def _leave_created(plan: Plan) -> None:
    """Put away a dataset that was made and withdrawn, when the entry is now linked elsewhere."""
    link = plan.link
    if link is None or link.mode != CREATED or link.dataset_id is None:
        return
    account = portal.user_name(plan.session, plan.person)
    if portal.hide(plan.session, account, link.dataset_id, "deleted"):
        outbox.narrow(plan.session, [link.dataset_id])
    link.dataset_id = None


def _link_for(plan: Plan, *, held: bool) -> Link:
    """Return the entry's link row, new or existing, flushed so that labels see it."""
    link = links.link_of(plan.session, plan.record.package_id, lock=True)
    if link is None:
        link = Link(entry_id=plan.record.package_id, copied={}, inputs={}, at=clock.now())
        plan.session.add(link)
    if plan.mode != link.mode:
        link.dataset_id = link.url = None
    link.mode = plan.mode
    link.held = held
    link.dataset_state = "active"
    if plan.mode == CREATED:
        link.dataset_id = plan.dataset_id
    plan.session.flush()
    return link


def _write(plan: Plan, link: Link, *, private: bool) -> None:
    account = portal.user_name(plan.session, plan.person)
    dataset = plan.dataset(private=private)
    try:
        if plan.current:
            portal.update(plan.session, account, plan.current, dataset)
        else:
            portal.create(plan.session, account, dataset)
    except IntegrityError as error:
        plan.session.rollback()
        message = tk._("Somebody else took this address on the portal just now. Try again.")
        raise tk.ValidationError({"name": [message]}) from error
    except tk.ValidationError:
        plan.session.rollback()
        raise
    link.copied = plan.built()
    _note(plan, link)


def _note(plan: Plan, link: Link) -> None:
    publication = plan.publication
    link.copied_revision = plan.record.approved_revision
    link.copied_hash = plan.record.approved_hash
    link.inputs = {
        "extra": dict(publication.extra),
        "metadata_only": publication.metadata_only,
        "data_dictionary_public": publication.data_dictionary_public,
    }
    link.by = plan.person.user_id
    link.at = clock.now()
    plan.session.flush()
    if link.dataset_id is not None and link.mode == CREATED:
        outbox.reindex(plan.session, [link.dataset_id])


def withdraw(session: Session, person: Person, record: Record, publication: Publication) -> None:
    """Take an entry from the portal: hide the dataset that it made, unlink any other.

    :param session: the database session; the caller holds the row lock on the record
    :param person: who acts
    :param record: the register row
    :param publication: the inputs of the act; only ``on_withdraw`` counts
    :raises ValidationError: on ``on_withdraw``, while another entry is on the portal with the same
        dataset
    """
    link = links.link_of(session, record.package_id, lock=True)
    if link is None:
        return
    if link.dataset_id is not None:
        links.lock_dataset(session, link.dataset_id)
    against = withdraw_problems(session, record, publication)
    if against:
        raise tk.ValidationError({**against})
    state = state_after(link, publication)
    if link.mode == CREATED and state is not None:
        _hold(session, person, link, state)
        return
    if state is not None and link.dataset_id is not None:
        account = portal.user_name(session, person)
        if portal.hide(session, account, link.dataset_id, state):
            outbox.narrow(session, [link.dataset_id])
    session.delete(link)
    session.flush()


def leave_preparing(session: Session, person: Person, record: Record) -> None:
    """Put the prepared dataset away: link and files stay, and the next act revives it.

    :param session: the database session; the caller holds the row lock on the record
    :param person: who acts
    :param record: the register row
    """
    link = links.link_of(session, record.package_id, lock=True)
    if link is not None and link.mode == CREATED:
        _hold(session, person, link, "deleted")


def _hold(session: Session, person: Person, link: Link, state: str) -> None:
    link.held = True
    link.dataset_state = state
    session.flush()
    account = portal.user_name(session, person)
    dataset_id = str(link.dataset_id)
    if portal.hide(session, account, dataset_id, state):
        outbox.narrow(session, [dataset_id])
