"""Calls of the local address that are ours alone (``/_afterbay/``)."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec

from afterbay.aws.client import check_address
from afterbay.errors import SettingsError, UnavailableError

__all__ = ["fetch", "post"]

TIMEOUT_S = 30


def fetch(url: str, call: str, parameters: Mapping[str, str] | None = None) -> bytes:
    """What ``GET /_afterbay/CALL`` of the address at ``url`` answers. Raises ``SettingsError`` or ``ServiceError``."""
    return _asked(url, call, "GET", f"?{urlencode(parameters)}" if parameters else "", None, None)


def post(url: str, call: str, members: Mapping[str, str], *, token: str | None = None) -> bytes:
    """What ``POST /_afterbay/CALL`` with these members answers. ``token``: what the address wants of a caller from
    another machine. Raises as ``fetch`` does."""
    return _asked(url, call, "POST", "", msgspec.json.encode(members), token)


def _asked(url: str, call: str, method: str, query: str, body: bytes | None, token: str | None) -> bytes:
    if not url:
        raise SettingsError("no address", hint=f"afterbay {call} --endpoint-url http://127.0.0.1:4566")
    check_address(url)
    try:
        request = Request(f"{url.rstrip('/')}/_afterbay/{call}{query}", data=body, method=method)
        if token is not None:  # shown to this address alone, not to whom it sends us on
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            read: bytes = answer.read()
            msgspec.json.decode(read, type=msgspec.Raw)
            return read
    except (HTTPException, msgspec.DecodeError) as error:
        raise UnavailableError(
            f"what answers at {url} to /_afterbay/{call} is no JSON over HTTP",
            code=type(error).__name__,
            hint="is it an afterbay address?",
        ) from error
    except HTTPError as error:
        refused = _refusal(error)
        if refused is not None:
            raise SettingsError(refused) from error
        raise UnavailableError(
            f"{url} answered {error.code} to /_afterbay/{call}", code=str(error.code), hint="is it an afterbay address?"
        ) from error
    except OSError as error:  # among them urllib's own
        raise UnavailableError(
            f"nothing answers at {url}", code="ConnectionError", hint="start it with `afterbay dev`"
        ) from error


class _Refusal(msgspec.Struct):
    error: str


def _refusal(error: HTTPError) -> str | None:
    """The address's own sentence about what was asked of it; None: whatever is there did not understand."""
    if error.code not in (400, 401, 403):
        return None
    try:
        return msgspec.json.decode(error.read(), type=_Refusal).error
    except msgspec.DecodeError:
        return None
