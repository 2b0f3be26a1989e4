"""A ledger in a DynamoDB table: its row and the effect's writes are one ``TransactWriteItems``.

The table must exist, with the partition key ``_key``, a string. Set its TTL attribute to ``_expires``.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from afterbay.aws.errors import from_botocore
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.errors import ConflictError, SettingsError, ThrottledError
from afterbay.sinks.dynamodb_client import make_client
from afterbay.sinks.dynamodb_transaction import CONDITION, CONDITION_FAULT, passing, reasons
from afterbay.sinks.ledgers.ledger import Intent, LedgerRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

__all__ = ["DynamoDbLedger", "DynamoDbTransaction"]

ITEMS_MAX = 99
"""A transaction has a hundred items, of which one is the ledger's."""

TRIES_MAX = 6
PAUSE_S = 0.05
"""Before the second try of a transaction that met another one; doubled for each further one: a second and a half in
all."""


class DynamoDbTransaction:
    """The writes that the block asks for, with the parameters of the client's own calls (typed values). They are sent
    when the block ends, all or none of them.

    A block runs for a change that is done too, since only the answer tells: let it do nothing else than ask for writes.
    """

    def __init__(self) -> None:
        self._items: list[TransactWriteItemTypeDef] = []

    @property
    def items(self) -> list[TransactWriteItemTypeDef]:
        return list(self._items)

    def put(self, **request: Any) -> None:  # noqa: ANN401 # the SDK's own parameters
        self._add("Put", request)

    def update(self, **request: Any) -> None:  # noqa: ANN401
        self._add("Update", request)

    def delete(self, **request: Any) -> None:  # noqa: ANN401
        self._add("Delete", request)

    def check(self, **request: Any) -> None:  # noqa: ANN401
        """A condition on an item that is not written."""
        self._add("ConditionCheck", request)

    def _add(self, kind: str, request: Mapping[str, object]) -> None:
        if len(self._items) == ITEMS_MAX:
            raise SettingsError(f"a transaction has at most {ITEMS_MAX} writes beside the ledger's own")
        self._items.append(cast("TransactWriteItemTypeDef", {kind: dict(request)}))


class DynamoDbLedger:
    """Rows in ``table``. ``client`` replaces the one made of ``region`` and ``endpoint_url``. Safe to use from several
    threads."""

    def __init__(
        self,
        table: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        client: DynamoDBClient | None = None,
        retention: TombstoneRetention | None = None,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._table = table
        self._region = region
        self._endpoint_url = endpoint_url
        self._client = client
        self._makes_client = client is None
        self._retention = retention or TombstoneRetention()
        self._pause_s = pause_s
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return f"dynamodb:{self._table}"

    @contextmanager
    def once(self, row: LedgerRow) -> Generator[DynamoDbTransaction | None]:
        """Raises ``ConflictError`` where a condition of the block's own writes did not hold, another ``ServiceError``
        where the service fails: whether it acted is not known then, and the retry will find out."""
        transaction = DynamoDbTransaction()
        yield transaction
        self._send(row, transaction.items)

    @contextmanager
    def intent(self, row: LedgerRow) -> Generator[Intent | None]:
        """Raises ``ServiceError``."""
        client, first, done = self._connected(), True, False
        try:
            client.put_item(
                TableName=self._table,
                Item=self._row(row, done=False),
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": "_key"},
            )
        except (ClientError, BotoCoreError) as fault:
            if not isinstance(fault, ClientError) or fault.response.get("Error", {}).get("Code") != CONDITION_FAULT:
                raise from_botocore(fault, action=str(self)) from fault
            first, done = False, self._done(client, row)
        if done:
            yield None
            return
        yield Intent(row.key, again=not first)
        try:
            client.put_item(TableName=self._table, Item=self._row(row, done=True))
        except (ClientError, BotoCoreError) as fault:
            raise from_botocore(fault, action=str(self)) from fault

    def close(self) -> None:
        """A client that was handed in stays its owner's."""
        with self._lock:
            if self._makes_client and self._client is not None:
                self._client.close()
                self._client = None

    def _done(self, client: DynamoDBClient, row: LedgerRow) -> bool:
        try:
            found = client.get_item(TableName=self._table, Key={"_key": {"S": row.key}}, ConsistentRead=True)
        except (ClientError, BotoCoreError) as fault:
            raise from_botocore(fault, action=str(self)) from fault
        return bool(found.get("Item", {}).get("_done", {}).get("BOOL"))

    def _send(self, row: LedgerRow, effect: list[TransactWriteItemTypeDef]) -> None:
        claim: TransactWriteItemTypeDef = {
            "Put": {
                "TableName": self._table,
                "Item": self._row(row, done=True),
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": "_key"},
            }
        }
        client = self._connected()
        for attempt in range(TRIES_MAX):
            try:
                client.transact_write_items(TransactItems=[claim, *effect])
                return
            except (ClientError, BotoCoreError) as fault:
                told = reasons(fault)
                if told and told[0].code == CONDITION:
                    return  # it was done before
                refused = [(place, one.code) for place, one in enumerate(told) if one.code and not passing(one.code)]
                if refused:
                    place, code = refused[0]
                    what = "the ledger's row" if place == 0 else f"write {place} of the block"
                    raise ConflictError(f"{self}: {what} was refused: {code}", code=code) from fault
                if not told:
                    raise from_botocore(fault, action=str(self)) from fault
            if attempt + 1 < TRIES_MAX:
                time.sleep(self._pause_s * 2**attempt * random.uniform(0.5, 1.0))
        raise ThrottledError(f"{self}: other transactions came between {TRIES_MAX} times", code="TransactionConflict")

    def _row(self, row: LedgerRow, *, done: bool) -> dict[str, Any]:
        expires_s = self._retention.purge_at_s(row.created_s)
        return {"_key": {"S": row.key}, "_done": {"BOOL": done}, "_expires": {"N": str(expires_s)}}

    def _connected(self) -> DynamoDBClient:
        with self._lock:
            if self._client is None:
                self._client = make_client(self._region, self._endpoint_url, str(self))
            return self._client
