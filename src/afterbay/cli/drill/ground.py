"""Where a drill takes place: a template's resources on a local address in this process, its clock in our hand.

Decides how things are written, looked at and waited for. What is done with them are the steps'.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from afterbay.aws.client import Aws, AwsSettings
from afterbay.backfill.items import TableItems, TableShape, describe_shape
from afterbay.cli.drill.draft import Typed
from afterbay.cli.drill.witness import Hub, Poison
from afterbay.cli.drill.world import Items, World
from afterbay.core.change.arn import is_pipe
from afterbay.core.change.value import canonical, decode_item, sdk_item
from afterbay.core.mapping.lane import LaneState
from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.settings import MappingSettings
from afterbay.engine.status import Status, take
from afterbay.ports import Answer

if TYPE_CHECKING:
    from afterbay.declaration.template import Template
    from afterbay.endpoint.local import LocalAddress
    from afterbay.manifest.package import WatchedCode

__all__ = ["Ground", "ground"]

HOST = "127.0.0.1"

POLL_S = 0.02
QUIET_S = 0.15
"""Real seconds without news after which the address's clock is moved on: a batching window, a back-off."""

ADVANCE_S = 1.0
ADVANCE_S_MAX = 300.0
"""By how much it is moved, doubled each time."""

AHEAD_S = 1_200.0
"""How far it is moved in one wait, if nobody says: the longest batching window and the longest tumbling window."""

WITHIN_S = 30.0
"""Real seconds after which what has not happened does not."""

STILL_LOOKS = 3

_UNDER_WAY = (LaneState.INVOKING.value, LaneState.STORING_LETTER.value)

PAGES_MAX = 1_000
"""Pages of a listing."""


class Ground:
    """``clock`` and ``supervisor`` of the address, and AWS calls on it. Belongs to one event loop."""

    def __init__(self, local: LocalAddress, aws: Aws, hub: Hub, poison: Poison, code: Sequence[WatchedCode]) -> None:
        self._local = local
        self.aws = aws
        self.hub = hub
        self.poison = poison
        self.code = code

    def now(self) -> datetime:
        """The address's time."""
        return self._local.clock.now()

    def status(self) -> Status:
        return take(self._local.supervisor, self.now())

    def settings_of(self, mapping: str) -> MappingSettings | None:
        """What a mapping acts on; None once it is gone."""
        return self._local.supervisor.settings_of(mapping)

    # ---- waiting

    async def until(
        self, condition: Callable[[], bool], *, within_s: float = WITHIN_S, ahead_s: float = AHEAD_S
    ) -> bool:
        """Wait for ``condition``, moving the address's clock on by ``ahead_s`` in all while nothing happens; whether it
        came true."""
        end_s = time.monotonic() + within_s
        quiet_s, advance_s, left_s = time.monotonic(), ADVANCE_S, ahead_s
        while not condition():
            now_s = time.monotonic()
            if now_s >= end_s:
                return False
            if _is_busy(self.status()):  # a function runs in real time, as long as its time-out lets it
                quiet_s, end_s = now_s, max(end_s, now_s + WITHIN_S)
            if left_s > 0 and now_s - quiet_s >= QUIET_S:
                await self._local.clock.advance(min(advance_s, left_s))
                left_s -= advance_s
                advance_s = min(2 * advance_s, ADVANCE_S_MAX)
                quiet_s = time.monotonic()
            await asyncio.sleep(POLL_S)
        return True

    async def idle(self, *, within_s: float = WITHIN_S, ahead_s: float = AHEAD_S) -> bool:
        """Wait until no mapping has anything in hand, at three looks in a row."""
        still = 0

        def quiet() -> bool:
            nonlocal still
            still = still + 1 if _is_quiet(self.status()) else 0
            return still >= STILL_LOOKS

        return await self.until(quiet, within_s=within_s, ahead_s=ahead_s)

    # ---- the table

    async def put(self, table: str, items: Sequence[Typed]) -> None:
        """Write items in one transaction, so that a reader finds them together."""
        writes = [{"Put": {"TableName": table, "Item": _sdk(item)}} for item in items]
        await self.aws.call("dynamodb", "transact_write_items", TransactItems=writes)

    async def delete(self, table: str, keys: Sequence[Typed]) -> None:
        writes = [{"Delete": {"TableName": table, "Key": _sdk(key)}} for key in keys]
        await self.aws.call("dynamodb", "transact_write_items", TransactItems=writes)

    async def enable(self, mapping: str, *, enabled: bool) -> None:
        """Let a mapping or a pipe read on, or rest; it goes on where it was."""
        if is_pipe(mapping):
            operation = "start_pipe" if enabled else "stop_pipe"
            await self.aws.call("pipes", operation, Name=mapping.rpartition("/")[2])
            await self.until(lambda: self._reads(mapping) is enabled, ahead_s=0)
            return
        await self.aws.call("lambda", "update_event_source_mapping", UUID=mapping, Enabled=enabled)
        await self.until(lambda: self._reads(mapping) is enabled, ahead_s=0)

    def _reads(self, mapping: str) -> bool:
        states = [one.mapping.state for one in self.status().mappings if one.mapping.uuid == mapping]
        return states == [State.ENABLED.value]

    @asynccontextmanager
    async def alone(self, mapping: str) -> AsyncGenerator[None]:
        """While the block runs, nothing else reads the mapping's source: what moves then is its own doing."""
        found = {one.mapping.uuid: one.mapping for one in self.status().mappings}
        source = found[mapping].event_source_arn
        others = [
            uuid
            for uuid, one in found.items()
            if uuid != mapping and one.event_source_arn == source and one.state == State.ENABLED.value
        ]
        for one in others:
            await self.enable(one, enabled=False)
        yield
        for one in others:
            await self.enable(one, enabled=True)
        if others:
            await self.idle()

    async def invoke(self, function_arn: str, payload: bytes) -> Answer:
        """Call a function as anyone may, beside its mapping."""
        answer = await self.aws.call("lambda", "invoke", FunctionName=function_arn, Payload=payload)
        body, error = answer.get("Payload"), answer.get("FunctionError")
        return Answer(body if isinstance(body, bytes) else b"", None if error is None else str(error))

    # ---- all that there is

    async def look(self) -> World:
        """What the address holds, once nothing moves any more: two looks that are equal."""
        await self.idle()
        world = await self._look()
        end_s = time.monotonic() + WITHIN_S
        while time.monotonic() < end_s:
            await asyncio.sleep(QUIET_S / 2)
            again = await self._look()
            if again == world:
                break
            world = again
        return world

    async def _look(self) -> World:
        tables = {name: await self._items(name) for name in await self._listed("dynamodb", "list_tables", "TableNames")}
        return World(tables, await self._objects(), await self._queues())

    async def _items(self, table: str) -> Items:
        shape = await describe_shape(self.aws, table)
        found: dict[str, Mapping[str, object]] = {}
        async for page in TableItems(self.aws, shape).scan():
            for item in page:
                found[_shown(shape, item)] = {name: canonical({name: value}) for name, value in item.items()}
        return found

    async def _objects(self) -> dict[str, str]:
        answer = await self.aws.call("s3", "list_buckets")
        found: dict[str, str] = {}
        for bucket in cast("list[dict[str, str]]", answer.get("Buckets") or []):
            name = bucket["Name"]
            more: dict[str, object] = {}
            for _ in range(PAGES_MAX):
                page = await self.aws.call("s3", "list_objects_v2", Bucket=name, **more)
                for one in cast("list[dict[str, object]]", page.get("Contents") or []):
                    found[f"{name}/{one['Key']}"] = f"{one['ETag']} {one['Size']}"
                if not page.get("IsTruncated"):
                    break
                more = {"ContinuationToken": page["NextContinuationToken"]}
        return found

    async def _queues(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for url in await self._listed("sqs", "list_queues", "QueueUrls"):
            answer = await self.aws.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
            told = cast("dict[str, str]", answer["Attributes"])
            names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
            found[url.rpartition("/")[2]] = sum(int(told.get(name, "0")) for name in names)
        return found

    async def _listed(self, service: str, operation: str, member: str) -> list[str]:
        token = {"dynamodb": ("LastEvaluatedTableName", "ExclusiveStartTableName"), "sqs": ("NextToken", "NextToken")}
        answered, asked = token[service]
        found: list[str] = []
        more: dict[str, object] = {}
        for _ in range(PAGES_MAX):
            page = await self.aws.call(service, operation, **more)
            found += cast("list[str]", page.get(member) or [])
            if not page.get(answered):
                break
            more = {asked: page[answered]}
        return found


@asynccontextmanager
async def ground(template: Template, folder: Path, say: Callable[[str], None]) -> AsyncGenerator[Ground]:
    """A fresh address with all that the template declares; drained and gone behind the block. Raises ``SettingsError``
    for a resource that the address refuses."""
    from botocore.credentials import Credentials

    from afterbay.endpoint.local import LocalAddress  # moto and uvicorn: not what --help should wait for
    from afterbay.manifest.assemble import assemble

    hub, poison = Hub(), Poison()
    async with LocalAddress(HOST, 0, listeners=(hub,), through=poison.around) as local:
        settings = AwsSettings(
            endpoint_url=local.url, region=template.wanted.region, credentials=Credentials("test", "test")
        )
        aws = Aws(settings, attempts_max=1)
        try:
            assembled = await assemble(template, folder, aws)
            for line in assembled.lines():
                say(line)
            yield Ground(local, aws, hub, poison, assembled.code)
        finally:
            poison.keys.clear()
            aws.close()


def _is_busy(status: Status) -> bool:
    """Whether something is under way that no clock moves on."""
    for one in status.mappings:
        mapping = one.mapping
        if mapping.queue is not None and mapping.queue.batches > mapping.queue.resting:
            return True
        if any(lane.state in _UNDER_WAY for shard in mapping.shards for lane in shard.lanes):
            return True
    return False


def _is_quiet(status: Status) -> bool:
    for one in status.mappings:
        mapping = one.mapping
        if mapping.queue is not None and (mapping.queue.batches or mapping.queue.waiting):
            return False
        if any(shard.buffered or shard.age_s or shard.lanes for shard in mapping.shards):
            return False
    return not status.outbox.waiting


def _sdk(item: Typed) -> dict[str, object]:
    return sdk_item(decode_item(item))


def _shown(shape: TableShape, item: Mapping[str, object]) -> str:
    return canonical(shape.key_of(item)).decode()
