"""The token of an OAuth connection: the request for it, and what its answer says.

Decides form and meaning; when a token is wanted is ``delivery.py``'s (B52), keeping it the driver's. AWS does not say
in which of RFC 6749's ways the client's credentials go: they go in the form, or in the query of a GET (ours).
"""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from afterbay.core.bus.authorization import OAuth, Parameters
from afterbay.core.bus.call import Additions, HttpCall, HttpParameters, compose

__all__ = ["Token", "read_token", "token_call"]

_FORM = ("Content-Type", "application/x-www-form-urlencoded")


class Token(msgspec.Struct, frozen=True):
    """An access token. ``expires_in_s`` None: its server does not say."""

    access_token: str
    expires_in_s: float | None = msgspec.field(name="expires_in", default=None)

    def __repr__(self) -> str:
        return f"Token(expires_in_s={self.expires_in_s})"


_tokens = msgspec.json.Decoder(Token, strict=False)


def token_call(oauth: OAuth) -> HttpCall:
    """The request for a token, with the connection's OAuthHttpParameters over what OAuth itself wants."""
    given = oauth.parameters or Parameters()
    form = {
        "grant_type": "client_credentials",
        "client_id": oauth.client_id,
        "client_secret": oauth.client_secret,
        **{one.name: one.value for one in given.body},
    }
    in_query = oauth.method == "GET"
    query = tuple((one.name, one.value) for one in given.query)
    headers = (_FORM, *((one.name, one.value) for one in given.headers))
    added = Additions(headers=headers, query=(*form.items(), *query) if in_query else query)
    body = b"" if in_query else urlencode(form).encode()
    return compose(oauth.method, oauth.endpoint, body, target=HttpParameters(), connection=added)


def read_token(body: bytes) -> Token | None:
    """The token in an answer; None where there is none."""
    try:
        token = _tokens.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return token if token.access_token else None
