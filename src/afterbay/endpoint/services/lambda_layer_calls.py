"""Layers, as the Lambda API's calls."""

from __future__ import annotations

from http import HTTPStatus

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, members, text
from afterbay.endpoint.protocol import Request, Response, json_object, json_response
from afterbay.endpoint.services.lambda_bodies import layer_body, layer_summary
from afterbay.endpoint.services.lambda_code import FetchObject, read_zip
from afterbay.endpoint.services.lambda_layers import LayerStore, LayerVersion, parse_layer
from afterbay.endpoint.services.lambda_names import page_of
from afterbay.errors import EndpointError, SettingsError

__all__ = ["LambdaLayers"]

_PUBLISH = frozenset({"LayerName", "Content", "Description"})
_ECHOED = ("CompatibleRuntimes", "CompatibleArchitectures")


class LambdaLayers:
    """The calls: ``await layers(request)``. Raises ``EndpointError`` and ``SettingsError``."""

    def __init__(self, layers: LayerStore, *, fetch: FetchObject | None) -> None:
        self._layers = layers
        self._fetch = fetch

    async def __call__(self, request: Request) -> Response:
        region = request.region
        match request.method, request.segments[2:]:
            case "GET", () if request.parameters.get("find") == "LayerVersion":
                arn = request.parameters.get("Arn", "")
                return json_response(layer_body(self._found(arn, None, region)))
            case "GET", ():
                return self._list(request)
            case "POST", (name, "versions"):
                return await self._publish(_name(name, region), request)
            case "GET", (name, "versions"):
                versions = self._layers.versions(_name(name, region), region)
                return json_response(page_of([layer_summary(one) for one in versions], "LayerVersions", request))
            case "GET", (name, "versions", number):
                return json_response(layer_body(self._found(name, number, region)))
            case "DELETE", (name, "versions", number):
                if number.isdecimal():
                    self._layers.remove(_name(name, region), int(number), region)
                return Response(HTTPStatus.NO_CONTENT)
            case _:
                told = f"{request.method} {request.path}: not supported by afterbay yet"
                raise EndpointError("UnknownOperationException", told, status=HTTPStatus.NOT_FOUND)

    async def _publish(self, name: str, request: Request) -> Response:
        params = json_object(request.body)
        unknown = params.keys() - _PUBLISH - {*_ECHOED, "LicenseInfo"}
        if unknown:
            raise SettingsError(f"{min(unknown)} is not a parameter of this operation")
        content = await read_zip(members(params, "Content") or {}, request.region, self._fetch)
        echoed: dict[str, JsonValue] = {name: value for name in _ECHOED if (value := items(params, name))}
        licence = text(params, "LicenseInfo")
        if licence is not None:
            echoed["LicenseInfo"] = licence
        description = text(params, "Description") or ""
        made = await self._layers.publish(name, request.region, content, description=description, echoed=echoed)
        return json_response(layer_body(made), status=HTTPStatus.CREATED)

    def _list(self, request: Request) -> Response:
        bodies: list[dict[str, JsonValue]] = [
            {"LayerName": one.name, "LayerArn": one.layer_arn, "LatestMatchingVersion": layer_summary(one)}
            for one in self._layers.latest(request.region)
        ]
        return json_response(page_of(bodies, "Layers", request))

    def _found(self, name: str, number: str | None, region: str) -> LayerVersion:
        layer, own = parse_layer(name, region)
        asked = own if number is None else int(number) if number.isdecimal() else None
        found = None if asked is None else self._layers.find(layer, asked, region)
        if found is None:
            raise EndpointError(
                "ResourceNotFoundException",
                "The resource you requested does not exist.",
                status=HTTPStatus.NOT_FOUND,
            )
        return found


def _name(name: str, region: str) -> str:
    return parse_layer(name, region)[0]
