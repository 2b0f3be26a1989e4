"""Notes what it was called with, whatever the source: the same record twice is one note."""

import base64
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["SEEN"])


def handler(event, context):
    for record in event["Records"]:
        table.put_item(Item={"id": told(record)})
    return {"batchItemFailures": []}


def told(record):
    match record["eventSource"]:
        case "aws:dynamodb":
            return f"order {record['dynamodb']['Keys']['order']['S']}"
        case "aws:sqs":
            return f"job {record['body']}"
        case "aws:kinesis":
            return f"click {base64.b64decode(record['kinesis']['data']).decode()}"
