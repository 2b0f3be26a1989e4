"""The functions' side of the Lambda API: create, read, change, delete, tag.

Invoking is ``lambda_invoke``'s; versions, aliases and concurrency ``lambda_versions``'; layers ``lambda_layer_calls``'.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qs

from afterbay.core.change.arn import parse_function_name
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import boolean, members, text
from afterbay.endpoint.protocol import ACCOUNT, Request, Response, json_object, json_response
from afterbay.endpoint.services.lambda_bodies import configuration
from afterbay.endpoint.services.lambda_code import FetchObject, read_zip
from afterbay.endpoint.services.lambda_invoke import invoke
from afterbay.endpoint.services.lambda_layer_calls import LambdaLayers
from afterbay.endpoint.services.lambda_model import LATEST, RegisteredFunction
from afterbay.endpoint.services.lambda_names import Named, check_revision, find_named, page_of
from afterbay.endpoint.services.lambda_registry import FunctionRegistry, already_there
from afterbay.endpoint.services.lambda_settings import parse_settings, read_tags, refuse_unknown
from afterbay.endpoint.services.lambda_versions import LambdaVersions
from afterbay.errors import EndpointError, SettingsError

__all__ = ["LambdaFunctions"]

_CREATE = frozenset({"FunctionName", "Code", "PackageType", "Tags", "Publish"})
_UPDATE_CODE = frozenset({"FunctionName", "ZipFile", "S3Bucket", "S3Key", "Architectures", "DryRun", "RevisionId"}) | {
    "S3ObjectVersion",
    "ImageUri",
    "S3ObjectStorageMode",
    "SourceKMSKeyArn",
    "Publish",
}
_UPDATE_SETTINGS = frozenset({"FunctionName", "RevisionId"})
_NOT_YET = {
    "provisioned-concurrency": "provisioned concurrency",
    "event-invoke-config": "settings of asynchronous invocations",
    "url": "function URLs",
    "policy": "resource policies",
    "code-signing-config": "code signing",
}


class LambdaFunctions:
    """The service: ``await functions(request)``. ``fetch`` is None where the address has no S3 to take code from."""

    def __init__(self, registry: FunctionRegistry, *, fetch: FetchObject | None = None) -> None:
        self.registry = registry
        self._fetch = fetch
        self._versions = LambdaVersions(registry)
        self._layers = LambdaLayers(registry.layers, fetch=fetch)

    async def __call__(self, request: Request) -> Response:
        """Answer one request. Raises ``EndpointError`` with AWS's code, text and status."""
        try:
            return await self._route(request)
        except SettingsError as error:
            raise EndpointError(error.code, error.message) from error

    async def _route(self, request: Request) -> Response:
        if request.segments[:2] == ("2018-10-31", "layers"):
            return await self._layers(request)
        if LambdaVersions.owns(request):
            return self._versions(request)
        root, rest = request.segments[:2], request.segments[2:]
        match request.method, root, rest:
            case "POST", ("2015-03-31", "functions"), ():
                return await self._create(request)
            case "GET", ("2015-03-31", "functions"), ():
                return self._list(request)
            case "GET", ("2015-03-31", "functions"), (name,):
                return self._get(find_named(self.registry, name, request))
            case "GET", ("2015-03-31", "functions"), (name, "configuration"):
                return json_response(_body(find_named(self.registry, name, request)))
            case "PUT", ("2015-03-31", "functions"), (name, "code"):
                return await self._update_code(self._latest(name, request), request)
            case "PUT", ("2015-03-31", "functions"), (name, "configuration"):
                return await self._update_settings(self._latest(name, request), request)
            case "DELETE", ("2015-03-31", "functions"), (name,):
                return await self._delete(find_named(self.registry, name, request))
            case "POST", ("2015-03-31", "functions"), (name, "invocations"):
                return await invoke(self.registry, name, request)
            case method, ("2017-03-31", "tags"), (arn,):
                return self._tags(method, self._latest(arn, request), request)
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
        content = await read_zip(members(params, "Code") or {}, request.region, self._fetch)
        made = await self.registry.create(name, request.region, settings, content, tags)
        return json_response(self._changed(made, params), status=HTTPStatus.CREATED)

    async def _update_code(self, function: RegisteredFunction, request: Request) -> Response:
        params = json_object(request.body)
        refuse_unknown(params, known=_UPDATE_CODE)
        check_revision(function.latest.revision, params)
        settings = parse_settings(
            {name: value for name, value in params.items() if name == "Architectures"}, function.settings
        )
        content = await read_zip(params, request.region, self._fetch)
        if boolean(params, "DryRun"):
            return json_response(configuration(function, function.latest))
        await self.registry.replace_code(function, content, settings)
        return json_response(self._changed(function, params))

    async def _update_settings(self, function: RegisteredFunction, request: Request) -> Response:
        params = json_object(request.body)
        refuse_unknown(params, known=_UPDATE_SETTINGS)
        check_revision(function.latest.revision, params)
        settings = parse_settings(params, function.settings)
        self.registry.check_runtime(settings)
        await self.registry.replace_settings(function, settings)
        return json_response(configuration(function, function.latest))

    def _changed(self, function: RegisteredFunction, params: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """The body of a function whose code is new: of the version that is published with it, where that is asked."""
        if not boolean(params, "Publish"):
            return configuration(function, function.latest)
        made = self.registry.publish(function, text(params, "Description") or "")
        return configuration(function, made, qualifier=made.number)

    async def _delete(self, named: Named) -> Response:
        """The whole function, or the version that the qualifier names."""
        if named.qualifier is None:
            await self.registry.delete(named.function)
        else:
            self._versions.delete_version(named)
        return Response(HTTPStatus.NO_CONTENT)

    def _get(self, named: Named) -> Response:
        """GetFunction; ``Code`` has no Location, because nobody serves the zip file again."""
        function = named.function
        answer: dict[str, JsonValue] = {"Configuration": _body(named), "Code": {"RepositoryType": "S3"}}
        if function.tags:
            answer["Tags"] = dict(function.tags)
        if function.reserved is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
        return json_response(answer)

    def _list(self, request: Request) -> Response:
        functions = list(self.registry.listed(request.region))
        which = request.parameters.get("FunctionVersion")
        if which not in (None, "ALL"):
            raise SettingsError(f"FunctionVersion must be ALL, not {which}")
        if which is None:
            bodies = [configuration(one, one.latest, listed=True) for one in functions]
        else:
            bodies = [
                configuration(one, version, qualifier=version.number, listed=True)
                for one in functions
                for version in one.all_versions()
            ]
        return json_response(page_of(bodies, "Functions", request))

    def _latest(self, name: str, request: Request) -> RegisteredFunction:
        """The function that a call changes, which must not name a version of it."""
        named = find_named(self.registry, name, request)
        if named.qualifier not in (None, LATEST):
            raise SettingsError(f"{name}: this call takes no version and no alias; leave out {named.qualifier!r}")
        return named.function

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


def _simple_name(name: str | None, region: str) -> str:
    """The name of a function to be made: any of R2's forms, in this account and region, unqualified."""
    if name is None:
        raise SettingsError("FunctionName is missing")
    asked = parse_function_name(name)
    if asked.qualifier is not None or asked.account not in (None, ACCOUNT) or asked.region not in (None, region):
        raise SettingsError(f"FunctionName {name} must name a function of account {ACCOUNT} in {region}, unqualified")
    return asked.name


def _unknown(request: Request) -> EndpointError:
    tail = request.segments[3] if len(request.segments) > 3 else ""
    named = _NOT_YET.get(tail)
    told = f"{named}: not supported by afterbay yet" if named else f"{request.method} {request.path} is no call"
    return EndpointError("UnknownOperationException", told, status=HTTPStatus.NOT_FOUND)


def _body(named: Named) -> dict[str, JsonValue]:
    """FunctionConfiguration of what was asked for; an explicit ``$LATEST`` is no other function."""
    qualifier = None if named.qualifier == LATEST else named.qualifier
    return configuration(named.function, named.version, qualifier=qualifier)
