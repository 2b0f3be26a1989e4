"""What faults of a cluster make of a batch, without a cluster: retryable, poison or an error, after how many tries."""

from __future__ import annotations

import json
import random
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opensearchpy.exceptions import ConnectionError as NoConnection
from opensearchpy.exceptions import ConnectionTimeout, TransportError

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import LOWEST_TOKEN, Kind
from afterbay.errors import SettingsError, ThrottledError, UnavailableError
from afterbay.sinks.address import parse_address, sink
from afterbay.sinks.entry import prepare
from afterbay.sinks.mending import NO_TOKEN, OVERTAKEN, Held, Mend
from afterbay.sinks.opensearch import OpenSearchSink
from afterbay.sinks.opensearch_bulk import RowKind, read_row
from afterbay.sinks.opensearch_cluster import Cluster, ClusterAddress
from afterbay.sinks.opensearch_settling import RACES_MAX, TRIES_MAX
from afterbay.sinks.options import SinkOptions
from contract.histories import KEYS, History

DONE = {"status": 201}
HIDES = {"filter": {"bool": {"must_not": {"term": {"_deleted": True}}}}}
INDEX = {
    "orders-1": {"aliases": {"orders": HIDES}, "mappings": {"_meta": {"afterbay": {"keys": {"pk": "S", "sk": "S"}}}}}
}


class Script:
    """In the place of a client: an empty index whose bulk answers are told, the last of them for ever.

    An answer is the result of every row, a list of results, or an exception.
    """

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)
        self.bulks: list[int] = []
        self.mgets: list[object] = [{"found": False}]
        """What each document is found to be at one ``_mget`` after the other, or an exception; the last for ever."""
        self.transport = self

    def perform_request(self, method, path, params, body, headers):
        what = path.rsplit("/", 1)[-1]
        if method == "GET":
            return json.dumps(INDEX)
        if what == "_mget":
            found = self.mgets[0] if len(self.mgets) == 1 else self.mgets.pop(0)
            if isinstance(found, Exception):
                raise found
            return json.dumps({"docs": [found] * len(json.loads(body)["ids"])})
        if what == "_delete_by_query":
            return '{"deleted":0}'
        rows = body.count(b'{"create"') + body.count(b'{"index"')
        self.bulks.append(rows)
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(rows)
        results = answer if isinstance(answer, list) else [answer] * rows
        return json.dumps({"items": [{"create": result} for result in results]})


def error(status: int, code: str, reason: str = "", **members: object) -> dict:
    return {"status": status, "error": {"type": code, "reason": reason, **members}}


def whole(status: int, code: str = "some_exception") -> TransportError:
    return TransportError(status, code, {"error": {"type": code}, "status": status})


def changes(count: int = 3) -> list[ChangeRecord]:
    made = History(random.Random(1))
    return [ChangeRecord(made.put(key, n={"N": "1"})) for key in KEYS[:count]]


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr("afterbay.sinks.opensearch_settling._PAUSE_S", 0)
    monkeypatch.setattr("afterbay.sinks.opensearch_settling._RACE_PAUSE_S", 0)


def verdicts(script: Script, count: int = 3):
    return OpenSearchSink(ClusterAddress("http://nowhere:1"), "orders", client=script).apply(changes(count))


@pytest.mark.parametrize(
    "passing",
    [
        whole(429),
        whole(503),
        whole(502),
        whole(408),
        NoConnection("N/A", "refused", OSError("refused")),
        error(429, "rejected_execution_exception"),
        error(503, "unavailable_shards_exception"),
        error(403, "cluster_block_exception"),
        error(400, "index_closed_exception"),
        error(404, "index_not_found_exception"),
        {},
    ],
)
def test_what_passes_is_tried_again_until_it_is_done(no_pauses, passing):
    script = Script(passing, passing, DONE)
    assert [one.kind for one in verdicts(script)] == [Kind.APPLIED] * 3
    assert script.bulks == [3, 3, 3]


@pytest.mark.parametrize("passing", [whole(503), error(429, "rejected_execution_exception")])
def test_what_does_not_pass_in_time_is_retryable(no_pauses, passing):
    script = Script(passing)
    told = verdicts(script)
    assert {one.kind for one in told} == {Kind.RETRYABLE} and "opensearch:orders" in told[0].reason
    assert len(script.bulks) == TRIES_MAX


@pytest.mark.parametrize("final", [whole(401), whole(403), ConnectionTimeout("TIMEOUT", "slow", OSError("slow"))])
def test_what_waiting_does_not_mend_is_retryable_at_once(final):
    script = Script(final)
    assert {one.kind for one in verdicts(script)} == {Kind.RETRYABLE}
    assert len(script.bulks) == 1


def test_rows_are_tried_again_one_by_one(no_pauses):
    busy = error(429, "rejected_execution_exception")
    refused = error(400, "mapper_parsing_exception", "failed to parse field [n] of type [boolean] in document with id")
    script = Script([DONE, busy, refused], [DONE, refused])
    assert [one.kind for one in verdicts(script)] == [Kind.APPLIED, Kind.APPLIED, Kind.POISON]
    assert script.bulks == [3, 2]


def test_an_insert_that_is_refused_unseen_is_poison_only_if_nothing_newer_is_stored():
    """E5: the server looks at the document before it looks at the condition."""
    (change,) = changes(1)
    refused = error(400, "mapper_parsing_exception", "failed to parse field [n] of type [boolean] in document with id")
    for token, kind in (("0", Kind.POISON), ("9", Kind.STALE)):
        script = Script(refused)
        script.mgets = [document(f"{change.token[:-40]}{token * 40}")]
        (told,) = OpenSearchSink(ClusterAddress("http://nowhere:1"), "orders", client=script).apply([change])
        assert told.kind is kind


def test_races_that_are_always_lost_are_retryable(no_pauses):
    script = Script(error(409, "version_conflict_engine_exception"))
    (told,) = verdicts(script, 1)
    assert told.kind is Kind.RETRYABLE and "other writers" in told.reason
    assert len(script.bulks) == RACES_MAX + 1, "the first was a guess"


@pytest.mark.parametrize("status", [400, 405])
def test_a_cluster_that_refuses_the_request_itself_is_a_settings_error(status):
    with pytest.raises(SettingsError, match="opensearch:orders"):
        verdicts(Script(whole(status)))


def test_a_request_that_is_too_large_is_cut_in_halves_and_a_lone_document_is_poison():
    def at_most_one(rows):
        if rows > 1:
            raise whole(413)
        return DONE

    script = Script(at_most_one)
    assert [one.kind for one in verdicts(script)] == [Kind.APPLIED] * 3
    assert script.bulks == [3, 1, 2, 1, 1]
    (told,) = verdicts(Script(whole(413)), 1)
    assert told.kind is Kind.POISON


# ---- single items looked up and mended (E14)

KEY_TYPED = {"pk": {"S": KEYS[2][0]}, "sk": {"S": KEYS[2][1]}}
TOKENS = [f"2026-01-05T10:11:12.345/{number:040}" for number in (1, 2)]


def sink_on(script: Script) -> OpenSearchSink:
    return OpenSearchSink(ClusterAddress("http://nowhere:1"), "orders", client=script)


def mend_of(seen: str | None, key: dict = KEY_TYPED) -> Mend:
    return Mend(key, {**key, "n": {"N": "1"}}, seen, 1_767_700_000.0)


def document(token: str | None, seq_no: int = 1, **members: object) -> dict:
    """As both forms of ``_mget`` tell it."""
    tokens = {} if token is None else {"_tok": token}
    fields = {name: [value] for name, value in tokens.items()}
    return {"found": True, "_seq_no": seq_no, "_primary_term": 1, "fields": fields, "_source": {**tokens, **members}}


RACED = error(409, "version_conflict_engine_exception")


@pytest.mark.parametrize(
    "passing", [whole(429), whole(503), NoConnection("N/A", "refused", OSError("refused")), error(429, "busy"), {}]
)
def test_a_mend_is_tried_again_while_the_cluster_is_busy(no_pauses, passing):
    script = Script(passing, DONE)
    assert [one.kind for one in sink_on(script).mend([mend_of(None)])] == [Kind.APPLIED] and script.bulks == [1, 1]
    (told,) = sink_on(Script(passing)).mend([mend_of(None)])
    assert told.kind is Kind.RETRYABLE and "opensearch:orders" in told.reason


def test_a_mend_whose_answer_is_lost_finds_its_own_work_or_writes_the_same_again(no_pauses):
    script = Script(whole(503), DONE)
    script.mgets = [document(TOKENS[0], 1), document(TOKENS[0], 2)]
    assert [one.kind for one in sink_on(script).mend([mend_of(TOKENS[0])])] == [Kind.APPLIED]
    new = Script(whole(503), DONE)
    new.mgets = [{"found": False}, document(LOWEST_TOKEN)]
    assert sink_on(new).mend([mend_of(None)]) == [OVERTAKEN] and new.bulks == [1]


def test_a_mend_that_lost_a_race_is_read_again_and_holds_only_under_the_same_token(no_pauses):
    for second, kind, bulks in ((TOKENS[0], Kind.APPLIED, [1, 1]), (TOKENS[1], Kind.STALE, [1])):
        script = Script(RACED, DONE)
        script.mgets = [document(TOKENS[0], 1), document(second, 2)]
        assert [one.kind for one in sink_on(script).mend([mend_of(TOKENS[0])])] == [kind] and script.bulks == bulks


@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        (document(TOKENS[1]), TOKENS[0]),
        (document(TOKENS[0]), None),
        ({"found": False}, TOKENS[0]),
        (document(None), None),
        ({"found": False}, NO_TOKEN),
    ],
)
def test_a_mend_of_something_else_than_was_seen_writes_nothing(stored, seen):
    script = Script(DONE)
    script.mgets = [stored]
    assert sink_on(script).mend([mend_of(seen)]) == [OVERTAKEN] and script.bulks == []


def test_a_mend_that_the_index_refuses_is_poison_alone(no_pauses):
    refused = error(400, "mapper_parsing_exception", "failed to parse field [n] of type [boolean] in document with id")
    other = {"pk": {"S": KEYS[3][0]}, "sk": {"S": KEYS[3][1]}}
    told = sink_on(Script([refused, DONE])).mend([mend_of(None), mend_of(None, other)])
    assert [one.kind for one in told] == [Kind.POISON, Kind.APPLIED] and "attribute 'n'" in told[0].reason
    with pytest.raises(SettingsError, match="opensearch:orders"):
        sink_on(Script(whole(400))).mend([mend_of(None)])


def test_a_document_without_a_token_is_not_taken_for_nothing():
    script = Script(DONE)
    script.mgets = [document(None, theirs="x")]
    assert sink_on(script).look_up([KEY_TYPED]) == [Held(NO_TOKEN, {"theirs": "x"})]
    assert [one.kind for one in sink_on(script).mend([mend_of(NO_TOKEN)])] == [Kind.APPLIED]


@pytest.mark.parametrize(
    ("found", "kind"),
    [(whole(429), ThrottledError), (whole(503), UnavailableError), ({"error": {"type": "busy"}}, UnavailableError)],
)
def test_a_look_up_that_fails_is_told(found, kind):
    script = Script(DONE)
    script.mgets = [found]
    with pytest.raises(kind, match="orders"):
        sink_on(script).look_up([KEY_TYPED])


def test_a_field_that_holds_no_token_is_a_settings_error():
    script = Script(DONE)
    script.mgets = [document(17)]
    for call in (lambda sink: sink.look_up([KEY_TYPED]), lambda sink: sink.mend([mend_of(TOKENS[0])])):
        with pytest.raises(SettingsError, match="something else than a token"):
            call(sink_on(script))


# ---- why a document is refused


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (
            error(
                400,
                "strict_dynamic_mapping_exception",
                "mapping set to strict, dynamic introduction of [n] within [_doc]",
            ),
            "attribute 'n' is not in the index's strict mapping (strict_dynamic_mapping_exception)",
        ),
        (
            error(400, "illegal_argument_exception", "mapper [n] cannot be changed from type [text] to [long]"),
            "attribute 'n' is text in the index and a number (N) in the item (illegal_argument_exception)",
        ),
        (
            error(400, "illegal_argument_exception", "can't merge a non object mapping [l] with an object mapping"),
            "attribute 'l' is a map where the index, or the item itself, has another value"
            " (illegal_argument_exception)",
        ),
        (
            error(400, "mapper_parsing_exception", "failed to parse field [d.e.x] of type [long] in document"),
            "attribute 'd.e.x' is long in the index and a string (S) in the item (mapper_parsing_exception)",
        ),
        (
            error(400, "mapper_parsing_exception", "failed to parse date field [never.there] of type [date]"),
            "attribute 'never.there' is date in the index and another type in the item (mapper_parsing_exception)",
        ),
        (
            error(400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded"),
            "Limit of total fields [1000] has been exceeded (illegal_argument_exception)",
        ),
    ],
)
def test_a_refusal_names_the_attribute_its_old_and_its_new_type(result, told):
    image = {"n": {"N": "1"}, "l": {"L": [{"M": {}}]}, "d.e": {"M": {"x": {"S": "1"}}}}
    entry = prepare(ChangeRecord(History(random.Random(1)).put(KEYS[2], **image)), SinkOptions())
    row = read_row({"create": result}, entry)
    assert (row.kind, row.reason) == (RowKind.REFUSED, told)


# ---- addresses and credentials


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("opensearch+http://127.0.0.1:29200/orders", "http://127.0.0.1:29200"),
        ("opensearch+http://search/orders", "http://search:9200"),
        ("opensearch+https://[::1]/orders", "https://[::1]:443"),
        ("opensearch+https://me:s%40c:r%2Ft@search.example/orders?ttl=mirror", "https://search.example:443"),
    ],
)
def test_an_address_says_where_and_as_whom(address, url):
    made = sink(address)
    assert made._address.url == url and made._address.user == ("me" if "me:" in address else "")
    assert made._address.password == ("s@c:r/t" if "me:" in address else "")
    assert str(made) == "opensearch:orders"
    shown = f"{parse_address(address)} {parse_address(address)!r}"
    assert "s@c" not in shown and "s%40c" not in shown and "me" not in shown.split()[0]


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("opensearch+http://127.0.0.1:29200", "index name"),
        ("opensearch+http://127.0.0.1:29200/Orders", "index name"),
        ("opensearch+http://127.0.0.1:29200/a/b", "index name"),
        ("opensearch+http://127.0.0.1:29200/_all", "index name"),
        ("opensearch+http:///orders", "no host"),
        ("opensearch+http://u:secret@:1/orders", "no host"),
        ("opensearch+https://h/orders?auth=basic", "auth"),
        ("opensearch+https://h/orders?region=eu-west-1", "region"),
        ("opensearch+https://u:secret@h/orders?auth=es", "exclude"),
        ("opensearch+https://u:half?secret@h/orders", "no host|cannot be read"),
        ("opensearch+https://h/orders?index=x", "index"),
        ("opensearch://h/orders", "no sink"),
    ],
)
def test_a_wrong_address_is_refused_without_its_secrets(address, word):
    with pytest.raises(SettingsError, match=word) as told:
        parse_address(address)
    assert "secret" not in str(told.value) and "half" not in str(told.value)


@contextmanager
def listener(answer: bytes, kind: str = "application/json"):
    """A server that answers everything alike; yields its URL and the headers that it got."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("service", ["es", "aoss"])
def test_requests_are_signed_for_the_service_and_the_region(monkeypatch, service):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with listener(b"{}") as (url, seen):
        cluster = Cluster(ClusterAddress(url, auth=service, region="eu-north-1"), "x")
        assert cluster.call("GET", "/orders") == {}
        cluster.close()
    signed = seen[0].get("Authorization", "")
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=test/") and f"/eu-north-1/{service}/aws4_request" in signed


def test_user_and_password_go_by_basic_auth():
    with listener(b"{}") as (url, seen):
        cluster = Cluster(ClusterAddress(url, user="me", password="s@c:r/t"), "x")
        cluster.call("GET", "/orders")
        cluster.close()
    assert seen[0]["authorization"] == "Basic bWU6c0BjOnIvdA=="


def test_a_signed_address_without_region_or_credentials_is_a_settings_error(monkeypatch):
    with pytest.raises(SettingsError, match="region"):
        Cluster(ClusterAddress("http://h:1", auth="es"), "x")
    with pytest.raises(SettingsError, match="credentials"):
        Cluster(ClusterAddress("http://h:1", auth="es", region="eu-west-1"), "x")


@pytest.mark.parametrize(
    ("answer", "kind"), [(b"<html>", "text/html"), (b"hello", "text/plain"), (b"[]", "application/json")]
)
def test_what_is_no_opensearch_is_a_settings_error(answer, kind):
    with listener(answer, kind) as (url, _):
        cluster = Cluster(ClusterAddress(url), "opensearch:orders")
        with pytest.raises(SettingsError, match="no OpenSearch"):
            cluster.call("GET", "/orders")
        cluster.close()


def test_nobody_there_is_retryable_for_every_record(no_pauses):
    away = OpenSearchSink(ClusterAddress("http://127.0.0.1:9"), "orders")
    told = away.apply(changes())
    assert [one.kind for one in told] == [Kind.RETRYABLE] * 3 and "not reached" in told[0].reason
    away.close()


def test_the_client_does_not_log_each_failed_request(caplog):
    with pytest.raises(UnavailableError):
        Cluster(ClusterAddress("http://127.0.0.1:1"), "orders").call("GET", "/orders")
    assert not caplog.records
