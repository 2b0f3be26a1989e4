"""What an answer says of the records (X80)."""

from __future__ import annotations

import pytest

from afterbay.core.pipe.report import read_report


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"{}",
        b'""',
        b"[]",
        b"3",
        b'{"batchItemFailures": null}',
        b'{"batchItemFailures": []}',
        b'{"other": 1}',
        b'[{"itemIdentifier": "e1"}]',
    ],
)
def test_all_is_well(payload):
    assert read_report(payload) == ()


def test_failed_records_are_named_in_the_order_of_the_answer():
    assert read_report(b'{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}') == ("b", "a")


@pytest.mark.parametrize(
    "failures",
    [
        b'[{"itemIdentifier": ""}]',
        b'[{"itemIdentifier": null}]',
        b'[{"itemIdentifier": 7}]',
        b'[{"id": "a"}]',
        b'["a"]',
        b'"a"',
        b'""',
        b"{}",
        b"false",
        b"0",
        b'{"itemIdentifier": "a"}',
        b'[{"itemIdentifier": "a"}, {}]',
    ],
)
def test_an_identifier_or_a_list_that_is_none_fails_all(failures):
    assert read_report(b'{"batchItemFailures": %s}' % failures) is None


@pytest.mark.parametrize("payload", [b"OK", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_a_functions_failure_and_a_web_servers_way(payload):
    assert read_report(payload) is None
    assert read_report(payload, strict=False) == ()
