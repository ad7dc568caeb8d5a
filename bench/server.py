"""A CKAN site that answers over HTTP with as many processes as a small production site has."""

from __future__ import annotations

import os
import sys
from typing import Any

from ckan import model
from ckan.cli import load_config
from ckan.config.middleware import make_app
from werkzeug.serving import make_server

PROCESSES = 2


def main(ini: str, descriptor: int, port: int) -> None:
    """Serve until the process is ended.

    :param ini: the configuration
    :param descriptor: of a socket that listens already
    :param port: its port
    """
    app: Any = make_app(load_config(ini))
    # No process may use a connection of another.
    model.Session.remove()
    if model.meta.engine is not None:
        model.meta.engine.dispose()
    parent = os.getpid()
    for _ in range(PROCESSES - 1):
        if os.getpid() == parent:
            os.fork()
    make_server("127.0.0.1", port, app, threaded=True, fd=descriptor).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
