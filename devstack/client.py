"""A small HTTP client for a running site: what a person with a token, or a visitor without, can do."""

from __future__ import annotations

import json
import mimetypes
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


class Refused(Exception):
    """The action API said no.

    :param status: the HTTP status
    :param error: CKAN's error dictionary, or the beginning of the text
    """

    def __init__(self, action: str, status: int, error: Any) -> None:
        super().__init__(f"{action} answered {status}: {error}")
        self.status = status
        self.error = error


@dataclass(frozen=True)
class Client:
    """One person's, or a visitor's, way into the site.

    :param url: the site's address
    :param token: an API token; None for a visitor
    """

    url: str
    token: str | None = None
    timeout_seconds: float = 60

    def action(
        self, name: str, /, files: dict[str, tuple[str, bytes]] | None = None, **data: Any
    ) -> Any:
        """Call an action and return its result.

        :param files: uploads, as field name to file name and content; the rest is then sent as form fields
        :raises Refused: for any answer but success
        """
        if files:
            body, content_type = _form(data, files)
        else:
            body, content_type = json.dumps(data).encode(), "application/json"
        status, text = self._open(f"/api/3/action/{name}", body, content_type)
        try:
            answer = json.loads(text)
        except ValueError:
            raise Refused(name, status, text[:200].decode(errors="replace")) from None
        if not answer["success"]:
            raise Refused(name, status, answer["error"])
        return answer["result"]

    def page(self, path: str) -> tuple[int, str]:
        """Open a page and return its status and text."""
        status, text = self._open(path)
        return status, text.decode(errors="replace")

    def _open(
        self, path: str, body: bytes | None = None, content_type: str | None = None
    ) -> tuple[int, bytes]:
        address = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(address, data=body)
        if content_type:
            request.add_header("Content-Type", content_type)
        if self.token:
            request.add_header("Authorization", self.token)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_seconds) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def _form(data: dict[str, Any], files: dict[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    mark = secrets.token_hex(16)
    parts: list[bytes] = []
    for name, value in data.items():
        text = value if isinstance(value, str) else json.dumps(value)
        parts.append(
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        )
    for name, (filename, content) in files.items():
        kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        parts.append(
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
            f"Content-Type: {kind}\r\n\r\n".encode()
            + content
            + b"\r\n"
        )
    parts.append(f"--{mark}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={mark}"
