"""Refusing with everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.types import ErrorDict


def refusal(errors: Mapping[str, Any]) -> tk.ValidationError:
    """Make the error that refuses a call.

    :param errors: field or input → messages; ``__all__`` for the record as a whole
    :returns: the error to raise
    """
    return tk.ValidationError(cast(ErrorDict, dict(errors)))


def one_of(values: Iterable[object]) -> str:
    """Say what is allowed where there are few values.

    :param values: the values
    :returns: the sentence
    """
    names = ", ".join(str(value) for value in values)
    return tk._("This has to be one of: {values}.").format(values=names)
