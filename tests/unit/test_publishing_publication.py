"""Reading the inputs of prepare, promote and withdraw."""

from __future__ import annotations

import io
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from werkzeug.datastructures import FileStorage

from ckanext.inventory.publishing import uploads
from ckanext.inventory.publishing.publication import Publication, publication_from, upload_of


def a_file(name: str = "trees.csv", text: bytes = b"a,b") -> FileStorage:
    return FileStorage(io.BytesIO(text), filename=name)


def test_nothing_given() -> None:
    assert publication_from({}) == Publication()


def test_json_and_form_values_read_alike() -> None:
    typed = publication_from(
        {
            "mode": "created",
            "resources": '[{"url": " https://example.org/a "}]',
            "extra": '{"update_frequency": "Every week"}',
            "metadata_only": "on",
            "name": " trees ",
        }
    )
    sent = publication_from(
        {
            "mode": "created",
            "resources": [{"url": "https://example.org/a", "format": ""}],
            "extra": {"update_frequency": "Every week"},
            "metadata_only": True,
            "name": "trees",
        }
    )
    assert typed == sent


@pytest.mark.parametrize("empty", [{"upload": a_file("")}, {"url": " ", "name": ""}, {}])
def test_empty_rows_of_a_form_are_nothing(empty: dict[str, Any]) -> None:
    assert publication_from({"resources": [empty]}).resources == ()


def test_a_file_is_kept() -> None:
    upload = a_file()
    (resource,) = publication_from({"resources": [{"upload": upload, "url": ""}]}).resources
    assert upload_of(resource) is upload


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mode", "published"),
        ("on_withdraw", "burn"),
        ("url", ["https://example.org"]),
        ("metadata_only", "perhaps"),
        ("resources", "[{"),
        ("resources", ["https://example.org"]),
        ("resources", {"url": "https://example.org"}),
        ("extra", ["a"]),
        ("extra", "a"),
        ("private", False),
    ],
)
def test_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(tk.ValidationError) as refused:
        publication_from({key: value, "due": 7})
    assert set(refused.value.error_dict) == {key, "due"}


def test_digest_and_size_leave_the_file_at_its_beginning() -> None:
    upload = a_file(text=b"x" * 10)
    upload.stream.read(3)
    assert uploads.size_in_bytes(upload) == 10
    assert uploads.digest(upload) == uploads.digest(a_file(text=b"x" * 10))
    assert uploads.digest(upload) != uploads.digest(a_file(text=b"y"))
    assert upload.stream.read() == b"x" * 10


def test_places_of_files_follow_from_the_dataset() -> None:
    dataset = "6f0d3f4e-62d5-4a8c-9a43-8f2f5c0f3b1d"
    ids = [uploads.resource_id(dataset, counter) for counter in range(3)]
    assert ids == [uploads.resource_id(dataset, counter) for counter in range(3)]
    assert len(set(ids)) == 3
