"""Tells the person who waits what is being done and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(text: str = "") -> None:
    """Print one line at once, also when the output is not a terminal."""
    print(text, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step, and print its duration in seconds when it is over.

    :param text: what is being done, without a full stop
    """
    print(f"  {text} ... ", end="", flush=True)
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        print("not done", flush=True)
        raise
    print(f"{time.monotonic() - begin:.1f} s", flush=True)
