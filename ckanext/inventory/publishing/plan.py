"""What an act would write: read once, used by the check, the preview and the act itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.model as model
from ckan.lib import munge
from sqlalchemy.orm import Session

from ckanext.inventory import config
from ckanext.inventory.fields import Schema, schema_for
from ckanext.inventory.model import Record
from ckanext.inventory.model.link import CREATED
from ckanext.inventory.publishing import links, mapping, portal, uploads
from ckanext.inventory.publishing.mapping import PublishingMap
from ckanext.inventory.publishing.publication import Publication, upload_of
from ckanext.inventory.types import ENTRY, PRIVATE_TYPES, Person

PREPARE = "prepare"
PROMOTE = "promote"
WITHDRAW = "withdraw"

Content = Mapping[str, Any]
Inherited = Mapping[str, str]
Problems = dict[str, list[str]]


class Plan:
    """The inputs of an act against what is there.

    :param session: the database session
    :param person: who acts
    :param record: the register row
    :param content: the approved content
    :param inherited: what the department's defaults supply
    :param publication: the inputs of the act
    :param lock: hold what is read until the end of the transaction, for an act
    """

    def __init__(
        self,
        session: Session,
        person: Person,
        record: Record,
        content: Content,
        inherited: Inherited,
        publication: Publication,
        *,
        lock: bool = False,
    ):
        self.lock = lock
        self.session = session
        self.person = person
        self.record = record
        self.publication = publication
        self.schema: Schema = schema_for(ENTRY)
        self.map: PublishingMap = mapping.current(self.schema, config.mapping_path())
        self.link = links.link_of(session, record.package_id)
        self.dataset_id = links.dataset_id_for(record.package_id)
        self.mode = publication.mode or (self.link.mode if self.link is not None else CREATED)
        self.content = dict(content)
        if publication.license_id:
            self.content["license_id"] = publication.license_id
        self.inherited = inherited
        self.current: dict[str, Any] = {}
        self.package: model.Package | None = None
        if self.mode == CREATED:
            self.package = session.get(model.Package, self.dataset_id)
            if self.package is not None and self.is_ours:
                self.current = portal.show(session, self.dataset_id, lock=lock) or {}

    @property
    def is_ours(self) -> bool:
        """Whether the package under the derived id can be the dataset of this entry."""
        return self.package is None or self.package.type not in PRIVATE_TYPES

    @property
    def dataset_type(self) -> str:
        """The type of the public dataset; one that exists keeps its own."""
        return str(self.package.type) if self.package is not None else self.map.dataset_type

    @property
    def owner(self) -> str | None:
        """User id of whoever is to prepare the data; None if there is no such account."""
        user = model.User.get(self.publication.owner) if self.publication.owner else None
        active = user is not None and user.state == model.State.ACTIVE
        return str(user.id) if user is not None and active else None

    @property
    def before(self) -> dict[str, Any]:
        """The mapped keys as they went out the last time."""
        made = self.link is not None and self.link.mode == CREATED
        return dict(self.link.copied) if made and self.link is not None else {}

    @property
    def license_id(self) -> str | None:
        """The licence of the public dataset."""
        return self.content.get("license_id") or self.inherited.get("license_id")

    def built(self) -> dict[str, Any]:
        """Return the mapped keys as they go out now."""
        return mapping.build(
            self.map,
            self.schema,
            self.content,
            self.inherited,
            confirmed=self.publication.extra,
            ticked=self.publication.ticked,
        )

    def asked(self) -> dict[str, Any]:
        """Return what the act gives besides the mapped keys."""
        confirmed = {rule.input_key for rule in self.map.confirmed()}
        return {k: v for k, v in self.publication.extra.items() if k not in confirmed}

    def organization(self) -> model.Group | None:
        """Return the organization that publishes: chosen, as before, or by default."""
        chosen = self.publication.organization
        reference = chosen or (
            self.current.get("owner_org") or self.map.organization or self.record.department
        )
        group = model.Group.get(reference)
        usable = group is not None and group.is_organization and group.state == "active"
        return group if usable else None

    def allowed_organizations(self) -> list[model.Group]:
        """Return the organizations that may publish this entry, its own department first."""
        references = [self.record.department, *sorted(config.target_organizations())]
        if self.map.organization:
            references.append(self.map.organization)
        found: dict[str, model.Group] = {}
        for reference in references:
            group = model.Group.get(reference)
            if group is not None and group.is_organization and group.state == "active":
                found[group.id] = group
        return list(found.values())

    def new_resources(self) -> list[dict[str, Any]]:
        """Return the links and files that the dataset doesn't have yet.

        The same link or file given again, as by a repeated request, adds nothing.
        """
        present = list(self.current.get("resources", ()))
        links_there = {(each.get("url"), each.get("name") or "") for each in present}
        files_there = {(_file_name(each.get("url")), each.get("hash") or "") for each in present}
        new: list[dict[str, Any]] = []
        for each in self.publication.resources:
            upload = upload_of(each)
            if upload is not None:
                key = (munge.munge_filename(str(upload.filename)), uploads.digest(upload))
                if key in files_there:
                    continue
                files_there.add(key)
            else:
                key = (each.get("url"), each.get("name") or "")
                if key in links_there:
                    continue
                links_there.add(key)
            new.append(dict(each))
        return new

    def dataset(self, *, private: bool) -> dict[str, Any]:
        """Return the dataset as it is to be."""
        dataset = portal.merged(self.current, self.built(), self.before, self.dataset_type)
        dataset |= self.asked()
        dataset |= {"private": private, "state": "active"}
        dataset["resources"] = [*self.current.get("resources", ()), *self.new_resources()]
        organization = self.organization()
        if organization is not None:
            dataset["owner_org"] = organization.id
        if not self.current:
            dataset |= {"id": self.dataset_id, "type": self.dataset_type}
        if self.publication.name:
            dataset["name"] = self.publication.name
        elif not self.current:
            title = str(dataset.get("title") or "")
            dataset["name"] = portal.free_name(self.session, title, take=self.lock)
        return dataset


def _file_name(url: Any) -> str:
    return str(url or "").rsplit("/", 1)[-1]
