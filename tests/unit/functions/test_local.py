"""A callable in this process: called as Lambda calls a handler, its errors told as Lambda tells them."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path

import pytest

from afterbay.errors import HandlerError, PayloadTooLargeError
from afterbay.functions.local import LocalFunction, load_callable
from afterbay.ports import Answer

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"


def call(handler, payload: bytes = b"{}", **settings: int) -> Answer:
    async def go() -> Answer:
        function = LocalFunction(handler, name="f", arn=ARN, **settings)
        try:
            return await function.invoke(payload, request_id="r-1")
        finally:
            await function.close()

    return asyncio.run(go())


def test_a_handler_gets_the_event_and_a_context_off_the_loop() -> None:
    seen = []

    def handler(event, context):
        seen.append(threading.current_thread() is threading.main_thread())
        left = context.get_remaining_time_in_millis()
        return [event, context.aws_request_id, context.invoked_function_arn, context.function_name, 0 < left <= 7_000]

    answer = call(handler, b'{"Records": [1]}', timeout_s=7)
    assert json.loads(answer.payload) == [{"Records": [1]}, "r-1", ARN, "f", True] and answer.function_error is None
    assert seen == [False]


def test_an_exception_is_an_unhandled_error_without_frames_of_ours() -> None:
    def handler(event, context):
        raise KeyError("gone")

    answer = call(handler)
    document = json.loads(answer.payload)
    assert answer.function_error == "Unhandled" and document["errorType"] == "KeyError"
    assert document["errorMessage"] == "'gone'" and document["requestId"] == "r-1"
    assert len(document["stackTrace"]) == 1 and "in handler" in document["stackTrace"][0]


@pytest.mark.parametrize("answer", [{1, 2}, object(), float])
def test_an_answer_without_a_json_form_is_a_marshal_error(answer: object) -> None:
    told = call(lambda event, context: answer)
    assert told.function_error == "Unhandled" and json.loads(told.payload)["errorType"] == "Runtime.MarshalError"


@pytest.mark.parametrize(
    "code, message",
    [
        (None, "RequestId: r-1 Error: Runtime exited without providing a reason"),
        (3, "RequestId: r-1 Error: Runtime exited with error: exit status 3"),
        ("text", "RequestId: r-1 Error: Runtime exited with error: exit status 1"),
    ],
)
def test_leaving_the_interpreter_is_told_as_a_process_would(code: object, message: str) -> None:
    answer = call(lambda event, context: sys.exit(code))
    assert json.loads(answer.payload) == {"errorType": "Runtime.ExitError", "errorMessage": message}


def test_sizes_are_bounded_as_on_lambda() -> None:
    big = call(lambda event, context: "x" * 6_291_555)
    assert json.loads(big.payload)["errorType"] == "Function.ResponseSizeTooLarge"
    with pytest.raises(PayloadTooLargeError):
        call(lambda event, context: None, b" " * 6_291_457)


def test_handlers_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=20)

    async def go():
        function = LocalFunction(lambda event, context: both.wait() is not None, name="f", arn=ARN)
        answers = await asyncio.gather(*(function.invoke(b"{}", request_id=f"r-{n}") for n in range(2)))
        await function.close()
        return answers

    assert [answer.payload for answer in asyncio.run(go())] == [b"true", b"true"]


@pytest.mark.parametrize(
    "name, text",
    [
        ("handler", "'handler' does not name a function"),
        (":handler", "':handler' does not name a function"),
        ("nothing_of_that_name:handler", "cannot be imported: No module named 'nothing_of_that_name'"),
        ("inline_broken:handler", "is not Python"),
        ("inline_raises:handler", "failed to load: ValueError: at load"),
        ("inline_ends:handler", "failed to load: SystemExit: 3"),
        ("inline_good:missing", "has no function 'missing'"),
        ("inline_good:NUMBER", "is not a function but of type int"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_with_what_was_tried(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inline_broken.py").write_text("def handler(\n")
    (tmp_path / "inline_raises.py").write_text("raise ValueError('at load')\n")
    (tmp_path / "inline_ends.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "inline_good.py").write_text("NUMBER = 1\ndef handler(event, context): return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(HandlerError) as refused:
        load_callable(name)
    assert text in str(refused.value)


def test_a_name_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inline_loaded.py").write_text("def handler(event, context): return 'here'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert call(load_callable("inline_loaded:handler")).payload == b'"here"'
