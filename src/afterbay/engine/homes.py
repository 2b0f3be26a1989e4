"""What there is on the buses of every region: rules, archives, replays, connections, API destinations.

Keeps the states of ``core.bus`` together; who changes one says so, and it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from afterbay.core.bus.archive import Archive, Archives
from afterbay.core.bus.bus import Bus
from afterbay.core.bus.buses import Buses
from afterbay.core.bus.connection import Connection, Connections
from afterbay.core.bus.destination import ApiDestination, ApiDestinations
from afterbay.core.bus.names import Home
from afterbay.core.bus.replay import Replay, Replays
from afterbay.core.bus.rule import Rule
from afterbay.core.change.arn import parse_arn

__all__ = ["HomeState", "HomeStore", "Homes"]


@dataclass(frozen=True, slots=True)
class HomeState:
    """One account and region."""

    buses: Buses
    archives: Archives
    replays: Replays
    connections: Connections
    destinations: ApiDestinations


class _Saved(msgspec.Struct):
    """All of a home, as it is stored."""

    buses: tuple[Bus, ...]
    rules: tuple[Rule, ...]
    archives: tuple[Archive, ...]
    replays: tuple[Replay, ...]
    connections: tuple[Connection, ...]
    destinations: tuple[ApiDestination, ...]


class HomeStore(Protocol):
    """Keeps homes over a restart, by region; a body is what ``Homes`` wrote."""

    def homes(self) -> Sequence[tuple[str, bytes]]: ...

    def changed(self, region: str, body: bytes) -> None: ...


class Homes:
    """The homes of one account, made when they are asked for. ``store`` None: nothing outlives the process."""

    def __init__(self, account: str, now: Callable[[], datetime], store: HomeStore | None = None) -> None:
        self._account = account
        self._now = now
        self._store = store
        self._states: dict[str, HomeState] = {}
        self._written: dict[str, bytes] = {}

    def restore(self) -> None:
        """Take up what is stored. Raises ``msgspec.MsgspecError`` for what cannot be read."""
        for region, body in () if self._store is None else self._store.homes():
            saved = msgspec.msgpack.decode(body, type=_Saved)
            self._states[region] = self._made(region, saved)
            self._written[region] = body

    def __iter__(self) -> Iterator[HomeState]:
        return iter(tuple(self._states.values()))

    def of(self, region: str) -> HomeState:
        found = self._states.get(region)
        if found is None:
            found = self._states[region] = self._made(region, _Saved((), (), (), (), (), ()))
        return found

    def of_arn(self, arn: str) -> HomeState:
        """The home of what an ARN names."""
        return self.of(parse_arn(arn).region)

    def destination(self, arn: str) -> tuple[ApiDestination, Connection] | None:
        """An API destination and its connection; None: one of them is not there."""
        home = self.of_arn(arn)
        found = home.destinations.find(arn)
        connection = None if found is None else home.connections.find(found.connection_arn)
        return None if found is None or connection is None else (found, connection)

    def changed(self, region: str) -> None:
        """Something of a home may have changed: store it if it did."""
        if self._store is None:
            return
        home = self.of(region)
        buses, rules = home.buses.saved()
        body = msgspec.msgpack.encode(
            _Saved(
                buses,
                rules,
                home.archives.saved(),
                home.replays.saved(),
                home.connections.saved(),
                home.destinations.saved(),
            )
        )
        if self._written.get(region) != body:
            self._written[region] = body
            self._store.changed(region, body)

    def clear(self) -> None:
        self._states.clear()
        self._written.clear()

    def _made(self, region: str, saved: _Saved) -> HomeState:
        home = Home(self._account, region)
        buses = Buses(home, created=self._now(), buses=saved.buses, rules=saved.rules)
        archives = Archives(buses, saved.archives)
        connections = Connections(home, saved.connections)
        destinations = ApiDestinations(home, connections, saved.destinations)
        return HomeState(buses, archives, Replays(buses, archives, saved.replays), connections, destinations)
