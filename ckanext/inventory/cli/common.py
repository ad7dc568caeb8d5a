"""What all commands share: who acts, how results and refusals are printed."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import click
from ckan.types import Context
from sqlalchemy.orm import Session

from ckanext.inventory.service import search

Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")


class Refused(click.ClickException):
    """Something can't be done; the message says why. The exit status is 1."""

    exit_code = 1


def as_user(command: Command) -> Command:
    """Add ``--user``, the account that acts."""
    return click.option(
        "--user",
        metavar="NAME",
        help="Account that acts and whose rights count (default: the site's own user).",
    )(command)


def as_json(command: Command) -> Command:
    """Add ``--json``, one JSON document on standard output."""
    return click.option(
        "--json", "json_wanted", is_flag=True, help="Print the result as JSON, for programs."
    )(command)


def _filters(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> Any:
    """Read ``NAME=VALUE``; several values of a name widen it."""
    known = (*search.FACETS, *search.LIST_FACETS)
    found: dict[str, list[str]] = {}
    for text in values:
        name, sign, value = text.partition("=")
        if not sign or name not in known:
            raise click.BadParameter(f'"{text}" has to be NAME=VALUE, with {", ".join(known)}.')
        found.setdefault(name, []).append(value)
    return found


def as_filters(command: Command) -> Command:
    """Add ``--only``, the filters of the lists."""
    return click.option(
        "--only",
        "filters",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_filters,
        help="Only with this value, likelihood, blocker, wanted …; “empty” for no answer.",
    )(command)


def inside_ckan(command: Command) -> Command:
    """Run a command where CKAN's translations and addresses work, and print refusals in words."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        with _request(), _refusals(bool(options.get("json_wanted"))):
            return command(*args, **options)

    return cast(Command, run)


@contextlib.contextmanager
def _request() -> Iterator[None]:
    app = click.get_current_context().meta.get("flask_app")
    if app is None:
        yield
        return
    with app.test_request_context():
        yield


@contextlib.contextmanager
def _refusals(json_wanted: bool) -> Iterator[None]:
    try:
        yield
    except tk.ValidationError as error:
        raise _refused("validation", in_words(error), error.error_dict, json_wanted) from error
    except tk.NotAuthorized as error:
        raise _refused("not_authorized", str(error) or "Not allowed.", None, json_wanted) from error
    except tk.ObjectNotFound as error:
        raise _refused("not_found", str(error) or "Not found.", None, json_wanted) from error


def _refused(kind: str, message: str, fields: Any, json_wanted: bool) -> Refused:
    if json_wanted:
        emit({"error": {"type": kind, "message": message, "fields": fields}})
    return Refused(message)


def in_words(error: tk.ValidationError) -> str:
    """Write a refusal of an action as lines.

    :param error: what the action raised
    :returns: one line for each message, with its field
    """
    lines: list[str] = []
    for key, messages in cast("Mapping[str, Any]", error.error_dict).items():
        found = cast("Sequence[Any]", messages if isinstance(messages, list) else [messages])
        for message in found:
            text = message if isinstance(message, str) else json.dumps(message, default=str)
            lines.append(text if key in ("__all__", "message") else f"{key}: {text}")
    return "\n".join(lines)


def session() -> Session:
    """Return the database session, for the few commands that have no action.

    :returns: the session
    """
    return cast(Session, model.Session())


def call(action: str, user: str | None, /, **data: Any) -> Any:
    """Call an action as an account, with its rights.

    :param action: the action's name
    :param user: account name, None for the site's own user
    :param data: the parameters; those that are None are left out
    :returns: the action's result
    :raises UsageError: if there is no such account
    """
    if user is not None and model.User.get(user) is None:
        raise click.UsageError(f'There is no account "{user}".')
    name = user or tk.get_action("get_site_user")(Context(ignore_auth=True), {})["name"]
    given = {key: value for key, value in data.items() if value is not None}
    return tk.get_action(action)(Context(user=name), given)


def emit(result: Any) -> None:
    """Print a result as JSON.

    :param result: anything that JSON holds; dates become ISO text
    """
    click.echo(json.dumps(result, indent=2, ensure_ascii=False, default=str))


def conclude(
    result: Result, print_it: Callable[[Result], None], json_wanted: bool, *, failed: bool = False
) -> None:
    """Print how a command went, for programs or for people, and end it.

    :param result: the outcome, as JSON holds it
    :param print_it: prints it for people
    :param json_wanted: a program reads it
    :param failed: something is left to do
    :raises Exit: with the status 1 if something is left to do
    """
    if json_wanted:
        emit(result)
    else:
        print_it(result)
    if failed:
        raise click.exceptions.Exit(1)


def say(text: str) -> None:
    """Tell people what is going on, without mixing it into the result.

    :param text: a line
    """
    click.echo(text, err=True)


def table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> None:
    """Print rows in columns.

    :param rows: the rows
    :param header: names of the columns
    """
    lines = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


class Progress:
    """A bar on standard error; only its label where nobody looks at it.

    :param label: what is going on
    :param length: in how many parts
    """

    def __init__(self, label: str, length: int) -> None:
        self._left = length
        self._bar: Any = None
        if not sys.stderr.isatty():
            say(f"{label} ({length}) …")
        elif length:
            self._bar = click.progressbar(length=length, label=label, file=sys.stderr)
            self._bar.__enter__()

    def step(self, parts: int = 1) -> None:
        """Note that parts are done.

        :param parts: how many
        """
        self._left -= parts
        if self._bar is None:
            return
        self._bar.update(parts)
        if self._left <= 0:
            self._bar.__exit__(None, None, None)
