"""Keeps every shipment as an object of its own, for good.

A bucket needs no condition: the name is made of the change's place in the stream. So the same change is the same
object, written again with the same content.
"""

import json
import os
from urllib.parse import quote

import boto3

import afterbay

bucket = os.environ["ARCHIVE"]
s3 = boto3.client("s3")


def handler(event, context):
    for change in afterbay.changes(event):
        name = f"{change.table}/{quote(change.keys['pk'], safe='')}/{change.sequence_number}.json"
        s3.put_object(Bucket=bucket, Key=name, Body=json.dumps(event["detail"], sort_keys=True).encode())
        print("kept", change)
