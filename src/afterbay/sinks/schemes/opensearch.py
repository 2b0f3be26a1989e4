"""Addresses of OpenSearch indices: ``opensearch+http(s)://USER:PASSWORD@HOST:PORT/NAME?auth=es&region=R``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from afterbay.errors import SettingsError
from afterbay.sinks.scheme import Scheme, SinkAddress, extra_wanted

if TYPE_CHECKING:
    from afterbay.sinks.where import GuardedStore

__all__ = ["SCHEMES"]

_PORTS = {"opensearch+http": "9200", "opensearch+https": "443"}
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}", re.ASCII)
"""An index's name has no capitals. The sink's own index has this one and some more characters, 255 at most."""

_SERVICES = ("aoss", "es")


def _host_and_name(text: str, shown: str) -> str:
    """``//HOST:PORT/NAME``, without user and password."""
    host, _, name = text.removeprefix("//").rpartition("@")[2].partition("/")
    if not text.startswith("//") or not _HOST.fullmatch(host):
        raise SettingsError(f"{shown}: no host", hint="write opensearch+http://HOST:PORT/NAME")
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{shown}: no index name",
            hint="write opensearch+http://HOST:PORT/NAME; a name has 1 to 200 small letters, digits, dots, dashes or"
            " underscores, and begins with a letter or digit",
        )
    return f"//{host}/{name}"


def _check(parameters: Mapping[str, str], shown: str) -> None:
    auth = parameters.get("auth")
    if auth is not None and auth not in _SERVICES:
        raise SettingsError(
            f"{shown}: auth={auth[:20]} is not known",
            hint="auth is es (a managed domain) or aoss (a serverless collection)",
        )
    if auth is None and "region" in parameters:
        raise SettingsError(f"{shown}: region= is for requests that are signed", hint="add auth=es or auth=aoss")
    if auth is not None and "@" in shown:
        raise SettingsError(f"{shown}: auth= and a user exclude each other", hint="leave one of them out")


def _opensearch(address: SinkAddress) -> GuardedStore:
    with extra_wanted(address, "opensearch", "the OpenSearch client", "opensearchpy", "urllib3"):
        from afterbay.sinks.opensearch import OpenSearchSink
        from afterbay.sinks.opensearch_cluster import ClusterAddress
    host, _, name = address.place.removeprefix("//").partition("/")
    if not re.search(r":[0-9]+\Z", host):
        host = f"{host}:{_PORTS[address.scheme]}"
    user, _, password = address.text.removeprefix("//").rpartition("@")[0].partition(":")
    cluster = ClusterAddress(
        f"{address.scheme.removeprefix('opensearch+')}://{host}",
        user=unquote(user),
        password=unquote(password),
        auth=address.parameters.get("auth", ""),
        region=address.parameters.get("region", ""),
    )
    return OpenSearchSink(cluster, name, options=address.options)


_SCHEME = Scheme(("auth", "region"), _host_and_name, _check, _opensearch)
SCHEMES = {"opensearch+http": _SCHEME, "opensearch+https": _SCHEME}
