"""The process behind a :class:`bench.workers.Worker`: jobs in, answers out, one line of JSON each."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from ckan.cli import load_config
from ckan.config.middleware import make_app


def main(ini: str) -> None:
    """Carry out jobs until standard input ends.

    :param ini: the configuration
    """
    # Answers go to the real standard output; whatever else prints goes to standard error.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    app = make_app(load_config(ini))
    flask_app = getattr(app, "_wsgi_app", app)

    from bench import jobs

    site = jobs.Site(flask_app)
    for line in sys.stdin:
        name, params = json.loads(line)
        answer: dict[str, Any]
        try:
            answer = {"result": getattr(site, name)(**params)}
        except Exception as error:  # noqa: BLE001 - reported to the process that asked
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
