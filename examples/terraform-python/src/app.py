"""Keeps, for each customer, the orders that are open now. A set: doing it twice changes nothing."""

import os

import boto3

import afterbay

table = boto3.resource("dynamodb").Table(os.environ["CUSTOMERS"])


@afterbay.each
def handler(change):
    if change.kind != "REMOVE" and change.new.get("total", 0) < 0:
        raise afterbay.Poison("an order below zero")
    verb = "DELETE" if change.kind == "REMOVE" else "ADD"
    table.update_item(
        Key={"customer": change.keys["customer"]},
        UpdateExpression=f"{verb} orders :order",
        ExpressionAttributeValues={":order": {change.keys["order"]}},
    )
