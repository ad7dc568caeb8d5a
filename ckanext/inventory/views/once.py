"""A form that is sent twice does what it does once, with or without scripts.

A double click sends the same form again before the answer is there. The second is held until the
first is through, and then led to where the first one led, with the same messages: a browser drops the answer
to the first, and what it was to show along with it. Two forms are the same if everything in
them is, the token against forged requests included, which each page that is shown gets anew.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import flask
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError
from werkzeug.wrappers import Response

from ckanext.inventory import config
from ckanext.inventory.views.blueprint import inventory

REMEMBERED_SECONDS = 20
"""Long enough for a double click; short enough that whoever comes back to a form can send it again."""
_LONGEST_SECONDS = 120
_WAIT_SECONDS = 30


def _name() -> str | None:
    """Name what was sent; None for what isn't a form of a page of ours."""
    request = flask.request
    field = str(config.core("WTF_CSRF_FIELD_NAME"))
    if request.method != "POST" or not request.form.get(field):
        return None
    digest = hashlib.sha256(request.path.encode())
    for name, value in request.form.items(multi=True):
        digest.update(repr((name, value)).encode("utf-8", "surrogatepass"))
    for name, file in request.files.items(multi=True):
        size = file.stream.seek(0, 2)
        file.stream.seek(0)
        digest.update(repr((name, file.filename, size)).encode("utf-8", "surrogatepass"))
    return f"{config.core('ckan.site_id')}:inventory:done:{digest.hexdigest()}"


@inventory.before_request
def begin() -> Response | None:
    """Wait for the same form, and lead to where it led.

    :returns: a redirect if the form has done what it does; None to go on
    """
    name = _name()
    if name is None:
        return None
    try:
        redis: Any = connect_to_redis()
        lock = redis.lock(f"{name}:lock", _LONGEST_SECONDS, blocking_timeout=_WAIT_SECONDS)
        if not lock.acquire():
            return None
        flask.g._inventory_sent_form = (redis, name, lock)
        done = redis.get(name)
    except RedisError:
        return None  # then the script on the page is the only guard
    if not done:
        return None
    led_to, said = json.loads(done)
    waiting = _messages()
    for category, message in said:
        if [category, message] not in waiting:
            flask.flash(message, category)
    return flask.redirect(led_to, 303)


def _messages() -> list[list[str]]:
    """Return the messages that the next page is to show: category and text."""
    messages: list[tuple[str, Any]] = flask.session.get("_flashes") or []
    return [[category, str(message)] for category, message in messages]


@inventory.after_request
def remember(response: Response) -> Response:
    """Keep where a form led that did what it does.

    :param response: the answer; a page that shows the form again is none
    :returns: the same
    """
    held = flask.g.get("_inventory_sent_form")
    if held is not None and response.status_code == 303:
        redis, name, _lock = held
        try:
            done = json.dumps([response.location, _messages()])
            redis.set(name, done, ex=REMEMBERED_SECONDS)
        except RedisError:
            return response
    return response


@inventory.teardown_request
def end(error: BaseException | None = None) -> None:
    """Let the next one in.

    :param error: not used
    """
    held = flask.g.pop("_inventory_sent_form", None)
    if held is not None:
        try:
            held[2].release()
        except RedisError:
            return  # it runs out by itself
