"""What a kind of sink says about its addresses: which parameters it takes, what is wrong with one, how it is made.

Decides nothing by itself; one module of ``sinks.schemes`` per kind fills it in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from afterbay.errors import SettingsError
from afterbay.sinks.options import SinkOptions

if TYPE_CHECKING:
    from afterbay.core.pattern import Pattern
    from afterbay.sinks.where import GuardedStore

__all__ = ["Scheme", "SinkAddress", "check_endpoint", "extra_wanted", "no_check"]


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """An address taken apart and checked. Its text shows neither user, password nor parameters.

    ``place`` is what follows the scheme (a table's name, a file), ``parameters`` the sink's own ones, decoded. ``text``
    is the place as it was written: a user and a password may be in it.
    ``where`` judges items before they reach the sink; None takes all.
    """

    scheme: str
    place: str
    parameters: Mapping[str, str] = field(repr=False)
    options: SinkOptions = field(default_factory=SinkOptions, repr=False)
    where: Pattern | None = field(default=None, repr=False)
    text: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}:{self.place}"


@dataclass(frozen=True, slots=True)
class Scheme:
    """``place`` reads what follows the scheme, ``check`` looks at the decoded parameters: both are given the address as
    an error may show it, and raise ``SettingsError``. ``make`` opens nothing."""

    parameters: tuple[str, ...]
    place: Callable[[str, str], str]
    check: Callable[[Mapping[str, str], str], None]
    make: Callable[[SinkAddress], GuardedStore]


def no_check(_parameters: Mapping[str, str], _shown: str) -> None:
    """For a scheme without parameters of its own."""


def check_endpoint(parameters: Mapping[str, str], shown: str) -> None:
    """``endpoint_url`` is a URL, where there is one."""
    endpoint = parameters.get("endpoint_url")
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise SettingsError(f"{shown}: endpoint_url is not a URL", hint="as in endpoint_url=http://127.0.0.1:4566")


@contextmanager
def extra_wanted(address: SinkAddress, extra: str, what: str, *modules: str) -> Generator[None]:
    """Around the import of a sink's own module: one of ``modules`` that is not installed is an error that names the
    extra."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in modules:
            raise
        raise SettingsError(
            f"{address}: {what} is not installed", hint=f"install it: pip install 'afterbay[{extra}]'"
        ) from missing
