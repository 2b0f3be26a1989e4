"""Keeps, for each customer, the orders that are open now. Whatever comes twice or late changes nothing.

A set is enough for what comes twice. What comes late needs the token: an old INSERT behind the order's removal would
open it again. So the newest token of each order is kept beside the set, and compared in the same write.
"""

import contextlib
import os

import boto3

import afterbay

table = boto3.resource("dynamodb").Table(os.environ["CUSTOMERS"])
NOT_NEWER = table.meta.client.exceptions.ConditionalCheckFailedException
"""The order had this change before, or a newer one."""


@afterbay.each
def handler(change):
    if change.kind != "REMOVE" and change.new.get("total", 0) < 0:
        raise afterbay.Poison("an order below zero")
    verb = "DELETE" if change.kind == "REMOVE" else "ADD"
    order = change.keys["order"]
    with contextlib.suppress(NOT_NEWER):
        table.update_item(
            Key={"customer": change.keys["customer"]},
            UpdateExpression=f"{verb} orders :order SET #token = :token",
            ConditionExpression="attribute_not_exists(#token) OR #token < :token",
            ExpressionAttributeNames={"#token": f"token of {order}"},
            ExpressionAttributeValues={":order": {order}, ":token": change.token},
        )
