"""Event buses on a running address: makers of what a test needs, and what came of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import boto3
from botocore.config import Config

from integration.serving import REGION, Served, unique, wait_for

ACCOUNT = "000000000000"
ANYTHING = '{"source": [{"prefix": ""}]}'


class Queue:
    """A queue that keeps what it got: every message is taken once, and remembered."""

    def __init__(self, client, name: str, region: str = REGION, **attributes: str) -> None:
        self._client = client
        self.name = name
        self.url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"
        self.got: list[dict] = []

    def messages(self) -> list[dict]:
        """All that ever came."""
        while True:
            found = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=3600,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            ).get("Messages", [])
            self.got += found
            if not found:
                return self.got

    def bodies(self) -> list[dict]:
        return [json.loads(one["Body"]) for one in self.messages()]

    def letters(self) -> list[dict[str, str]]:
        """The attributes of dead letters."""
        return [
            {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
            for message in self.messages()
        ]


class World:
    """``events`` is boto3's client. Names are new each time, so that tests share an address."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.events = served.client("events")
        self._regions: dict[tuple[str, str], object] = {}

    def client(self, service: str, region: str):
        """A client of another region."""
        if (service, region) not in self._regions:
            session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="y", region_name=region)
            config = Config(retries={"total_max_attempts": 1})
            self._regions[service, region] = session.client(service, endpoint_url=self.served.url, config=config)
        return self._regions[service, region]

    def close(self) -> None:
        for client in self._regions.values():
            client.close()

    def bus(self) -> str:
        name = unique("bus")
        self.events.create_event_bus(Name=name)
        return name

    def queue(self, **attributes: str) -> Queue:
        name = unique("q") + (".fifo" if "FifoQueue" in attributes else "")
        return Queue(self.served.client("sqs"), name, **attributes)

    def rule(self, bus: str, *targets: dict, pattern: str = ANYTHING) -> str:
        """A rule with targets, each named by its place; the rule's ARN."""
        name = unique("rule")
        arn = self.events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)["RuleArn"]
        if targets:
            numbered = [{"Id": str(n), **one} for n, one in enumerate(targets)]
            done = self.events.put_targets(Rule=name, EventBusName=bus, Targets=numbered)
            assert done["FailedEntryCount"] == 0
        return arn

    def put(self, bus: str, *details: object, source: str = "shop", **more: object) -> list[str]:
        """Send events; their ids."""
        entries = [
            {"EventBusName": bus, "Source": source, "DetailType": "t", "Detail": json.dumps(one), **more}
            for one in details
        ]
        done = self.events.put_events(Entries=entries)
        assert done["FailedEntryCount"] == 0, done
        return [one["EventId"] for one in done["Entries"]]

    def destination(self, endpoint: str, **more: object) -> str:
        """An API destination with an API key; its ARN."""
        name = unique("d")
        auth = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "hush"}}
        connection = self.events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=auth)
        return self.events.create_api_destination(
            Name=name,
            ConnectionArn=connection["ConnectionArn"],
            InvocationEndpoint=endpoint,
            HttpMethod="POST",
            **more,
        )["ApiDestinationArn"]

    def sum_of(self, metric: str, rule_arn: str) -> float:
        """What a rule's metric has counted so far. A rule of a custom bus says the bus, too (B63)."""
        bus, rule = rule_arn.rsplit("/", 2)[1:]
        points = self.served.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Events",
            MetricName=metric,
            Dimensions=[{"Name": "EventBusName", "Value": bus}, {"Name": "RuleName", "Value": rule}],
            StartTime=datetime(2020, 1, 1, tzinfo=UTC),
            EndTime=datetime(2100, 1, 1, tzinfo=UTC),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(one["Sum"] for one in points)


def eventually(found, count: int, what: str) -> list:
    """What ``found`` tells once there is so much of it."""
    wait_for(lambda: len(found()) >= count, what)
    return found()
