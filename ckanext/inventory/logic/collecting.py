"""Sparing Python's collector the objects of the whole site while many rows are read and written.

Thousands of new objects let it look through all that there are, again and again: CKAN's own, which stay as long
as the process does, are most of them.

Source: Python's documentation of ``gc.freeze``.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def new_objects_only() -> Iterator[None]:
    """Let the collector look through what is made meanwhile only; also as a decorator.

    What was garbage before is collected afterwards. Where somebody else keeps objects from the collector
    already, nothing is changed; where a second thread comes to its end first, it looks through all again.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
