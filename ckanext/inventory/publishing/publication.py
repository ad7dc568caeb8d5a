"""What a person gives along with prepare, promote and withdraw, read from raw inputs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard, cast

import ckan.plugins.toolkit as tk
from werkzeug.datastructures import FileStorage

from ckanext.inventory.model.link import CREATED, EXTERNAL, LINKED

MODES = (CREATED, LINKED, EXTERNAL)

DEFAULT = "default"
KEEP = "keep"
PRIVATE = "private"
DELETED = "deleted"
ON_WITHDRAW = (DEFAULT, KEEP, PRIVATE, DELETED)

_TRUE = frozenset({"true", "on", "yes", "1"})
_FALSE = frozenset({"", "false", "off", "no", "0"})


@dataclass(frozen=True)
class Publication:
    """The inputs of an act, all optional.

    :param mode: ``created``, ``linked`` or ``external``; None for as before, else ``created``
    :param dataset: id or name of the public dataset to link
    :param url: address of the data elsewhere (``external``)
    :param organization: id or name of the organization that publishes
    :param name: last part of the public address; made from the title by default
    :param license_id: the licence, if the entry's own or the inherited one is not to be used
    :param resources: links (``url``) and files (``upload``) with name, format, description
    :param metadata_only: there is no data to go with it, said expressly
    :param extra: key → value of what is confirmed or asked besides
    :param data_dictionary_public: whether the link to the data dictionary goes out, too
    :param owner: name or id of the account of whoever prepares the data
    :param due: partial date until when
    :param on_withdraw: what becomes of the dataset: ``default``, ``keep`` (a linked one),
        ``private`` or ``deleted``
    """

    mode: str | None = None
    dataset: str | None = None
    url: str | None = None
    organization: str | None = None
    name: str | None = None
    license_id: str | None = None
    resources: tuple[Mapping[str, Any], ...] = ()
    metadata_only: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    data_dictionary_public: bool = False
    owner: str | None = None
    due: str | None = None
    on_withdraw: str = DEFAULT

    @property
    def ticked(self) -> frozenset[str]:
        """The conditions of the map that this act ticks."""
        return frozenset({"data_dictionary_public"} if self.data_dictionary_public else ())


def _is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def publication_from(inputs: Mapping[str, Any]) -> Publication:
    """Read and check the raw inputs of an action or form.

    :param inputs: input name → value; a name that is none is refused, as it is most likely a typo
    :returns: the publication
    :raises ValidationError: by input
    """
    reader = _Reader(inputs)
    found = Publication(
        mode=reader.choice("mode", MODES),
        dataset=reader.text("dataset"),
        url=reader.text("url"),
        organization=reader.text("organization"),
        name=reader.text("name"),
        license_id=reader.text("license_id"),
        resources=reader.resources(),
        metadata_only=reader.flag("metadata_only"),
        extra=reader.mapping("extra"),
        data_dictionary_public=reader.flag("data_dictionary_public"),
        owner=reader.text("owner"),
        due=reader.text("due"),
        on_withdraw=reader.choice("on_withdraw", ON_WITHDRAW) or DEFAULT,
    )
    for key in set(inputs) - {each.name for each in dataclasses.fields(Publication)}:
        reader.error(key, "This is no input of promotion.")
    if reader.errors:
        raise tk.ValidationError({**reader.errors})
    return found


class _Reader:
    def __init__(self, inputs: Mapping[str, Any]):
        self.inputs = inputs
        self.errors: dict[str, list[str]] = {}

    def error(self, key: str, message: str) -> None:
        self.errors.setdefault(key, []).append(tk._(message))

    def text(self, key: str) -> str | None:
        value = self.inputs.get(key)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            self.error(key, "This has to be a text.")
            return None
        return value.strip() or None

    def choice(self, key: str, allowed: tuple[str, ...]) -> str | None:
        value = self.text(key)
        if value is not None and value not in allowed:
            self.error(key, "That isn't one of the choices.")
            return None
        return value

    def flag(self, key: str) -> bool:
        value = self.inputs.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        word = str(value).strip().lower()
        if word not in _TRUE | _FALSE:
            self.error(key, "This has to be yes or no.")
        return word in _TRUE

    def _json(self, key: str, wanted: Callable[[Any], bool], message: str) -> Any:
        value = self.inputs.get(key)
        if isinstance(value, str) and value.strip():
            try:
                value = json.loads(value)
            except ValueError:
                self.error(key, message)
                return None
        if value in (None, "", [], {}):
            return None
        if not wanted(value):
            self.error(key, message)
            return None
        return value

    def mapping(self, key: str) -> Mapping[str, Any]:
        value = self._json(key, _is_mapping, "This has to be a list of keys and values.")
        return dict(cast("Mapping[str, Any]", value)) if value else {}

    def resources(self) -> tuple[Mapping[str, Any], ...]:
        message = "Each link or file needs a url or an upload."

        def wanted(value: Any) -> bool:
            return isinstance(value, (list, tuple)) and all(
                _is_mapping(each) for each in cast("list[Any]", value)
            )

        found = self._json("resources", wanted, message)
        given = [_trimmed(each) for each in cast("list[Mapping[str, Any]]", found or [])]
        return tuple(each for each in given if _holds_anything(each))


def _trimmed(resource: Mapping[str, Any]) -> dict[str, Any]:
    trimmed = {
        key: value.strip() if isinstance(value, str) else value for key, value in resource.items()
    }
    return {key: value for key, value in trimmed.items() if value not in (None, "")}


def _holds_anything(resource: Mapping[str, Any]) -> bool:
    """An empty row of a form is no resource; neither is a file input without a file."""
    upload = resource.get("upload")
    has_file = isinstance(upload, FileStorage) and bool(upload.filename)
    return has_file or any(key != "upload" for key in resource)


def upload_of(resource: Mapping[str, Any]) -> FileStorage | None:
    """Return the file of a resource.

    :param resource: one of ``Publication.resources``
    :returns: the upload, None for a link
    """
    upload = resource.get("upload")
    return upload if isinstance(upload, FileStorage) and upload.filename else None
