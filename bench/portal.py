"""Another CKAN, as far as harvesters ask one: pages of its datasets over HTTP."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench import rows

_NAMESPACE = uuid.UUID("0b5c3f5e-6a4e-4b7e-9d0e-0b2f6c1a7d55")
_ADDRESS = re.compile(r"/([a-z0-9]+)-(\d+)/api/\d/action/package_search")


def datasets(mark: str, count: int) -> list[dict[str, Any]]:
    """Return the rows of a city's list as another CKAN shows its datasets.

    :param mark: makes them new
    :param count: how many
    """
    found: list[dict[str, Any]] = []
    for row in rows.rows(count, mark):
        cell = dict(zip(rows.HEADERS, row, strict=True))
        guid = str(uuid.uuid5(_NAMESPACE, f"{mark} {cell['ID']}"))
        tags = {
            tag
            for text in re.split("[,;\n]", cell["Keywords"])
            if len(tag := re.sub(r"[^\w\-. ]", " ", text).strip()[:90]) > 1
        }
        found.append(
            {
                "id": guid,
                "name": f"set-{guid}",
                "title": cell["Dataset name"],
                "notes": cell["Description"],
                "type": "dataset",
                "state": "active",
                "private": False,
                "maintainer": cell["Data owner"],
                "maintainer_email": "opendata@city.example",
                "metadata_created": "2024-01-01T10:00:00.000000",
                "metadata_modified": "2025-01-01T10:00:00.000000",
                "organization": {"name": "city", "title": cell["Department"]},
                "tags": [{"name": tag} for tag in sorted(tags)[:8]],
                "extras": [
                    {"key": "update_frequency", "value": cell["Update frequency"] or "unknown"},
                    {"key": "theme", "value": cell["Category"] or "none"},
                ],
                "resources": [{"url": cell["Link"] or "https://data.example/x", "format": "CSV"}],
            }
        )
    return sorted(found, key=lambda dataset: str(dataset["id"]))


class _Handler(BaseHTTPRequestHandler):
    kept: dict[tuple[str, int], list[dict[str, Any]]] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a search as CKAN does: ``start``, ``rows`` and ``fl`` count."""
        parts = urlsplit(self.path)
        asked = _ADDRESS.fullmatch(parts.path)
        if asked is None:
            self.send_error(404)
            return
        key = (asked[1], int(asked[2]))
        if key not in self.kept:
            self.kept[key] = datasets(*key)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        start = int(query.get("start", 0))
        page = self.kept[key][start : start + min(int(query.get("rows", 10)), 1000)]
        if "fl" in query:
            names = query["fl"].split(",")
            page = [{name: dataset[name] for name in names} for dataset in page]
        answer = {"success": True, "result": {"count": len(self.kept[key]), "results": page}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Answer on a free port for as long as the block runs.

    :returns: the address; ``/MARK-COUNT`` below it is a portal with so many datasets
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
