"""A template assembled against an address that is a list of calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from textwrap import dedent

from afterbay.declaration.document import read_document
from afterbay.declaration.read import read_template
from afterbay.declaration.template import Wanted
from afterbay.errors import ServiceError
from afterbay.manifest.assemble import assemble
from afterbay.manifest.report import Assembled

HOME = "eu-west-1:000000000000"


class FakeAws:
    """``Aws``, as far as assembling asks it: notes each call and answers as the services do, or fails as told."""

    def __init__(self, **failures: ServiceError) -> None:
        self.calls: list[tuple[str, dict]] = []
        self._failures = failures

    async def call(self, service: str, operation: str, **parameters):
        self.calls.append((operation, parameters))
        if operation in self._failures:
            raise self._failures[operation]
        return getattr(self, f"_{operation}", lambda given: {})(parameters)

    def made(self, operation: str) -> list[dict]:
        return [parameters for name, parameters in self.calls if name == operation]

    def _create_table(self, given):
        arn = f"arn:aws:dynamodb:{HOME}:table/{given['TableName']}"
        stream = {"LatestStreamArn": f"{arn}/stream/label"} if "StreamSpecification" in given else {}
        keys = {name: given[name] for name in ("AttributeDefinitions", "KeySchema") if name in given}
        return {"TableDescription": {"TableName": given["TableName"], "TableArn": arn, **keys, **stream}}

    def _create_function(self, given):
        return {
            "FunctionName": given["FunctionName"],
            "FunctionArn": f"arn:aws:lambda:{HOME}:function:{given['FunctionName']}",
        }

    def _get_function_configuration(self, given):
        return self._create_function(given)

    def _publish_layer_version(self, given):
        return {"LayerVersionArn": "layer-1"}

    def _publish_version(self, given):
        return {"FunctionArn": f"arn:aws:lambda:{HOME}:function:{given['FunctionName']}:1", "Version": "1"}

    def _create_alias(self, given):
        return {"AliasArn": f"arn:aws:lambda:{HOME}:function:{given['FunctionName']}:{given['Name']}"}

    def _create_event_source_mapping(self, given):
        return {"UUID": "uuid-1"}

    def _describe_table(self, given):
        """As the call that failed would have made it."""
        wanted = self.made("create_table")[-1]
        there = self._create_table({**given, **wanted, "StreamSpecification": {}})["TableDescription"]
        return {"Table": {**there, "StreamSpecification": wanted.get("StreamSpecification")}}

    def _describe_time_to_live(self, given):
        return {"TimeToLiveDescription": {"AttributeName": "expires"}}

    def _update_function_configuration(self, given):
        return self._create_function(given)

    def _update_alias(self, given):
        return self._create_alias(given)

    def _list_event_source_mappings(self, given):
        return {"EventSourceMappings": [{"UUID": "uuid-0", "State": "Enabled"}]}

    def _update_event_source_mapping(self, given):
        return {"UUID": given["UUID"]}

    def _get_queue_url(self, given):
        return self._create_queue(given)

    def _create_queue(self, given):
        return {"QueueUrl": f"http://127.0.0.1:4566/000000000000/{given['QueueName']}"}

    def _get_queue_attributes(self, given):
        return {"Attributes": {"QueueArn": f"arn:aws:sqs:{HOME}:{given['QueueUrl'].rpartition('/')[2]}"}}

    def _create_event_bus(self, given):
        return {"EventBusArn": f"arn:aws:events:{HOME}:event-bus/{given['Name']}"}

    def _describe_event_bus(self, given):
        return {"Arn": f"arn:aws:events:{HOME}:event-bus/{given['Name']}"}

    def _put_rule(self, given):
        return {"RuleArn": f"arn:aws:events:{HOME}:rule/{given['EventBusName']}/{given['Name']}"}

    def _list_targets_by_rule(self, given):
        return {"Targets": [{"Id": "old"}]}

    def _create_pipe(self, given):
        return {"Arn": f"arn:aws:pipes:{HOME}:pipe/{given['Name']}"}

    def _update_pipe(self, given):
        return self._create_pipe(given)

    def _describe_pipe(self, given):
        source = next((one["Source"] for one in self.made("create_pipe")), "")
        return {"CurrentState": "RUNNING", "DesiredState": "RUNNING", "Source": source}

    def _create_archive(self, given):
        return {"ArchiveArn": f"arn:aws:events:{HOME}:archive/{given['ArchiveName']}"}

    def _describe_archive(self, given):
        return self._create_archive(given)

    def _create_connection(self, given):
        return {"ConnectionArn": f"arn:aws:events:{HOME}:connection/{given['Name']}/1"}

    def _update_connection(self, given):
        return self._create_connection(given)

    def _describe_connection(self, given):
        return {"SecretArn": f"arn:aws:secretsmanager:{HOME}:secret:{given['Name']}"}

    def _create_api_destination(self, given):
        return {"ApiDestinationArn": f"arn:aws:events:{HOME}:api-destination/{given['Name']}/1"}

    def _update_api_destination(self, given):
        return self._create_api_destination(given)

    def _describe_delivery_stream(self, given):
        arn = f"arn:aws:firehose:{HOME}:deliverystream/{given['DeliveryStreamName']}"
        return {"DeliveryStreamDescription": {"DeliveryStreamARN": arn}}

    def _create_topic(self, given):
        return {"TopicArn": f"arn:aws:sns:{HOME}:{given['Name']}"}

    def _subscribe(self, given):
        return {"SubscriptionArn": f"{given['TopicArn']}:sub"}

    def _get_subscription_attributes(self, given):
        return {"Attributes": {"SubscriptionArn": given["SubscriptionArn"]}}

    def _describe_stream_summary(self, given):
        return {"StreamDescriptionSummary": {"StreamARN": f"arn:aws:kinesis:{HOME}:stream/{given['StreamName']}"}}


def assembled(text: str, aws: FakeAws, folder: Path = Path(), *, skip_unknown: bool = False, **parameters) -> Assembled:
    wanted = Wanted(region="eu-west-1", stack="shop", parameters=parameters, skip_unknown=skip_unknown)
    template = read_template(read_document(dedent(text), "template.yaml"), wanted)
    return asyncio.run(assemble(template, folder, aws))
