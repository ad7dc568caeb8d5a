"""Refusing with everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.types import ErrorDict


def refusal(errors: Mapping[str, Any]) -> tk.ValidationError:
    """Make the error that refuses a call.

    :param errors: field or input → messages; ``__all__`` for the record as a whole
    :returns: the error to raise
    """
    return tk.ValidationError(cast(ErrorDict, dict(errors)))
