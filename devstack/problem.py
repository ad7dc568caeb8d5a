"""What can be missing or taken, said in one sentence with what to do about it."""

from __future__ import annotations


class Problem(Exception):
    """Stops a command with a message for the person who started it, never with a stack trace.

    :param what: one sentence that says what is wrong
    :param remedy: what to do about it
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy
