"""What the self-check found, as it is printed and shown."""

from __future__ import annotations

from dataclasses import dataclass

from ckanext.inventory.types import Word


class Severity(Word):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that isn't as it should be.

    :param name: a short name; an option's own name where it is about one
    :param severity: an error is something private that can be seen, or a record that is broken
    :param message: what it is, in a sentence
    :param remedy: what to do
    :param leak: number of the leak contract, or empty
    :param ids: packages that it is about, at most some of them
    :param count: how many there are
    :param repairable: ``ckan inventory check --repair`` puts it right
    """

    name: str
    severity: Severity
    message: str
    remedy: str
    leak: str = ""
    ids: tuple[str, ...] = ()
    count: int = 0
    repairable: bool = False

    def line(self) -> str:
        """Return the finding as one line.

        :returns: name, message, leak and remedy
        """
        leak = f" ({self.leak})" if self.leak else ""
        return f"{self.name}: {self.message}{leak}. To do: {self.remedy}."
