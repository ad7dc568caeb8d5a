"""Files given at promotion: ids that a retry finds again, and what a killed process left.

Core writes a file before the transaction commits. The id of its resource, and with it the file's
place, is therefore derived from the dataset's id and a counter: a retry overwrites what an attempt
that failed left behind, and ``check --repair`` knows where to look for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence

import ckan.model as model
import sqlalchemy as sa
from ckan.lib import uploader
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

_BLOCK_BYTES = 1 << 20


def resource_id(dataset_id: str, counter: int) -> str:
    """Return the id of the nth file given at promotions of one dataset.

    :param dataset_id: the public dataset
    :param counter: from 0
    :returns: a UUID
    """
    return str(uuid.uuid5(uuid.UUID(dataset_id), f"upload-{counter}"))


def free_ids(session: Session, dataset_id: str) -> Iterator[str]:
    """Return ids for further files, in order, skipping those that are in use.

    :param session: the database session
    :param dataset_id: the public dataset
    :returns: an endless supply of resource ids
    """
    counter = 0
    while True:
        candidate = resource_id(dataset_id, counter)
        if session.get(model.Resource, candidate) is None:
            yield candidate
        counter += 1


def digest(upload: FileStorage) -> str:
    """Return the digest of a file and go back to its beginning.

    :param upload: the file
    :returns: ``sha256:`` and hexadecimal digits
    """
    found = hashlib.sha256()
    upload.stream.seek(0)
    while block := upload.stream.read(_BLOCK_BYTES):
        found.update(block)
    upload.stream.seek(0)
    return f"sha256:{found.hexdigest()}"


def size_in_bytes(upload: FileStorage) -> int:
    """Return the size of a file and go back to its beginning.

    :param upload: the file
    :returns: bytes
    """
    upload.stream.seek(0, os.SEEK_END)
    size = upload.stream.tell()
    upload.stream.seek(0)
    return size


def possible() -> bool:
    """Tell whether the site stores files at all.

    :returns: the answer
    """
    local = uploader.get_resource_uploader({})
    return getattr(local, "storage_path", local) is not None


def orphans(session: Session, dataset_ids: Sequence[str]) -> list[str]:
    """Find files of promotions that were broken off before they were stored.

    :param session: the database session
    :param dataset_ids: public datasets, existing or not
    :returns: paths; only files in core's local storage are looked at
    """
    local = uploader.get_resource_uploader({})
    if not isinstance(local, uploader.ResourceUpload) or local.storage_path is None:
        return []
    stored: dict[str, str] = {}
    for dataset_id in dataset_ids:
        counter = 0
        while os.path.exists(path := local.get_path(resource_id(dataset_id, counter))):
            stored[resource_id(dataset_id, counter)] = path
            counter += 1
    if not stored:
        return []
    rows = sa.select(model.Resource.id).where(model.Resource.id.in_(stored))
    in_use = set(session.scalars(rows))
    return [path for found, path in stored.items() if found not in in_use]


def remove(paths: Sequence[str]) -> int:
    """Remove files.

    :param paths: as :func:`orphans` found them
    :returns: how many are gone
    """
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
    return len(paths)
