"""Asking for pages and comparing what came back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ckan.tests.helpers import CKANTestApp

from tests.leaks.city import City
from tests.leaks.sentinels import unpacked

_CHANGING = re.compile(
    r'(?:content|value)="[^"]*\.[\w-]+\.[\w-]+"|nonce="[^"]*"|"help":\s*"[^"]*"|v=[0-9a-f]{6,}'
)
_HEADERS = frozenset({"content-length", "date", "set-cookie", "x-request-id"})


@dataclass(frozen=True)
class Page:
    """A response, reduced to what has to be equal."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def text(self) -> str:
        return f"{self.status} {self.headers} {self.body}"


@dataclass(frozen=True)
class Failure:
    """A page that failed: Flask hands errors on to tests."""

    body: str
    status_code: int = 500
    headers: dict[str, str] = field(default_factory=dict)


def get(
    client: CKANTestApp,
    city: City,
    person: str,
    address: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Any:
    """Ask for an address as somebody, following nothing."""
    try:
        return client.client.open(
            address,
            method=method,
            headers={**city.headers(person), **(headers or {})},
            follow_redirects=False,
            **options,
        )
    except Exception as error:  # noqa: BLE001 - tests see what visitors get as a page
        return Failure(body=repr(error))


def text_of(response: Any) -> str:
    """Headers and body as text; a workbook's parts are unpacked."""
    body = response.body if isinstance(response, Failure) else unpacked(response.data)
    return f"{response.headers} {body}"


def _body(response: Any) -> str:
    if isinstance(response, Failure):
        return response.body
    return response.data.decode("utf-8", "replace")


def plain(response: Any, sent: str) -> Page:
    """Reduce a response: what was sent becomes a placeholder, tokens go."""

    def without(text: str) -> str:
        text = re.sub(re.escape(sent), "<sent>", text, flags=re.IGNORECASE)
        return _CHANGING.sub("", text)

    headers = tuple(
        sorted(
            (name.lower(), without(value))
            for name, value in response.headers.items()
            if name.lower() not in _HEADERS
        )
    )
    return Page(response.status_code, headers, without(_body(response)))
