"""What the Lambda API's calls share: the function that a request means, pages, revisions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus

from afterbay.core.change.arn import parse_function_name
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import text
from afterbay.endpoint.protocol import ACCOUNT, Request
from afterbay.endpoint.services.lambda_model import RegisteredFunction, Version
from afterbay.endpoint.services.lambda_registry import FunctionRegistry
from afterbay.errors import EndpointError, SettingsError

__all__ = ["Named", "check_revision", "find_named", "page_of", "qualified"]

PAGE_MAX = 50
"""AWS's page of functions, versions and aliases, whatever MaxItems says."""


@dataclass(frozen=True, slots=True)
class Named:
    """A function as a request named it. ``qualifier`` None: it named none."""

    function: RegisteredFunction
    version: Version
    qualifier: str | None


def qualified(name: str, request: Request) -> str:
    """A function's name with the qualifier that it, or the request's ``Qualifier``, has. Raises ``SettingsError``."""
    asked, qualifier = parse_function_name(name), request.parameters.get("Qualifier")
    if qualifier is None:
        return name
    if asked.qualifier not in (None, qualifier):
        raise SettingsError("The derived qualifier from the function name does not match the specified qualifier.")
    return replace(asked, qualifier=qualifier).arn(region=request.region, account=ACCOUNT)


def find_named(registry: FunctionRegistry, name: str, request: Request) -> Named:
    """The function and version of a request. Raises ``EndpointError`` with the ARN of what is not there."""
    reference = qualified(name, request)
    found, asked = registry.resolve(reference, request.region), parse_function_name(reference)
    if found is None:
        arn = asked.arn(region=request.region, account=ACCOUNT)
        raise EndpointError("ResourceNotFoundException", f"Function not found: {arn}", status=HTTPStatus.NOT_FOUND)
    return Named(*found, asked.qualifier)


def check_revision(revision: str, params: dict[str, JsonValue]) -> None:
    """Raises ``EndpointError`` if the caller knows an older one."""
    if text(params, "RevisionId") not in (None, revision):
        raise EndpointError(
            "PreconditionFailedException",
            "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to "
            "retrieve the latest RevisionId",
            status=HTTPStatus.PRECONDITION_FAILED,
        )


def page_of(bodies: list[dict[str, JsonValue]], member: str, request: Request) -> dict[str, JsonValue]:
    """One page of a list, by MaxItems and Marker, the number of what came before."""
    most, after = request.parameters.get("MaxItems", str(PAGE_MAX)), request.parameters.get("Marker", "0")
    if not most.isdecimal() or not 1 <= int(most) <= 10_000:
        raise SettingsError(f"MaxItems must be 1 to 10000, not {most}")
    if not after.isdecimal():
        raise SettingsError(f"Marker {after!r} is not one: take the NextMarker of the page before")
    end = int(after) + min(int(most), PAGE_MAX)
    page: list[JsonValue] = list(bodies[int(after) : end])
    answer: dict[str, JsonValue] = {member: page}
    if end < len(bodies):
        answer["NextMarker"] = str(end)
    return answer
