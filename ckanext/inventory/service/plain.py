"""Statements that return columns, not objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session


def execute(
    session: Session,
    statement: sa.Select[Any] | sa.CompoundSelect[Any],
    values: Mapping[str, Any] | None = None,
) -> sa.CursorResult[Any]:
    """Execute a statement whose rows are columns, past the ORM, which would look at each of them.

    :param session: the database session
    :param statement: it selects columns only
    :param values: its parameters
    :returns: the rows
    """
    session.flush()
    return session.connection().execute(statement, values)
