"""The functions' side of the Lambda API: create, read, change, delete, tag. Invoking is ``lambda_invoke``'s."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import parse_qs

from afterbay.core.change.arn import parse_function_name
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import boolean, members, text
from afterbay.endpoint.protocol import ACCOUNT, Request, Response, json_object, json_response
from afterbay.endpoint.services.lambda_code import decode_zip
from afterbay.endpoint.services.lambda_invoke import invoke
from afterbay.endpoint.services.lambda_registry import (
    FunctionRegistry,
    RegisteredFunction,
    already_there,
    function_arn,
)
from afterbay.endpoint.services.lambda_settings import parse_settings, read_tags, refuse_unknown
from afterbay.errors import EndpointError, NotFoundError, SettingsError

__all__ = ["FetchObject", "LambdaFunctions"]

FetchObject: TypeAlias = Callable[[str, str, str], Awaitable[bytes]]
"""``(bucket, key, region)`` -> an object of the address's S3. Raises ``NotFoundError``."""

PAGE_MAX = 50
"""AWS's page of ListFunctions, whatever MaxItems says."""

_CREATE = frozenset({"FunctionName", "Code", "PackageType", "Tags"})
_UPDATE_CODE = frozenset({"FunctionName", "ZipFile", "S3Bucket", "S3Key", "Architectures", "DryRun", "RevisionId"}) | {
    "S3ObjectVersion",
    "ImageUri",
    "S3ObjectStorageMode",
    "SourceKMSKeyArn",
}
_UPDATE_SETTINGS = frozenset({"FunctionName", "RevisionId"})
_CODE_REFUSED = ("S3ObjectVersion", "S3ObjectStorageMode", "SourceKMSKeyArn", "ImageUri")
_NOT_YET = {
    "concurrency": "reserved concurrency",
    "provisioned-concurrency": "provisioned concurrency",
    "event-invoke-config": "settings of asynchronous invocations",
    "url": "function URLs",
    "aliases": "aliases",
    "policy": "resource policies",
    "versions": "published versions",
    "code-signing-config": "code signing",
}


class LambdaFunctions:
    """The service: ``await functions(request)``. ``fetch`` is None where the address has no S3 to take code from."""

    def __init__(self, registry: FunctionRegistry, *, fetch: FetchObject | None = None) -> None:
        self.registry = registry
        self._fetch = fetch

    async def __call__(self, request: Request) -> Response:
        """Answer one request. Raises ``EndpointError`` with AWS's code, text and status."""
        try:
            return await self._route(request)
        except SettingsError as error:
            raise EndpointError(error.code, error.message) from error

    async def _route(self, request: Request) -> Response:
        root, rest = request.segments[:2], request.segments[2:]
        match request.method, root, rest:
            case "POST", ("2015-03-31", "functions"), ():
                return await self._create(request)
            case "GET", ("2015-03-31", "functions"), ():
                return self._list(request)
            case "GET", ("2015-03-31", "functions"), (name,):
                return self._get(self._found(name, request))
            case "GET", ("2015-03-31", "functions"), (name, "configuration"):
                return json_response(_configuration(self._found(name, request)))
            case "PUT", ("2015-03-31", "functions"), (name, "code"):
                return await self._update_code(self._found(name, request), request)
            case "PUT", ("2015-03-31", "functions"), (name, "configuration"):
                return self._update_settings(self._found(name, request), request)
            case "DELETE", ("2015-03-31", "functions"), (name,):
                await self.registry.delete(self._found(name, request))
                return Response(HTTPStatus.NO_CONTENT)
            case "POST", ("2015-03-31", "functions"), (name, "invocations"):
                return await invoke(self.registry, name, request)
            case method, ("2017-03-31", "tags"), (arn,):
                return self._tags(method, self._found(arn, request), request)
            case _:
                raise _unknown(request)

    async def _create(self, request: Request) -> Response:
        params = json_object(request.body)
        name = _simple_name(text(params, "FunctionName"), request.region)
        if text(params, "PackageType") not in (None, "Zip"):
            raise SettingsError("PackageType Image is not supported by afterbay: use Zip")
        refuse_unknown(params, known=_CREATE)
        settings, tags = parse_settings(params), read_tags(params)
        self.registry.check_runtime(settings)
        if self.registry.find(name, request.region) is not None:
            raise already_there(name)
        content = await self._content(members(params, "Code") or {}, request.region)
        made = await self.registry.create(name, request.region, settings, content, tags)
        return json_response(_configuration(made), status=HTTPStatus.CREATED)

    async def _update_code(self, function: RegisteredFunction, request: Request) -> Response:
        params = json_object(request.body)
        refuse_unknown(params, known=_UPDATE_CODE)
        _check_revision(function, params)
        settings = parse_settings(
            {name: value for name, value in params.items() if name == "Architectures"}, function.settings
        )
        content = await self._content(params, request.region)
        if not boolean(params, "DryRun"):
            await self.registry.replace_code(function, content, settings)
        return json_response(_configuration(function))

    def _update_settings(self, function: RegisteredFunction, request: Request) -> Response:
        params = json_object(request.body)
        refuse_unknown(params, known=_UPDATE_SETTINGS)
        _check_revision(function, params)
        settings = parse_settings(params, function.settings)
        self.registry.check_runtime(settings)
        self.registry.replace_settings(function, settings)
        return json_response(_configuration(function))

    async def _content(self, source: dict[str, JsonValue], region: str) -> bytes:
        """The zip file that ``Code``, or an update of it, names."""
        for name in _CODE_REFUSED:
            if source.get(name) is not None:
                raise SettingsError(f"{name} is not supported by afterbay yet: give ZipFile, or S3Bucket with S3Key")
        inline, bucket, key = text(source, "ZipFile"), text(source, "S3Bucket"), text(source, "S3Key")
        if inline is not None and bucket is None and key is None:
            return decode_zip(inline)
        if inline is not None or bucket is None or key is None:
            raise SettingsError("Please provide a source for function code: ZipFile, or S3Bucket with S3Key.")
        if self._fetch is None:
            raise SettingsError("Code from S3 is not supported at this address: give ZipFile")
        try:
            return await self._fetch(bucket, key, region)
        except NotFoundError as error:
            raise SettingsError(
                f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message}"
            ) from error

    def _get(self, function: RegisteredFunction) -> Response:
        """GetFunction; ``Code`` has no Location, because nobody serves the zip file again."""
        answer: dict[str, JsonValue] = {"Configuration": _configuration(function), "Code": {"RepositoryType": "S3"}}
        if function.tags:
            answer["Tags"] = dict(function.tags)
        return json_response(answer)

    def _list(self, request: Request) -> Response:
        asked = request.parameters
        most = asked.get("MaxItems", str(PAGE_MAX))
        if not most.isdecimal() or not 1 <= int(most) <= 10_000:
            raise SettingsError(f"MaxItems must be 1 to 10000, not {most}")
        after = asked.get("Marker", "")
        found = [one for one in self.registry.listed(request.region) if one.name > after]
        page = found[: min(int(most), PAGE_MAX)]
        answer: dict[str, JsonValue] = {"Functions": [_configuration(one, listed=True) for one in page]}
        if len(page) < len(found):
            answer["NextMarker"] = page[-1].name
        return json_response(answer)

    def _tags(self, method: str, function: RegisteredFunction, request: Request) -> Response:
        if method == "GET":
            return json_response({"Tags": function.tags})
        if method == "POST":
            function.tags.update(read_tags(json_object(request.body)))
        elif method == "DELETE":
            for name in parse_qs(request.query, keep_blank_values=True).get("tagKeys", []):
                function.tags.pop(name, None)
        else:
            raise _unknown(request)
        return Response(HTTPStatus.NO_CONTENT)

    def _found(self, name_or_arn: str, request: Request) -> RegisteredFunction:
        qualifier = request.parameters.get("Qualifier", "$LATEST")
        found = self.registry.find(name_or_arn, request.region)
        if found is not None and qualifier == "$LATEST":
            return found
        asked = parse_function_name(name_or_arn)
        arn = asked.arn(region=request.region, account=ACCOUNT)
        if qualifier != "$LATEST":
            arn = f"{arn}:{qualifier}"
        raise EndpointError("ResourceNotFoundException", f"Function not found: {arn}", status=HTTPStatus.NOT_FOUND)


def _simple_name(name: str | None, region: str) -> str:
    """The name of a function to be made: any of R2's forms, in this account and region, unqualified."""
    if name is None:
        raise SettingsError("FunctionName is missing")
    asked = parse_function_name(name)
    if asked.qualifier is not None or asked.account not in (None, ACCOUNT) or asked.region not in (None, region):
        raise SettingsError(f"FunctionName {name} must name a function of account {ACCOUNT} in {region}, unqualified")
    return asked.name


def _check_revision(function: RegisteredFunction, params: dict[str, JsonValue]) -> None:
    if text(params, "RevisionId") not in (None, function.revision):
        raise EndpointError(
            "PreconditionFailedException",
            "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to "
            "retrieve the latest RevisionId",
            status=HTTPStatus.PRECONDITION_FAILED,
        )


def _unknown(request: Request) -> EndpointError:
    tail = request.segments[3] if len(request.segments) > 3 else ""
    named = _NOT_YET.get(tail)
    told = f"{named}: not supported by afterbay yet" if named else f"{request.method} {request.path} is no call"
    return EndpointError("UnknownOperationException", told, status=HTTPStatus.NOT_FOUND)


def _configuration(function: RegisteredFunction, *, listed: bool = False) -> dict[str, JsonValue]:
    """FunctionConfiguration as the API answers it; a list leaves the state out, as on AWS."""
    settings = function.settings
    body: dict[str, JsonValue] = {
        "FunctionName": function.name,
        "FunctionArn": function_arn(function.name, function.region),
        "Runtime": settings.runtime,
        "Handler": settings.handler,
        "CodeSize": function.code.size_bytes,
        "Description": "",
        "Timeout": settings.timeout_s,
        "MemorySize": settings.memory_mb,
        "LastModified": f"{function.modified:%Y-%m-%dT%H:%M:%S}.{function.modified.microsecond // 1000:03d}+0000",
        "CodeSha256": function.code.sha256,
        "Version": "$LATEST",
        "TracingConfig": {"Mode": settings.tracing},
        "RevisionId": function.revision,
        "PackageType": "Zip",
        "Architectures": [settings.architecture],
        "EphemeralStorage": {"Size": settings.storage_mb},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": function.process.definition.log_group_name},
        **settings.echoed,
    }
    if settings.variables is not None:
        body["Environment"] = {"Variables": dict(settings.variables)}
    if not listed:
        body["State"] = "Active"
        body["LastUpdateStatus"] = "Successful"
        runtime = f"arn:aws:lambda:{function.region}::runtime:{function.code.sha256.encode().hex()[:64]}"
        body["RuntimeVersionConfig"] = {"RuntimeVersionArn": runtime}
    return body
