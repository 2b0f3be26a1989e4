"""What counts as which outcome (B52, B62)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from afterbay.core.bus.calls import outcome_of
from afterbay.core.bus.outcome import (
    Accepted,
    ErrorCode,
    Failed,
    Refused,
    TokenRefused,
    no_such_host,
    not_connected,
    not_rendered,
    retry_after_s,
)
from afterbay.core.target.call import Fault
from afterbay.core.target.call import Refused as CallRefused
from afterbay.core.target.http import reply_of
from afterbay.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    ThrottledError,
    UnavailableError,
)
from afterbay.targets.caller import refusal_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_its_place(status: int) -> None:
    outcome = outcome_of(reply_of(status, retry_after_s=7.0))
    if 200 <= status < 300:
        assert outcome == Accepted()
    elif status == 429:
        assert outcome == Failed(ErrorCode.THROTTLING, "HTTP status 429", 7.0)
    elif status >= 500:
        assert outcome == Failed(ErrorCode.ERROR_FROM_TARGET, f"HTTP status {status}", 7.0)
    else:
        assert outcome == Refused(ErrorCode.ERROR_FROM_TARGET, f"HTTP status {status}")


@pytest.mark.parametrize("status", [401, 407])
def test_a_token_is_refused_only_where_there_is_one(status: int) -> None:
    assert outcome_of(reply_of(status, oauth=True)) == TokenRefused(f"HTTP status {status}")
    assert isinstance(outcome_of(reply_of(status)), Refused)
    assert isinstance(outcome_of(reply_of(403, oauth=True)), Refused)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ThrottledError("c: m", code="c", retry_after_s=3), Failed(ErrorCode.THROTTLING, "c: m", 3)),
        (UnavailableError("c: m", code="c"), Failed(ErrorCode.ERROR_FROM_TARGET, "c: m")),
        (ConflictError("c: m", code="c"), Failed(ErrorCode.RESOURCE_MODIFICATION_COLLISION, "c: m")),
        (DeniedError("c: m", code="c"), Refused(ErrorCode.NO_PERMISSIONS, "c: m")),
        (NotFoundError("c: m", code="c"), Refused(ErrorCode.NO_RESOURCE, "c: m")),
        (PayloadTooLargeError("c: m", code="c"), Refused(ErrorCode.INVALID_PARAMETER, "c: m")),
        (ServiceError("c: m", code="c"), Refused(ErrorCode.SDK_CLIENT_ERROR, "c: m")),
    ],
)
def test_a_services_refusal_counts_by_its_kind(error: ServiceError, outcome: Failed | Refused) -> None:
    assert outcome_of(refusal_of(error)) == outcome


def test_hosts_that_do_not_answer_may_later_and_names_that_are_unknown_will_not() -> None:
    late = CallRefused(Fault.TIMED_OUT, "", "no answer within 5 s")
    assert outcome_of(late) == Failed(ErrorCode.TIMEOUT, "no answer within 5 s")
    assert not_connected("refused") == Failed(ErrorCode.CONNECTION_FAILURE, "refused")
    assert no_such_host("no name") == Refused(ErrorCode.CONNECTION_FAILURE, "no name")
    assert not_rendered("no JSON") == Refused(ErrorCode.INVALID_JSON, "no JSON")


@pytest.mark.parametrize(
    ("header", "advice"),
    [
        ("120", 120.0),
        (" 0.5 ", 0.5),
        ("-1", -1.0),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 03:05:05 -0000", 60.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, advice: float | None) -> None:
    assert retry_after_s(header, NOW) == advice
