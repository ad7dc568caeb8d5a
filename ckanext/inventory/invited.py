"""The way of somebody who was invited: core's page for the password, then the inventory.

CKAN's link sets a password and leads to the portal's front page. Who was invited here is led on to
the sign-in page and from there to the inventory; a link that ran out is closed before core looks
at it.
"""

from __future__ import annotations

from typing import Any, cast

import ckan.model as model
import flask
from flask import Blueprint
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ckanext.inventory.service import invitation_mail, invitations

blueprint = Blueprint("inventory_invited", __name__)

_PASSWORD_PAGE = "user.perform_reset"


def _invited() -> model.User | None:
    """The account whose password page this is."""
    if flask.request.endpoint != _PASSWORD_PAGE:
        return None
    return model.User.get((flask.request.view_args or {}).get("id"))


@blueprint.before_app_request
def close_expired_link() -> None:
    """Close the link of an invitation that ran out; core then says that it isn't valid."""
    user = _invited()
    session = cast(Session, model.Session())
    if user is not None and invitations.end_if_expired(session, user.id):
        session.commit()


@blueprint.after_app_request
def lead_on(response: flask.Response) -> Response:
    """Lead somebody who just chose a password to the inventory, by way of the sign-in page.

    :param response: what core answers
    :returns: the same, or a redirect
    """
    if flask.request.method != "POST" or response.status_code not in (302, 303):
        return response
    user = _invited()
    if user is None or not invitations.is_invited(cast(Session, model.Session()), user.id):
        return response
    if user.state == model.State.ACTIVE:
        response.headers["Location"] = invitation_mail.sign_in_link(qualified=False)
    return response


def claim(sender: Any, user: Any = None, **_others: Any) -> None:
    """Give somebody who signs in the roles that their address was invited to.

    :param sender: the application
    :param user: who signed in
    """
    account = model.User.get(getattr(user, "id", None))
    session = cast(Session, model.Session())
    if account is not None and invitations.claim(session, account):
        session.commit()
