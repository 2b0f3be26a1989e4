"""A DynamoDB table that follows the source: conditional puts, tombstones that the table's own TTL purges (E5 to E7).

The table must exist, with the source's key. Set its TTL attribute to ``_expires``. Different keys are written side by
side, the changes of one key in order (E10).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from botocore.exceptions import BotoCoreError, ClientError

from afterbay.aws.errors import from_botocore
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.change.value import TypedItem
from afterbay.core.guard import APPLIED, SKIPPED, Kind, Verdict
from afterbay.errors import PayloadTooLargeError, RecordError, ServiceError
from afterbay.sinks.dynamodb_client import make_client
from afterbay.sinks.dynamodb_item import mark_request, mend_request, put_request, tombstone_request
from afterbay.sinks.dynamodb_ledger import token_entry, transaction
from afterbay.sinks.dynamodb_read import held_apart, held_inline, stored_token
from afterbay.sinks.dynamodb_transaction import CONDITION, CONDITION_FAULT, reasons
from afterbay.sinks.entry import Entry, judge_stored, prepare_all
from afterbay.sinks.guard_names import GuardNames, without_guard
from afterbay.sinks.live import LiveItem, live_item
from afterbay.sinks.mending import OVERTAKEN, Held, Mend, mend_entries
from afterbay.sinks.options import SinkOptions
from afterbay.sinks.writers import Writers

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoDbSink"]

Fault: TypeAlias = ClientError | BotoCoreError
"""What a call of the SDK raises: the service's answer, or no answer."""

RACES_MAX = 5
"""Writes tried for one change while other writers, or the table's TTL, keep changing the same key between two calls."""

_POISON_CODES = frozenset(
    {
        "ItemCollectionSizeLimitExceeded",
        "ItemCollectionSizeLimitExceededException",
        "SerializationException",
        "ValidationError",
        "ValidationException",
    }
)
"""What the table will refuse each time, as a fault or as a reason of a cancelled transaction. Every other code passes,
or is mended by an operator: retryable."""

_CONFLICT = "TransactionConflict"
CONFLICT_PAUSE_S = 0.02
"""Another transaction on the same item is over in some milliseconds."""


class DynamoDbSink:
    """Writes to ``table``. ``client`` replaces the one made of ``region`` and ``endpoint_url``. With ``ledger``, tokens
    and tombstones are rows of that table, written in one transaction with the item (``dynamodb_ledger.py``).

    Safe to use from several threads. Tombstones carry the epoch second from which the table may purge them, counted
    from the creation of the change: no clock is asked.
    """

    def __init__(
        self,
        table: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        ledger: str | None = None,
        options: SinkOptions | None = None,
        names: GuardNames | None = None,
        retention: TombstoneRetention | None = None,
        client: DynamoDBClient | None = None,
    ) -> None:
        self._table = table
        self._ledger = ledger
        self._guarded = ledger or table
        self._options = options or SinkOptions()
        self._names = names or GuardNames()
        self._retention = retention or TombstoneRetention()
        self._writers = Writers("afterbay-dynamodb", lambda: make_client(region, endpoint_url, str(self)), client)

    def __str__(self) -> str:
        return f"dynamodb:{self._table}"

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        """Write each change with its own condition. Raises ``SettingsError`` where no region is known, or where the
        table holds tokens of another form (E2)."""
        entries, verdicts = prepare_all(changes, self._options)
        keys: dict[str, list[tuple[int, Entry]]] = {}
        for index, entry in entries:
            keys.setdefault(entry.key, []).append((index, entry))
        for written in self._writers.side_by_side(self._in_order, keys.values()):
            verdicts.update(written)
        return [verdicts[index] for index in range(len(changes))]

    def read_live(self) -> Iterator[LiveItem]:
        """Every live item of the table, strongly consistent. Raises ``ServiceError``."""
        client = self._writers.client()
        try:
            described = client.describe_table(TableName=self._table)
            keys = frozenset(part["AttributeName"] for part in described["Table"].get("KeySchema", ()))
            for page in client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
                for item in page["Items"]:
                    if self._ledger is not None:
                        yield live_item(item, keys)
                    elif self._names.deleted not in item:
                        yield live_item(without_guard(item, self._names), keys)
        except (ClientError, BotoCoreError) as fault:
            raise from_botocore(fault, action=str(self)) from fault

    def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        """Strongly consistent. With a ledger, tokens are read before items: an item is never older than its token.
        Raises as ``read_live``, and ``SettingsError`` for a token that is none."""
        client = self._writers.client()
        try:
            if self._ledger is None:
                return held_inline(client, self._table, keys, self._names, str(self))
            return held_apart(client, self._table, self._ledger, keys, self._names, str(self))
        except (ClientError, BotoCoreError) as fault:
            raise from_botocore(fault, action=str(self)) from fault

    def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        """Each with its own condition, in a transaction where there is a ledger. Raises as ``apply``."""
        entries, verdicts = mend_entries(mends, self._options)
        verdicts |= self._writers.side_by_side(self._mended, entries)
        return [verdicts[index] for index in range(len(mends))]

    def close(self) -> None:
        """End the writers. A client that was handed in stays its owner's."""
        self._writers.close()

    # ---- calls

    def _in_order(self, entries: Sequence[tuple[int, Entry]]) -> dict[int, Verdict]:
        client = self._writers.client()
        return {index: self._write(client, entry) for index, entry in entries}

    def _write(self, client: DynamoDBClient, entry: Entry) -> Verdict:
        live = True
        # The table looks at the item before it looks at the condition: a stale change is no poison (E5).
        refused: Verdict | None = None
        for _ in range(RACES_MAX):
            try:
                return self._try(client, entry, live=live)
            except RecordError as taken:
                return Verdict(Kind.POISON, str(taken))
            except (ClientError, BotoCoreError) as fault:
                if not _condition_failed(fault):
                    if _in_conflict(fault):
                        time.sleep(CONFLICT_PAUSE_S * random.random())
                        continue
                    refused = self._failed(fault)
                    if refused.kind is not Kind.POISON:
                        return refused
                try:
                    stored = self._stored(client, entry, fault)
                except (ClientError, BotoCoreError) as unread:
                    return refused or self._failed(unread)
            token = None if stored is None else stored_token(stored, self._names)
            verdict = judge_stored(entry.token, token, str(self))
            if verdict is not APPLIED:
                return verdict
            if refused is not None:
                return refused
            live = stored is not None and self._names.deleted not in stored
        return self._lost_races()

    def _try(self, client: DynamoDBClient, entry: Entry, *, live: bool) -> Verdict:
        """One conditional write. ``live``: whether an item is thought to be there, for an expiry that is skipped."""
        expires_s = self._retention.purge_at_s(entry.created_s)
        if not entry.skips:
            if self._ledger is None:
                client.put_item(**put_request(self._table, entry, self._names, expires_s=expires_s))
            else:
                row = put_request(self._ledger, token_entry(entry), self._names, expires_s=expires_s)
                client.transact_write_items(TransactItems=transaction(self._table, row, entry))
            return APPLIED
        guard = self._guard(entry)
        if live:
            client.update_item(**mark_request(self._guarded, guard, self._names))
        else:
            client.put_item(**tombstone_request(self._guarded, guard, self._names, expires_s=expires_s))
        return SKIPPED

    def _mended(self, place: tuple[int, Mend, Entry]) -> tuple[int, Verdict]:
        index, mend, entry = place
        client, guard = self._writers.client(), self._guard(entry)
        expires_s = self._retention.purge_at_s(entry.created_s)
        for _ in range(RACES_MAX):
            try:
                row = mend_request(self._guarded, guard, self._names, seen=mend.seen, expires_s=expires_s)
                if self._ledger is None:
                    client.put_item(**row)
                else:
                    client.transact_write_items(TransactItems=transaction(self._table, row, entry))
                return index, APPLIED
            except RecordError as refused:
                return index, Verdict(Kind.POISON, str(refused))
            except (ClientError, BotoCoreError) as fault:
                if _condition_failed(fault):
                    return index, OVERTAKEN
                if not _in_conflict(fault):
                    return index, self._failed(fault)
                time.sleep(CONFLICT_PAUSE_S * random.random())
        return index, self._lost_races()

    def _lost_races(self) -> Verdict:
        return Verdict(Kind.RETRYABLE, f"{self}: other writers changed the item {RACES_MAX} times in between")

    def _guard(self, entry: Entry) -> Entry:
        """What has the token: the item itself, or the ledger's row."""
        return entry if self._ledger is None else token_entry(entry)

    def _stored(self, client: DynamoDBClient, entry: Entry, fault: Fault) -> Mapping[str, object] | None:
        """The item that the condition met: from the answer, or read where the service does not send it."""
        told = fault.response.get("Item") if isinstance(fault, ClientError) else None
        told = next((one.item for one in reasons(fault)), told)
        if isinstance(told, dict) and told:
            return cast("Mapping[str, object]", told)
        guard = self._guard(entry)
        key = put_request(self._guarded, guard, self._names, expires_s=0)["Item"]
        wanted = {name: key[name] for name in guard.keys_typed}
        read = client.get_item(TableName=self._guarded, Key=wanted, ConsistentRead=True).get("Item")
        return None if read is None else dict(read)

    def _failed(self, fault: Fault) -> Verdict:
        """What a failed call makes of its record, by the service's code (E8, E9). A time-out is retryable: the guard is
        there. Raises ``SettingsError`` for what no record is to blame for."""
        ours = from_botocore(fault, action=str(self))
        if not isinstance(ours, ServiceError):
            raise ours from fault
        codes = {ours.code, *(one.code for one in reasons(fault))}
        poison = isinstance(ours, PayloadTooLargeError) or not codes.isdisjoint(_POISON_CODES)
        why = "".join(f", {code}" for code in sorted(codes - {ours.code, ""}))
        return Verdict(Kind.POISON if poison else Kind.RETRYABLE, f"{ours}{why}")


def _condition_failed(fault: Fault) -> bool:
    """The guard's own condition; in a transaction the ledger's row is the first of the two."""
    told = reasons(fault)
    if told:
        return told[0].code == CONDITION
    return isinstance(fault, ClientError) and fault.response.get("Error", {}).get("Code") == CONDITION_FAULT


def _in_conflict(fault: Fault) -> bool:
    return any(one.code == _CONFLICT for one in reasons(fault))
