"""Functions in real processes, with AWS's runtime client and with ours: what each failure costs, and what is seen."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from afterbay.errors import PayloadTooLargeError, UnavailableError
from afterbay.functions.child import LaunchSettings
from afterbay.functions.definition import FunctionDefinition
from afterbay.functions.libraries import has_awslambdaric, link_libraries
from afterbay.functions.logs import LogLine
from afterbay.functions.process import ProcessFunction

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
APP = """
import logging, os, signal, subprocess, sys, time
from decimal import Decimal
from pathlib import Path

def wait_for(path):
    while not Path(path).exists():
        time.sleep(0.01)

def handler(event, context):
    do = event.get("do")
    if do == "raise":
        raise ValueError("bad record 7")
    if do == "exit":
        sys.exit(3)
    if do == "exit 0":
        os._exit(0)
    if do == "killed":
        os.kill(os.getpid(), signal.SIGSEGV)
    if do == "sleep":
        time.sleep(60)
    if do == "memory":
        return len(bytearray(700 * 1024 * 1024))
    if do == "set":
        return {1, 2}
    if do == "decimal":
        return {"n": Decimal("12345678901234567890.123456789012345678"), "text": "a"}
    if do == "big":
        return "x" * event["size"]
    if do == "environment":
        return dict(os.environ)
    if do == "import":
        __import__(event["name"])
        return event["name"]
    if do == "print":
        print("one line")
        print("no end", end="")
        logging.getLogger().warning("watch out")
        sys.stderr.write("and an error\\n")
        return None
    if do == "meet":
        Path(event["mine"]).touch()
        wait_for(event["theirs"])
        return os.getpid()
    if do == "start a program":
        program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(event["pid"]).write_text(str(program.pid))
        time.sleep(60)
    if do == "end later":
        import threading
        threading.Thread(target=lambda: (wait_for(event["when"]), os._exit(5))).start()
    if do == "context":
        return {
            "id": context.aws_request_id, "name": context.function_name, "version": context.function_version,
            "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb, "group": context.log_group_name,
            "stream": context.log_stream_name, "left": context.get_remaining_time_in_millis(),
            "custom": context.client_context and context.client_context.custom,
        }
    return {"pid": os.getpid()}
"""
MODULES = {
    "app": APP,
    "missing": "import nothing_of_that_name\n",
    "syntax": "def handler(event, context)\n",
    "raises": "raise KeyError('at load')\n",
    "quits": "import sys; sys.exit(4)\n",
    "empty": "x = 1\n",
}


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_libraries(tmp_path_factory.mktemp("libraries"))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.fixture(params=["awslambdaric", "bootstrap"])
def client(request: pytest.FixtureRequest) -> str:
    if request.param == "awslambdaric" and not has_awslambdaric():
        pytest.skip("awslambdaric has no wheel here")
    return request.param


class Bench:
    """Functions on one folder of code, and the log of all of them."""

    def __init__(self, code: Path, libraries: Path, client: str) -> None:
        self.code, self.libraries, self.client = code, libraries, client
        self.lines: list[LogLine] = []

    @asynccontextmanager
    async def function(self, handler: str = "app.handler", *, children_max: int = 10, **settings):
        made = ProcessFunction(
            FunctionDefinition(
                name="orders",
                arn=ARN,
                region="eu-west-1",
                runtime="python3.11",
                handler=handler,
                code=self.code,
                **settings,
            ),
            LaunchSettings(libraries=self.libraries, endpoint_url="http://127.0.0.1:4566", client=self.client),
            log=self.lines.append,
            now=lambda: datetime.now(UTC),
            children_max=children_max,
        )
        try:
            yield made
        finally:
            await made.close()

    def text(self, request_id: str | None = None) -> str:
        return "".join(line.text for line in self.lines if request_id in (None, line.request_id))


@pytest.fixture
def bench(code: Path, libraries: Path, client: str) -> Iterator[Bench]:
    yield Bench(code, libraries, client)


async def ask(function: ProcessFunction, do: str = "", request_id: str = "r-1", **event: object):
    answer = await function.invoke(json.dumps({"do": do, **event}).encode(), request_id=request_id)
    return answer.function_error, json.loads(answer.payload)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(check: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)


def test_an_exception_is_an_unhandled_error_and_the_process_goes_on(bench: Bench) -> None:
    async def go():
        async with bench.function() as function:
            before = await ask(function)
            failed = await ask(function, "raise")
            return before, failed, await ask(function)

    (_, before), (error, document), (_, after) = asyncio.run(go())
    assert error == "Unhandled" and before == after
    assert document["errorType"] == "ValueError" and document["errorMessage"] == "bad record 7"
    assert document["requestId"] == "r-1"
    assert len(document["stackTrace"]) == 1 and "in handler" in document["stackTrace"][0], (
        "frames of ours are not shown"
    )


@pytest.mark.parametrize(
    "do, kind, message",
    [
        ("exit", "Runtime.ExitError", "RequestId: r-1 Error: Runtime exited with error: exit status 3"),
        ("exit 0", "Runtime.ExitError", "RequestId: r-1 Error: Runtime exited without providing a reason"),
        ("killed", "Runtime.ExitError", "RequestId: r-1 Error: Runtime exited with error: signal: segmentation fault"),
        ("sleep", "Sandbox.Timedout", "RequestId: r-1 Error: Task timed out after 1.00 seconds"),
    ],
)
def test_a_process_that_dies_is_told_as_aws_tells_it_and_replaced(
    bench: Bench, do: str, kind: str, message: str
) -> None:
    async def go():
        async with bench.function(timeout_s=1) as function:
            first = (await ask(function))[1]["pid"]
            failed = await ask(function, do)
            return first, failed, await ask(function)

    first, failed, (error, after) = asyncio.run(go())
    assert failed == ("Unhandled", {"errorType": kind, "errorMessage": message})
    assert error is None and after["pid"] != first and not alive(first)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory limit is Linux's")
def test_memory_beyond_the_limit_is_an_error_and_the_next_call_works(bench: Bench) -> None:
    async def go():
        async with bench.function(memory_mb=128) as function:
            return await ask(function, "memory"), await ask(function)

    (error, document), (after, _) = asyncio.run(go())
    assert error == "Unhandled" and document["errorType"] == "MemoryError" and after is None


@pytest.mark.parametrize(
    "handler, kind, message",
    [
        (
            "missing.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'missing': No module named 'nothing_of_",
        ),
        ("absent.handler", "Runtime.ImportModuleError", "Unable to import module 'absent': No module named 'absent'"),
        ("syntax.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'syntax': expected ':'"),
        ("empty.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'empty'"),
        ("handler", "Runtime.MalformedHandlerName", "Bad handler 'handler': not enough values to unpack"),
        ("sys.handler", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
        ("raises.handler", "KeyError", "'at load'"),
        ("quits.handler", "Runtime.ExitError", "RequestId: r-1 Error: Runtime exited with error: exit status 4"),
    ],
)
def test_a_function_that_does_not_load_says_why_each_time(bench: Bench, handler: str, kind: str, message: str) -> None:
    async def go():
        async with bench.function(handler) as function:
            return await ask(function), await ask(function)

    first, again = asyncio.run(go())
    assert first == again, "the next invocation loads it anew"
    assert first[0] == "Unhandled" and first[1]["errorType"] == kind and first[1]["errorMessage"].startswith(message)
    assert kind in bench.text()


def test_a_function_that_is_mended_loads_at_the_next_invocation(bench: Bench) -> None:
    async def go():
        async with bench.function("missing.handler") as function:
            failed = await ask(function)
            (bench.code / "missing.py").write_text("def handler(event, context): return 'mended'\n")
            return failed, await ask(function)

    failed, mended = asyncio.run(go())
    assert failed[0] == "Unhandled" and mended == (None, "mended")


def test_an_answer_without_a_json_form_is_a_marshal_error(bench: Bench) -> None:
    async def go():
        async with bench.function() as function:
            return await ask(function, "set")

    error, document = asyncio.run(go())
    assert error == "Unhandled" and document["errorType"] == "Runtime.MarshalError" and document["stackTrace"] == []
    assert document["errorMessage"].startswith(
        "Unable to marshal response: Object of type set is not JSON serializable"
    )


def test_a_decimal_is_answered_with_every_digit(bench: Bench) -> None:
    async def go():
        async with bench.function() as function:
            return (await function.invoke(b'{"do": "decimal"}', request_id="r-1")).payload

    assert asyncio.run(go()) == b'{"n": 12345678901234567890.123456789012345678, "text": "a"}'


def test_an_answer_over_the_limit_is_an_error_and_one_at_the_limit_is_not(bench: Bench) -> None:
    limit = 6_291_556

    async def go():
        async with bench.function() as function:
            fits = await ask(function, "big", size=limit - 2)  # and two quotes
            over = await ask(function, "big", size=limit - 1)
            return fits, over, await ask(function)

    fits, over, after = asyncio.run(go())
    assert fits[0] is None and len(fits[1]) == limit - 2 and after[0] is None
    assert over[0] == "Unhandled" and over[1] == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes).",
    }


def test_an_event_over_the_limit_is_refused(bench: Bench) -> None:
    async def go():
        async with bench.function() as function:
            await function.invoke(b" " * 6_291_457, request_id="r-1")

    with pytest.raises(PayloadTooLargeError):
        asyncio.run(go())
    assert not bench.lines, "the function has not seen it"


def test_the_environment_is_the_functions_own(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AFTERBAY_SECRET", "PYTHONPATH", "VIRTUAL_ENV", "AWS_PROFILE", "HOME"):
        monkeypatch.setenv(name, "the host's")

    async def go():
        async with bench.function(variables={"COLOUR": "red", "TZ": "Europe/Vienna"}) as function:
            return (await ask(function, "environment"))[1]

    seen = asyncio.run(go())
    assert "the host's" not in seen.values()
    assert seen["COLOUR"] == "red" and seen["TZ"] == "Europe/Vienna"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "orders" and seen["AWS_REGION"] == "eu-west-1"
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566" and seen["AWS_ACCESS_KEY_ID"] == "test"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128" and seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.11"


SEEN = {"boto3": True, "afterbay": True, "pytest": False, "moto": False, "requests": False, "pyarrow": False}


@pytest.mark.parametrize("name, found", SEEN.items())
def test_a_function_sees_boto3_and_afterbay_and_nothing_else_of_ours(bench: Bench, name: str, *, found: bool) -> None:
    async def go():
        async with bench.function(memory_mb=512) as function:
            return await ask(function, "import", name=name)

    error, told = asyncio.run(go())
    assert (error, told) == (None, name) if found else told["errorType"] == "ModuleNotFoundError"


def test_a_function_that_uses_a_sink_sees_the_sinks_drivers_too(bench: Bench) -> None:
    async def go():
        async with bench.function(memory_mb=512) as function:
            return [await ask(function, "import", name=name) for name in ("afterbay.sinks.address", "psycopg", "moto")]

    sinks, driver, other = asyncio.run(go())
    assert sinks == (None, "afterbay.sinks.address") and driver == (None, "psycopg")
    assert other[1]["errorType"] == "ModuleNotFoundError"


def test_the_context_is_lambdas(bench: Bench) -> None:
    async def go():
        async with bench.function(timeout_s=20) as function:
            logged = await function.invoke_logged(
                b'{"do": "context"}', request_id="r-7", client_context='{"custom": {"a": 1}}'
            )
            return json.loads(logged.answer.payload)

    seen = asyncio.run(go())
    assert 15_000 < seen.pop("left") <= 20_000
    stream = seen.pop("stream")
    assert stream == bench.lines[0].stream and "/[$LATEST]" in stream
    assert seen == {
        "id": "r-7",
        "name": "orders",
        "version": "$LATEST",
        "arn": ARN,
        "memory": "128",
        "group": "/aws/lambda/orders",
        "custom": {"a": 1},
    }


def test_what_is_printed_is_in_the_log_between_start_and_report(bench: Bench) -> None:
    async def go():
        async with bench.function() as function:
            return (await function.invoke_logged(b'{"do": "print"}', request_id="r-1")).log_tail

    tail = asyncio.run(go()).decode()
    assert tail == bench.text("r-1")
    lines = tail.split("\n")
    assert lines[0] == "START RequestId: r-1 Version: $LATEST" and lines[1] == "one line"
    assert lines[2].startswith("no end[WARNING]\t") and lines[2].endswith("Z\tr-1\twatch out")
    assert lines[3:5] == ["and an error", "END RequestId: r-1"]
    assert lines[5].startswith("REPORT RequestId: r-1\tDuration: ") and "\tMemory Size: 128 MB\t" in lines[5]
    assert lines[6:] == [""]


def test_a_stack_trace_is_one_event_with_line_ends(bench: Bench) -> None:
    async def go():
        async with bench.function() as function:
            await ask(function, "raise")

    asyncio.run(go())
    (event,) = [line.text for line in bench.lines if line.text.startswith("[ERROR]")]
    assert (
        event.startswith("[ERROR] ValueError: bad record 7\nTraceback (most recent call last):\n") and "\r" not in event
    )


def test_invocations_at_the_same_time_have_a_process_each(bench: Bench, tmp_path: Path) -> None:
    one, two = str(tmp_path / "one"), str(tmp_path / "two")

    async def go():
        async with bench.function() as function:
            return await asyncio.gather(
                ask(function, "meet", mine=one, theirs=two), ask(function, "meet", mine=two, theirs=one)
            )

    (_, first), (_, second) = asyncio.run(go())
    assert first != second


def test_beyond_the_bound_callers_wait_their_turn(bench: Bench) -> None:
    async def go():
        async with bench.function(children_max=1) as function:
            return await asyncio.gather(*(ask(function, request_id=f"r-{n}") for n in range(5)))

    answers = asyncio.run(go())
    assert len({answer["pid"] for _, answer in answers}) == 1
    starts = [line.request_id for line in bench.lines if line.text.startswith("START")]
    assert starts == [f"r-{n}" for n in range(5)]


def test_a_process_that_ended_while_idle_costs_no_invocation(bench: Bench, tmp_path: Path) -> None:
    async def go():
        async with bench.function() as function:
            _, before = await ask(function, "end later", when=str(tmp_path / "now"))
            (tmp_path / "now").touch()
            await asyncio.to_thread(until, lambda: not alive(before["pid"]))
            return before, await ask(function)

    before, (error, after) = asyncio.run(go())
    assert error is None and after["pid"] != before["pid"]


def test_a_timeout_ends_what_the_function_started_too(bench: Bench, tmp_path: Path) -> None:
    async def go():
        async with bench.function(timeout_s=1) as function:
            return await ask(function, "start a program", pid=str(tmp_path / "pid"))

    error, _ = asyncio.run(go())
    assert error == "Unhandled"
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not alive(pid))


def test_closing_ends_what_runs_and_what_waits(bench: Bench) -> None:
    async def go():
        async with bench.function(children_max=1, timeout_s=60) as function:
            pid = (await ask(function))[1]["pid"]
            calls = [asyncio.create_task(ask(function, "sleep", request_id=f"r-{n}")) for n in range(2)]
            while "START RequestId: r-0" not in bench.text():
                await asyncio.sleep(0.01)
            await function.close()
            results = await asyncio.gather(*calls, return_exceptions=True)
            with pytest.raises(UnavailableError):
                await ask(function)
            return pid, results

    pid, results = asyncio.run(go())
    assert all(isinstance(result, UnavailableError) for result in results) and not alive(pid)


def test_closing_with_grace_lets_what_runs_finish(bench: Bench, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"

    async def go():
        async with bench.function() as function:
            call = asyncio.create_task(ask(function, "meet", mine=str(mine), theirs=str(theirs)))
            while not mine.exists():
                await asyncio.sleep(0.01)
            closing = asyncio.create_task(function.close(grace_s=30))
            await asyncio.sleep(0)
            theirs.touch()
            await closing
            return await call

    error, pid = asyncio.run(go())
    assert error is None and not alive(pid)


def test_a_cancelled_caller_takes_its_process_along(bench: Bench) -> None:
    async def go():
        async with bench.function() as function:
            before = (await ask(function))[1]["pid"]
            call = asyncio.create_task(ask(function, "sleep", request_id="r-2"))
            while "START RequestId: r-2" not in bench.text():
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            return before, (await ask(function))[1]["pid"]

    before, after = asyncio.run(go())
    assert before != after and not alive(before)


ENGINE = """
import asyncio, sys
from datetime import datetime, timezone
from pathlib import Path
from afterbay.functions.child import LaunchSettings
from afterbay.functions.definition import FunctionDefinition
from afterbay.functions.process import ProcessFunction

async def main(code, libraries, client, watch, event):
    function = ProcessFunction(
        FunctionDefinition(name="f", arn="a", region="eu-west-1", runtime="python3.11", handler="app.handler",
                           code=Path(code), timeout_s=60),
        LaunchSettings(libraries=Path(libraries), endpoint_url=None, client=client, watch=watch),
        log=lambda line: None, now=lambda: datetime.now(timezone.utc))
    await function.invoke(event.encode(), request_id="r-1")

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "watch", ["pipe", pytest.param("signal", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux's"))]
)
def test_a_process_dies_with_its_engine(bench: Bench, tmp_path: Path, watch: str) -> None:
    (bench.code / "app.py").write_text(
        textwrap.dedent("""
        import os, time
        from pathlib import Path
        def handler(event, context):
            Path(event["pid"]).with_suffix(".new").write_text(str(os.getpid()))
            Path(event["pid"]).with_suffix(".new").replace(event["pid"])
            time.sleep(60)
        """)
    )
    told = tmp_path / "pid"
    arguments = [str(bench.code), str(bench.libraries), bench.client, watch, json.dumps({"pid": str(told)})]
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, *arguments])
    try:
        until(told.exists)
        pid = int(told.read_text())
        assert alive(pid)
        os.kill(engine.pid, signal.SIGKILL)
        engine.wait()
        until(lambda: not alive(pid))
    finally:
        engine.kill()
        engine.wait()
