"""Lease tables on the address: what the Kinesis Client Library does to a row (``vectors/streams/leases.json``).

The library decides; its conditional writes (L section 3) are sent here as it sends them, in the old form, and what
becomes of the row is the vector's. Vectors without a row are about decisions of the library alone.
"""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from vectors.loading import Reader, Vector, vectors

ABSENT = {"Exists": False}
OF_A_ROW = [one for one in vectors("streams/leases.json") if "before" in one.values[0].input]


def number(value: int) -> dict[str, str]:
    return {"N": str(value)}


class Write:
    """One operation of section 3 as an UpdateItem: ``expected`` is its condition, ``updates`` its effect."""

    def __init__(self, op: str, row: dict, given: Reader) -> None:
        known = next((given[name] for name in ("known_counter", "seen_counter") if name in given.names), None)
        owner, holder = row.get("leaseOwner"), row.get("checkpointOwner")
        as_read = {"leaseOwner": owner and {"Value": owner}, "checkpointOwner": holder and {"Value": holder}}
        unchanged = {name: condition or ABSENT for name, condition in as_read.items()} | {
            "leaseKey": {"Value": row["leaseKey"]}
        }
        self.expected: dict = {} if known is None else {"leaseCounter": {"Value": number(known)}}
        self.updates: dict = {} if known is None else {"leaseCounter": {"Value": number(known + 1)}}
        match op:
            case "renew":
                mine = holder == {"S": given["worker"]}
                self.expected |= {} if mine else {"checkpointOwner": ABSENT}
            case "take" | "steal":
                self.updates |= self._switch(owner, {"S": given["worker"]})
            case "checkpoint":
                gone = ("pendingCheckpoint", "pendingCheckpointSubSequenceNumber", "pendingCheckpointState")
                self.updates |= {
                    "checkpoint": {"Value": {"S": given["value"]}},
                    "checkpointSubSequenceNumber": {"Value": number(0)},
                    "ownerSwitchesSinceCheckpoint": {"Value": number(0)},
                } | {name: {"Action": "DELETE"} for name in gone}
            case "initiate_handoff":
                self.expected = unchanged | {"leaseOwner": {"Value": {"S": given["from"]}}, "checkpointOwner": ABSENT}
                self.updates = {
                    "leaseOwner": {"Value": {"S": given["to"]}},
                    "checkpointOwner": {"Value": {"S": given["from"]}},
                }
            case "assign":
                self.expected = unchanged
                self.updates = self._counted() | self._switch(owner, {"S": given["to"]})
            case "evict":
                self.expected = unchanged
                left = "leaseOwner" if holder is None else "checkpointOwner"
                self.updates = self._counted() | {left: {"Action": "DELETE"}}
            case _:
                raise AssertionError(f"no write for {op}")

    @staticmethod
    def _counted() -> dict:
        return {"leaseCounter": {"Action": "ADD", "Value": number(1)}}

    @staticmethod
    def _switch(owner: dict | None, to: dict) -> dict:
        switch = {"ownerSwitchesSinceCheckpoint": {"Action": "ADD", "Value": number(1)}} if owner else {}
        return {"leaseOwner": {"Value": to}, "checkpointOwner": {"Action": "DELETE"}} | switch

    def told(self) -> set[str]:
        """The condition in the words of the vectors."""
        words = {
            name: one if one is ABSENT else next(iter(one["Value"].values())) for name, one in self.expected.items()
        }
        return {
            f"{name} exists" if name == "leaseKey" else f"{name} absent" if value is ABSENT else f"{name} = {value}"
            for name, value in words.items()
        }


@pytest.fixture(scope="module")
def dynamodb(address):
    return address.client("dynamodb")


@pytest.fixture(scope="module")
def leases(dynamodb) -> str:
    """The table as the library makes it, with the index of L2."""
    owner, key = "leaseOwner", "leaseKey"
    dynamodb.create_table(
        TableName="app",
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (key, owner)],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "LeaseOwnerToLeaseKeyIndex",
                "KeySchema": [{"AttributeName": owner, "KeyType": "HASH"}, {"AttributeName": key, "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    return "app"


@pytest.mark.parametrize("vector", OF_A_ROW)
def test_a_lease_changes_as_the_library_wants_it_or_not_at_all(vector: Vector, dynamodb, leases) -> None:
    with vector.opened() as (given, wanted):
        row, op = given["before"], re.match(r"\w+", given["op"])[0]
        after = row if wanted["after"] == "unchanged" else wanted["after"]
        key = {"leaseKey": row["leaseKey"]}
        write = Write(op, row, given)
        dynamodb.put_item(TableName=leases, Item=row)
        try:
            dynamodb.update_item(
                TableName=leases,
                Key=key,
                Expected=write.expected,
                AttributeUpdates=write.updates,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"
            assert error.response["Item"] == row, "L50: the holder looks at what came back"
            assert after == row
        assert dynamodb.get_item(TableName=leases, Key=key, ConsistentRead=True)["Item"] == after
        owned = {} if "leaseOwner" not in after else {"leaseOwner": after["leaseOwner"], **key}
        assert listed_of(dynamodb, leases, after.get("leaseOwner", {"S": "w1"})) == ([owned] if owned else [])
        if "condition" in wanted.names:
            assert set(wanted["condition"]) == write.told()
        for name in wanted.names & {"result", "then", "note", "ours_adds_condition"}:
            assert wanted[name]
        for name in wanted["removed"] if "removed" in wanted.names else ():
            assert name not in after and write.updates[name] == {"Action": "DELETE"}
        for name in given.names & {"worker", "by"}:
            assert given[name]


def listed_of(dynamodb, leases: str, owner: dict) -> list[dict]:
    """An owner's leases by the index (L2)."""
    return dynamodb.query(
        TableName=leases,
        IndexName="LeaseOwnerToLeaseKeyIndex",
        KeyConditionExpression="leaseOwner = :o",
        ExpressionAttributeValues={":o": owner},
    )["Items"]
