"""Published versions, aliases and reserved concurrency, as the Lambda API's calls."""

from __future__ import annotations

import re
import uuid
from http import HTTPStatus

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import integer, members, text, validation_error
from afterbay.endpoint.protocol import Request, Response, json_object, json_response
from afterbay.endpoint.services.lambda_bodies import alias_body, configuration
from afterbay.endpoint.services.lambda_model import LATEST, Alias, RegisteredFunction
from afterbay.endpoint.services.lambda_names import Named, check_revision, find_named, page_of
from afterbay.endpoint.services.lambda_registry import FunctionRegistry
from afterbay.errors import EndpointError, SettingsError

__all__ = ["LambdaVersions"]

CONCURRENCY = 1000
"""AWS's invocations at a time of a new account in a region, of all functions together."""

UNRESERVED_MIN = 100
"""What AWS keeps of it for functions that have nothing reserved."""

_ALIAS = re.compile(r"(?!^[0-9]+$)[a-zA-Z0-9_-]{1,128}")
_CALLS = frozenset({"versions", "aliases", "concurrency"})


class LambdaVersions:
    """The calls: ``versions(request)``. Raises ``EndpointError`` and ``SettingsError``."""

    def __init__(self, registry: FunctionRegistry) -> None:
        self._registry = registry

    @staticmethod
    def owns(request: Request) -> bool:
        """True for the calls of this service."""
        path = request.segments
        return len(path) > 3 and path[1] == "functions" and path[3] in _CALLS

    def __call__(self, request: Request) -> Response:
        path = request.segments
        function = self._whole(path[2], request)
        match request.method, path[0], path[3:]:
            case "POST", "2015-03-31", ("versions",):
                return self._publish(function, json_object(request.body))
            case "GET", "2015-03-31", ("versions",):
                return self._list_versions(function, request)
            case "POST", "2015-03-31", ("aliases",):
                return self._create_alias(function, json_object(request.body))
            case "GET", "2015-03-31", ("aliases",):
                return self._list_aliases(function, request)
            case "GET", "2015-03-31", ("aliases", name):
                return json_response(alias_body(function, _alias(function, name)))
            case "PUT", "2015-03-31", ("aliases", name):
                return self._update_alias(function, _alias(function, name), json_object(request.body))
            case "DELETE", "2015-03-31", ("aliases", name):
                function.aliases.pop(name, None)
                return Response(HTTPStatus.NO_CONTENT)
            case "PUT", "2017-10-31", ("concurrency",):
                return self._reserve(function, json_object(request.body))
            case "DELETE", "2017-10-31", ("concurrency",):
                function.reserved = None
                return Response(HTTPStatus.NO_CONTENT)
            case "GET", "2019-09-30", ("concurrency",):
                return json_response(_concurrency(function))
            case _:
                raise EndpointError(
                    "UnknownOperationException",
                    f"{request.method} {request.path} is no call",
                    status=HTTPStatus.NOT_FOUND,
                )

    def delete_version(self, named: Named) -> None:
        """DeleteFunction with a qualifier."""
        function, qualifier = named.function, named.qualifier or LATEST
        if qualifier == LATEST:
            raise SettingsError("$LATEST version cannot be deleted without deleting the function.")
        if qualifier in function.aliases:
            raise SettingsError(f"{qualifier} is an alias: use DeleteAlias")
        using = sorted(one.name for one in function.aliases.values() if one.version == qualifier)
        if using:
            raise EndpointError(
                "ResourceConflictException",
                f"Unable to delete version because the following aliases reference it: [{', '.join(using)}]",
                status=HTTPStatus.CONFLICT,
            )
        self._registry.delete_version(function, named.version)

    def _whole(self, name: str, request: Request) -> RegisteredFunction:
        named = find_named(self._registry, name, request)
        if named.qualifier not in (None, LATEST):
            raise SettingsError(f"{name}: this call takes no version and no alias; leave out {named.qualifier!r}")
        return named.function

    def _publish(self, function: RegisteredFunction, params: dict[str, JsonValue]) -> Response:
        check_revision(function.latest.revision, params)
        sha256, code = text(params, "CodeSha256"), function.latest.code
        if sha256 not in (None, "", code.sha256):
            raise SettingsError(
                f"CodeSHA256 ({sha256}) is different from current CodeSHA256 in $LATEST ({code.sha256}). Please try "
                "again with the CodeSHA256 in $LATEST."
            )
        made = self._registry.publish(function, text(params, "Description") or "")
        return json_response(configuration(function, made, qualifier=made.number), status=HTTPStatus.CREATED)

    def _list_versions(self, function: RegisteredFunction, request: Request) -> Response:
        bodies = [configuration(function, one, qualifier=one.number, listed=True) for one in function.all_versions()]
        return json_response(page_of(bodies, "Versions", request))

    def _create_alias(self, function: RegisteredFunction, params: dict[str, JsonValue]) -> Response:
        name, version = text(params, "Name") or "", text(params, "FunctionVersion") or ""
        if not _ALIAS.fullmatch(name):
            raise validation_error(
                [
                    f"Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression "
                    "pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"
                ]
            )
        _check_alias(function, version, params)
        if name in function.aliases:
            arn = f"{function.arn}:{name}"
            raise EndpointError("ResourceConflictException", f"Alias already exists: {arn}", status=HTTPStatus.CONFLICT)
        made = Alias(name, version, text(params, "Description") or "", str(uuid.uuid4()))
        function.aliases[name] = made
        return json_response(alias_body(function, made), status=HTTPStatus.CREATED)

    def _list_aliases(self, function: RegisteredFunction, request: Request) -> Response:
        wanted = request.parameters.get("FunctionVersion")
        found = [one for _, one in sorted(function.aliases.items()) if wanted in (None, one.version)]
        return json_response(page_of([alias_body(function, one) for one in found], "Aliases", request))

    def _update_alias(self, function: RegisteredFunction, alias: Alias, params: dict[str, JsonValue]) -> Response:
        """Later invocations of the alias run what it points at from now on."""
        check_revision(alias.revision, params)
        version, description = text(params, "FunctionVersion"), text(params, "Description")
        _check_alias(function, alias.version if version is None else version, params)
        alias.version = alias.version if version is None else version
        alias.description = alias.description if description is None else description
        alias.revision = str(uuid.uuid4())
        return json_response(alias_body(function, alias))

    def _reserve(self, function: RegisteredFunction, params: dict[str, JsonValue]) -> Response:
        wanted = integer(params, "ReservedConcurrentExecutions")
        if wanted is None or wanted < 0:
            raise SettingsError(f"ReservedConcurrentExecutions must be 0 or more, not {wanted}")
        others = (one.reserved or 0 for one in self._registry.listed(function.region) if one is not function)
        if sum(others) + wanted > CONCURRENCY - UNRESERVED_MIN:
            raise SettingsError(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
            )
        function.reserved = wanted
        return json_response(_concurrency(function))


def _concurrency(function: RegisteredFunction) -> dict[str, JsonValue]:
    return {} if function.reserved is None else {"ReservedConcurrentExecutions": function.reserved}


def _alias(function: RegisteredFunction, name: str) -> Alias:
    found = function.aliases.get(name)
    if found is None:
        message = f"Cannot find alias arn: {function.arn}:{name}"
        raise EndpointError("ResourceNotFoundException", message, status=HTTPStatus.NOT_FOUND)
    return found


def _check_alias(function: RegisteredFunction, version: str, params: dict[str, JsonValue]) -> None:
    """What an alias points at must be there, and be one version: parts of the invocations are not sent elsewhere."""
    if members(members(params, "RoutingConfig") or {}, "AdditionalVersionWeights"):
        raise SettingsError(
            "RoutingConfig.AdditionalVersionWeights is not supported by afterbay: an alias names one version"
        )
    if version != LATEST and version not in function.versions:
        message = f"Function not found: {function.arn}:{version}"
        raise EndpointError("ResourceNotFoundException", message, status=HTTPStatus.NOT_FOUND)
