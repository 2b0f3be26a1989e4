"""The Lambda API's functions, by requests to the service: bodies, codes, texts, updates under way, faults, zips."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import stat
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from afterbay.emulator.faults import Fault
from afterbay.errors import (
    DeniedError,
    EndpointError,
    NotFoundError,
    PayloadTooLargeError,
    ThrottledError,
    UnavailableError,
)
from afterbay.functions.libraries import link_libraries
from integration.lambda_api import ARN, REGION, ROOT, Api, run_on_api, zipped


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_libraries(tmp_path_factory.mktemp("libraries"))


@pytest.fixture
def on_api(libraries: Path) -> Callable[[Callable[[Api], Awaitable[object]]], object]:
    """Run a coroutine function on a service of its own, closed afterwards."""

    return lambda test: run_on_api(libraries, test)


def refused(on_api, test) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        on_api(test)
    return caught.value


def test_a_new_function_has_awss_body(on_api) -> None:
    content = zipped(app="def handler(e, c): return e\n")

    async def test(api: Api):
        return await api.create(
            Runtime="python3.11",
            Code={"ZipFile": base64.b64encode(content).decode()},
            Environment={"Variables": {"AA": "1"}},
            Timeout=7,
        )

    status, body = on_api(test)
    assert status == 201
    assert len(body.pop("RevisionId")) == 36 and len(body.pop("CodeSha256")) == 44
    assert body.pop("RuntimeVersionConfig")["RuntimeVersionArn"].startswith(f"arn:aws:lambda:{REGION}::runtime:")
    assert body == {
        "FunctionName": "orders",
        "FunctionArn": ARN,
        "Runtime": "python3.11",
        "Role": "arn:aws:iam::000000000000:role/any",
        "Handler": "app.handler",
        "CodeSize": len(content),
        "Description": "",
        "Timeout": 7,
        "MemorySize": 128,
        "LastModified": "2026-01-01T12:30:00.000+0000",
        "Version": "$LATEST",
        "Environment": {"Variables": {"AA": "1"}},
        "TracingConfig": {"Mode": "PassThrough"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/orders"},
    }


@pytest.mark.parametrize("name", ["orders", "orders:$LATEST", "function:orders", "000000000000:function:orders", ARN])
def test_a_function_is_found_by_every_form_of_its_name(on_api, name: str) -> None:
    async def test(api: Api):
        await api.create()
        read = await api.call("GET", f"{ROOT}/{quote(name, safe='')}/configuration")
        ran = await api.invoke({"a": 1}, name)
        return json.loads(read.body)["FunctionArn"], ran.body, api.registry.exists(name, REGION)

    assert on_api(test) == (ARN, b'{"a": 1}', ARN)


@pytest.mark.parametrize("name", ["other", "orders:7", ARN.replace(REGION, "us-east-1"), ARN.replace("0000", "1111")])
@pytest.mark.parametrize(
    "method, tail", [("GET", ""), ("GET", "/configuration"), ("DELETE", ""), ("POST", "/invocations")]
)
def test_what_is_not_there_is_said_with_its_arn(on_api, name: str, method: str, tail: str) -> None:
    async def test(api: Api):
        await api.create()
        assert api.registry.exists(name, REGION) is None
        await api.call(method, f"{ROOT}/{quote(name, safe='')}{tail}")

    error = refused(on_api, test)
    full = name if name.startswith("arn:") else f"arn:aws:lambda:{REGION}:000000000000:function:{name}"
    assert (error.code, error.status) == ("ResourceNotFoundException", 404)
    assert error.message == f"Function not found: {full}"


def test_a_function_lives_in_its_region(on_api) -> None:
    async def test(api: Api):
        await api.create()
        return json.loads((await api.call("GET", ROOT, region="us-east-1")).body)

    assert on_api(test) == {"Functions": []}


def test_a_name_is_taken_once(on_api) -> None:
    async def test(api: Api):
        await api.create()
        await api.create()

    error = refused(on_api, test)
    assert (error.code, error.message) == ("ResourceConflictException", "Function already exist: orders")
    assert error.status == 409


def test_a_list_comes_in_pages(on_api) -> None:
    async def test(api: Api):
        for name in ("c", "a", "b"):
            await api.create(name)
        first = json.loads((await api.call("GET", ROOT, query={"MaxItems": 2})).body)
        second = json.loads((await api.call("GET", ROOT, query={"MaxItems": 2, "Marker": first["NextMarker"]})).body)
        return first, second

    first, second = on_api(test)
    assert [one["FunctionName"] for one in first["Functions"]] == ["a", "b"] and "State" not in first["Functions"][0]
    assert [one["FunctionName"] for one in second["Functions"]] == ["c"] and "NextMarker" not in second


REFUSED = [
    ({"Runtime": "java21"}, "InvalidParameterValueException", "Runtime java21 is not run by afterbay"),
    ({"Runtime": "nodejs22.x"}, "InvalidParameterValueException", "Runtime nodejs22.x needs Node 18 or newer"),
    ({"PackageType": "Image"}, "InvalidParameterValueException", "PackageType Image is not supported"),
    ({"Layers": ["a layer"]}, "InvalidParameterValueException", "'a layer' is no layer: the form is"),
    (
        {"Layers": [f"arn:aws:lambda:{REGION}:000000000000:layer:x:1"]},
        "InvalidParameterValueException",
        "Layer version",
    ),
    (
        {"Layers": [f"arn:aws:lambda:{REGION}:111111111111:layer:Tools:7"]},
        "InvalidParameterValueException",
        f"Layer version arn:aws:lambda:{REGION}:111111111111:layer:Tools:7 is not of this address",
    ),
    ({"VpcConfig": {"SubnetIds": ["s"]}}, "InvalidParameterValueException", "VpcConfig is not supported"),
    ({"DeadLetterConfig": {"TargetArn": "q"}}, "InvalidParameterValueException", "DeadLetterConfig is not supported"),
    ({"LoggingConfig": {"LogFormat": "JSON"}}, "InvalidParameterValueException", "LoggingConfig.LogFormat JSON"),
    ({"Colour": "red"}, "InvalidParameterValueException", "Colour is not a parameter"),
    ({"Handler": None}, "InvalidParameterValueException", "Handler is mandatory"),
    ({"Code": {}}, "InvalidParameterValueException", "Please provide a source for function code"),
    ({"Code": {"ZipFile": "%"}}, "SerializationException", "ZipFile is not base64"),
    (
        {"Code": {"S3Bucket": "bucket", "S3Key": "no"}},
        "InvalidParameterValueException",
        "Error occurred while GetObject.",
    ),
    ({"Timeout": 901}, "ValidationException", "1 validation error detected: Value '901' at 'timeout'"),
    ({"MemorySize": 64}, "ValidationException", "1 validation error detected: Value '64' at 'memorySize'"),
    ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException", "Lambda was unable to"),
    ({"Environment": {"Variables": {"BIG": "x" * 4096}}}, "InvalidParameterValueException", "Lambda was unable to"),
    ({"Environment": {"Variables": {"1": "x"}}}, "InvalidParameterValueException", "Environment variable name '1'"),
    ({"FunctionName": "orders:7"}, "InvalidParameterValueException", "FunctionName orders:7 must name"),
]


@pytest.mark.parametrize("settings, code, text", REFUSED, ids=[str(settings)[:40] for settings, _, _ in REFUSED])
def test_what_cannot_be_done_is_refused_by_name(on_api, settings, code: str, text: str) -> None:
    async def test(api: Api):
        settings.setdefault("FunctionName", "orders")
        await api.create(settings.pop("FunctionName"), **settings)

    error = refused(on_api, test)
    assert error.code == code and error.message.startswith(text)


def archive_with(name: str, *, link: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo(name)
        if link:
            member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"this is no zip",
        zipped(app="x")[:-30],
        archive_with("../out"),
        archive_with("/out"),
        archive_with("l", link=True),
    ],
    ids=["no zip", "cut", "parent", "absolute", "link"],
)
def test_a_broken_or_hostile_zip_is_refused_with_awss_text(on_api, content: bytes) -> None:
    async def test(api: Api):
        await api.create(Code={"ZipFile": base64.b64encode(content).decode()})

    error = refused(on_api, test)
    assert error.code == "InvalidParameterValueException"
    assert error.message == "Could not unzip uploaded file. Please check your file, then try to upload again."


def test_code_comes_from_a_bucket(on_api) -> None:
    async def test(api: Api):
        await api.create(Code={"S3Bucket": "bucket", "S3Key": "code.zip"})
        return (await api.invoke()).body

    assert on_api(test) == b'"from s3"'


def test_another_python_version_runs_on_ours_with_a_warning(on_api, caplog: pytest.LogCaptureFixture) -> None:
    async def test(api: Api):
        await api.create(Runtime="python3.99")
        await api.create("another", Runtime="python3.99")
        return (await api.invoke({"a": 1})).body

    with caplog.at_level(logging.WARNING):
        assert on_api(test) == b'{"a": 1}'
    assert [record.runtime for record in caplog.records] == ["python3.99"]


def test_an_invocation_answers_with_awss_headers(on_api) -> None:
    async def test(api: Api):
        await api.create(code="def handler(e, c):\n    print('seen', e)\n    return e['a']\n")
        return await api.invoke({"a": 1}, x_amz_log_type="Tail"), await api.invoke({}), await api.invoke()

    well, wrong, empty = on_api(test)
    assert (well.status, well.body, well.headers["x-amz-executed-version"]) == (200, b"1", "$LATEST")
    assert "x-amz-function-error" not in well.headers
    log = base64.b64decode(well.headers["x-amz-log-result"]).decode()
    assert log.startswith("START RequestId: ") and "seen {'a': 1}\n" in log and "REPORT RequestId: " in log
    assert wrong.status == 200 and wrong.headers["x-amz-function-error"] == "Unhandled"
    assert json.loads(wrong.body)["errorType"] == "KeyError" and "x-amz-log-result" not in wrong.headers
    assert json.loads(empty.body)["errorType"] == "KeyError", "no payload is an empty object"


def test_a_client_context_reaches_the_function(on_api) -> None:
    async def test(api: Api):
        await api.create(code="def handler(e, c): return c.client_context.custom\n")
        given = base64.b64encode(b'{"custom": {\n"a": 1}}').decode()
        return (await api.invoke(x_amz_client_context=given)).body

    assert on_api(test) == b'{"a": 1}'


def test_a_dry_run_runs_nothing(on_api) -> None:
    async def test(api: Api):
        await api.create(Handler="not.there")
        return await api.invoke(x_amz_invocation_type="DryRun")

    assert on_api(test).status == 204


@pytest.mark.parametrize(
    "body, headers, code, status",
    [
        (b"{not json", {}, "InvalidRequestContentException", 400),
        (b"[" * 30_000 + b"]" * 30_000, {}, "InvalidRequestContentException", 400),
        (b" " * 6_291_455 + b"{}", {}, "RequestEntityTooLargeException", 413),
        (b"{}", {"x_amz_invocation_type": "Later"}, "InvalidParameterValueException", 400),
        (b"{}", {"x_amz_client_context": "?"}, "InvalidRequestContentException", 400),
    ],
    ids=["no JSON", "nested too deep", "too large", "kind", "context"],
)
def test_an_invocation_that_cannot_be_is_refused(on_api, body, headers, code: str, status: int) -> None:
    async def test(api: Api):
        await api.create()
        await api.invoke(body, **headers)

    error = refused(on_api, test)
    assert (error.code, error.status) == (code, status)


def test_new_code_and_settings_count_from_the_next_invocation_on(on_api, tmp_path: Path) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    slow = (
        "import time\nfrom pathlib import Path\n"
        f"def handler(e, c):\n    Path({str(begun)!r}).touch()\n"
        f"    while not Path({str(go_on)!r}).exists(): time.sleep(0.01)\n"
        "    import later\n    return later.TEXT\n"
    )

    async def test(api: Api):
        old_zip = base64.b64encode(zipped(app=slow, later="TEXT = 'old'\n")).decode()
        await api.create(Code={"ZipFile": old_zip}, Timeout=60)
        engine = api.registry.get(ARN, REGION)
        running = asyncio.create_task(engine.invoke(b"{}", request_id="r-1"))
        while not begun.exists():
            await asyncio.sleep(0.01)
        # A change of settings first: the code then has two users, and must outlive the second update too.
        changed = await api.call("PUT", f"{ROOT}/orders/configuration", {"Environment": {"Variables": {"AA": "1"}}})
        new_zip = base64.b64encode(zipped(app="import os\ndef handler(e, c): return os.environ['AA']\n")).decode()
        updated = await api.call("PUT", f"{ROOT}/orders/code", {"ZipFile": new_zip})
        after = await engine.invoke(b"{}", request_id="r-2")
        go_on.touch()
        return json.loads(changed.body), json.loads(updated.body), after.payload, (await running).payload

    changed, updated, after, running = on_api(test)
    assert changed["Timeout"] == 60 and changed["Environment"] == {"Variables": {"AA": "1"}}
    assert changed["CodeSha256"] != updated["CodeSha256"] and changed["RevisionId"] != updated["RevisionId"]
    assert after == b'"1"' and running == b'"old"'


def test_a_dry_run_and_a_stale_revision_change_no_code(on_api) -> None:
    async def test(api: Api):
        _, made = await api.create()
        other = base64.b64encode(zipped(app="def handler(e, c): return 'new'\n")).decode()
        dry = await api.call("PUT", f"{ROOT}/orders/code", {"ZipFile": other, "DryRun": True})
        with pytest.raises(EndpointError) as stale:
            await api.call("PUT", f"{ROOT}/orders/code", {"ZipFile": other, "RevisionId": "stale"})
        return made["RevisionId"], json.loads(dry.body)["RevisionId"], stale.value, (await api.invoke({})).body

    made, dry, stale, answer = on_api(test)
    assert made == dry and (stale.code, stale.status) == ("PreconditionFailedException", 412) and answer == b"{}"


def test_a_deleted_function_is_gone_for_the_engine_too(on_api) -> None:
    async def test(api: Api):
        await api.create()
        engine = api.registry.get("orders", REGION)
        answer = await api.call("DELETE", f"{ROOT}/orders")
        assert (answer.status, answer.body) == (204, b"")
        with pytest.raises(NotFoundError, match="Function not found: " + ARN):
            api.registry.get("orders", REGION)
        await engine.invoke(b"{}", request_id="r-1")

    with pytest.raises(NotFoundError):
        on_api(test)


@pytest.mark.parametrize(
    "code, kind, status",
    [
        ("TooManyRequestsException", ThrottledError, 429),
        ("ServiceException", UnavailableError, 500),
        ("AccessDeniedException", DeniedError, 403),
        ("RequestTooLargeException", PayloadTooLargeError, 413),
        ("ResourceNotFoundException", NotFoundError, 404),
    ],
)
def test_a_planned_fault_meets_the_api_and_the_engine(on_api, code: str, kind: type[Exception], status: int) -> None:
    async def test(api: Api):
        await api.create()
        api.faults.plan(Fault("lambda", "Invoke", code, 2))
        with pytest.raises(EndpointError) as told:
            await api.invoke({})
        with pytest.raises(kind):
            await api.registry.get("orders", REGION).invoke(b"{}", request_id="r-1")
        return told.value.code, told.value.status, (await api.invoke({})).status

    assert on_api(test) == (code, status, 200)


def test_tags_are_kept_with_the_function(on_api) -> None:
    path = "/2017-03-31/tags/" + quote(ARN, safe="")

    async def test(api: Api):
        await api.create(Tags={"a": "1", "b": "2"})
        await api.call("POST", path, {"Tags": {"c": "3"}})
        await api.call("DELETE", path, query={"tagKeys": ["a", "b"]})
        listed = json.loads((await api.call("GET", path)).body)
        return listed, json.loads((await api.call("GET", f"{ROOT}/orders")).body)["Tags"]

    assert on_api(test) == ({"Tags": {"c": "3"}}, {"c": "3"})


def test_what_is_not_implemented_is_refused_by_name(on_api) -> None:
    async def test(api: Api):
        await api.create()
        await api.call("POST", "/2021-10-31/functions/orders/url", {"AuthType": "NONE"})

    assert refused(on_api, test).message == "function URLs: not supported by afterbay yet"


def test_closing_leaves_no_code_and_resetting_no_function(libraries: Path) -> None:
    async def whole():
        api = Api(libraries)
        await api.create(code="import os\ndef handler(e, c): return os.getcwd()\n")
        folder = Path(json.loads((await api.invoke()).body))
        assert folder.is_dir()
        await api.registry.reset()
        assert api.registry.exists("orders", REGION) is None
        await api.registry.close()
        return folder

    assert not asyncio.run(whole()).exists()
