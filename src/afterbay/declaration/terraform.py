"""``terraform show -json``, of a plan or of a state, as the same typed resources that a template gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.classes import CLASSES
from afterbay.declaration.document import Document
from afterbay.declaration.judge import Judge
from afterbay.declaration.place import Place
from afterbay.declaration.resources import Declared, LocalCode, Resource
from afterbay.declaration.schema import Tree, properties_of
from afterbay.declaration.template import Note, NoteKind, Template, Wanted
from afterbay.declaration.terraform_graph import Block, Graph, Instance
from afterbay.declaration.terraform_types import INERT_ATTRIBUTES, KINDS, MERGED, NOT_FIRED, REFUSED, RENAMED
from afterbay.declaration.value import Attribute, Unknown, Value, attributes_of
from afterbay.errors import SettingsError

__all__ = ["is_terraform", "read_terraform"]

_UNNEEDED = frozenset(
    {"TableName", "FunctionName", "QueueName", "TopicName", "BucketName", "Name", "AlarmName", "Role", "RoleArn"}
)
"""A name that is known after apply is made here, too, and no role is looked at."""


_STREAM_SETTINGS = (
    *("BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "ParallelizationFactor"),
    "TumblingWindowInSeconds",
)


def is_terraform(value: Mapping[str, JsonValue]) -> bool:
    """True for what ``terraform show -json`` prints."""
    return "format_version" in value and "Resources" not in value


def read_terraform(document: Document, wanted: Wanted) -> Template:
    """Raises ``SettingsError`` with a line, file and number first, for each thing that is refused."""
    if "planned_values" not in document.value and "values" not in document.value:
        what = "a plan or state of Terraform has planned_values or values"
        raise SettingsError(what, where=f"{document.file}:1", hint="terraform show -json PLAN > plan.json")
    if wanted.parameters:
        names = ", ".join(sorted(wanted.parameters))
        raise SettingsError(f"a plan has no parameters: {names}", where=document.file, hint="terraform plan -var")
    return _Reader(document, wanted, Graph(document.value), Judge(wanted.skip_unknown)).read()


@dataclass(slots=True)
class _Reader:
    document: Document
    wanted: Wanted
    graph: Graph
    judge: Judge
    made: dict[str, Instance] = field(default_factory=dict[str, Instance])
    merged: list[Instance] = field(default_factory=list[Instance])

    def read(self) -> Template:
        for one in self.graph.instances:
            if one.mode == "managed":
                self._classify(one)
        declared = {one.address: self._declared(one) for one in self.made.values()}
        for part in self.merged:
            self._merge(part, declared)
        self.judge.problems.raise_if_any()
        resources: list[Resource] = []
        for address, whole in declared.items():
            found = None if address in self.judge.gone else self.judge.resource(whole, self._code(self.made[address]))
            if found is not None:
                resources.append(found)
        self.judge.problems.raise_if_any()
        notes = self.judge.sorted_notes()
        return Template(file=self.document.file, wanted=self.wanted, resources=resources, notes=notes)

    def _classify(self, one: Instance) -> None:
        here = self.document.place(one.path)
        if one.type in KINDS:
            self.made[one.address] = one
        elif one.type in MERGED:
            self.merged.append(one)
        elif one.type in REFUSED:
            self.judge.refuse(one.address, here, f"{one.address}: {REFUSED[one.type]}")
        elif one.type in NOT_FIRED:
            self.judge.notes.append(Note(NoteKind.NOT_FIRED, here, one.address, NOT_FIRED[one.type]))
        else:
            self.judge.notes.append(Note(NoteKind.WITHOUT_EFFECT, here, one.address, group=one.type))

    def _declared(self, one: Instance) -> Declared:
        kind, block = KINDS[one.type], self.graph.block(one)
        tree = properties_of(kind)
        assert tree is not None, "every type of KINDS is in the data"
        special = _SPECIAL.get(one.type)
        used: set[str] = set()
        properties = special(block) if special else _converted(block, tree, RENAMED.get(one.type, {}), used)
        if one.type == "aws_lambda_event_source_mapping":
            properties = _without_zeros(properties)
        if one.type == "aws_lambda_alias":  # a plan has one version of a function, with the code that is here
            properties["FunctionVersion"] = "$LATEST"
        if one.type == "aws_kinesis_firehose_delivery_stream":
            used.add("destination")  # the block says the same
            properties = _with_buffering(block, properties)
        here = self.document.place(one.path)
        for name, why in CLASSES[kind].refused:
            if properties.get(name) is not None:
                self.judge.refuse(one.address, here, f"{one.address}: {name} {why}")
        honoured = {
            name: value
            for name, value in properties.items()
            if name in CLASSES[kind].honoured and not (name in _UNNEEDED and isinstance(value, Unknown))
        }
        idle = [name for name in block.written if name not in used | INERT_ATTRIBUTES] if not special else []
        if idle:
            subject = f"{one.address}.{', '.join(idle)}"
            self.judge.notes.append(Note(NoteKind.WITHOUT_EFFECT, here, subject, group="properties"))
        return Declared(
            id=one.address, kind=kind, place=here, properties=honoured, needs=self._needs(honoured), places={}
        )

    def _merge(self, one: Instance, declared: dict[str, Declared]) -> None:
        """Put what is a resource of its own in Terraform into the resource that it belongs to."""
        attribute, kind, name = MERGED[one.type]
        block, here = self.graph.block(one), self.document.place(one.path)
        owner = self._owner(block.get(attribute), kind, declared)
        if owner is None:
            told = f"{one.address}: the {attribute} that it belongs to is not in this plan"
            self.judge.notes.append(Note(NoteKind.UNKNOWN, here, one.address, told.removeprefix(f"{one.address}: ")))
            return
        tree = properties_of(kind)
        assert tree is not None, "every type of MERGED is in the data"
        before, part = owner.properties.get(name), tree[name]
        value: Value
        if isinstance(part, list) and isinstance(part[0], dict):
            added = _converted(block, part[0], RENAMED.get(one.type, {}), set())
            value = [*(before if isinstance(before, list) else []), dict(added)]
        elif one.type == "aws_s3_bucket_notification":
            value = _notification(block)
        elif isinstance(part, dict):
            value = dict(_converted(block, part, RENAMED.get(one.type, {}), set()))
        else:
            value = block.get("redrive_policy")
        properties = {**owner.properties, name: value}
        declared[owner.id] = replace(owner, properties=properties, needs=self._needs(properties))

    def _owner(self, named: Value, kind: str, declared: Mapping[str, Declared]) -> Declared | None:
        if isinstance(named, Attribute):
            return declared.get(named.resource)
        alike = [one for one in declared.values() if one.kind == kind and named in one.properties.values()]
        return alike[0] if len(alike) == 1 else None

    def _needs(self, properties: Mapping[str, Value]) -> frozenset[str]:
        return frozenset({one.resource for one in attributes_of(dict(properties))} & self.made.keys())

    def _code(self, one: Instance) -> LocalCode | None:
        """Where a function's code lies: the folder that an archive is made of, or else the file itself."""
        filename = one.values.get("filename")
        block = self.graph.block(one)
        archive = self.graph.source_of("filename", block.written, one) or self.graph.data_with("output_path", filename)
        if archive is not None and archive.type == "archive_file":
            for name in ("source_dir", "source_file"):
                source = archive.values.get(name)
                if isinstance(source, str) and source:
                    return LocalCode(source, packed=filename if isinstance(filename, str) else None)
        return LocalCode(filename) if isinstance(filename, str) and filename else None

    def place(self, one: Instance) -> Place:
        return self.document.place(one.path)


def _without_zeros(properties: dict[str, Value]) -> dict[str, Value]:
    """A state has zeros for what a mapping does not have: all of a stream's settings, for one on a queue."""
    source = properties.get("EventSourceArn")
    on_queue = isinstance(source, Attribute) and "aws_sqs_queue." in source.resource
    zeros = _STREAM_SETTINGS if on_queue else ("ParallelizationFactor", "MaximumRecordAgeInSeconds")
    return {name: value for name, value in properties.items() if value or name not in zeros}


def _with_buffering(block: Block, properties: dict[str, Value]) -> dict[str, Value]:
    """A delivery stream with its buffering as a member of its own, as CloudFormation has it."""
    destination = properties.get("ExtendedS3DestinationConfiguration")
    for one in block.blocks("extended_s3_configuration"):
        hints = {"SizeInMBs": one.get("buffering_size"), "IntervalInSeconds": one.get("buffering_interval")}
        told: dict[str, Value] = {name: value for name, value in hints.items() if value is not None}
        if told and isinstance(destination, dict):
            return {**properties, "ExtendedS3DestinationConfiguration": {**destination, "BufferingHints": told}}
    return properties


def _converted(block: Block, tree: Mapping[str, Tree], renamed: Mapping[str, str], used: set[str]) -> dict[str, Value]:
    """A block's attributes under CloudFormation's names. ``used`` gathers the attributes that have one."""
    by_sound = {name.replace("_", "").lower(): name for name in block.names()}
    found: dict[str, Value] = {}
    for name, part in tree.items():
        sound = name.lower()
        spellings = (sound, sound + "arn", sound + "seconds", sound.removesuffix("s"))
        attribute = renamed.get(name) or next((by_sound[one] for one in spellings if one in by_sound), None)
        if attribute is None or attribute not in block.names():
            continue
        used.add(attribute)
        value = _value(block, attribute, part, renamed)
        if value is not None:
            found[name] = value
    return found


def _value(block: Block, attribute: str, tree: Tree, renamed: Mapping[str, str]) -> Value:
    if isinstance(tree, dict) and "*" not in tree:
        blocks = block.blocks(attribute)
        return dict(_converted(blocks[0], tree, renamed, set())) if blocks else None
    if isinstance(tree, list) and isinstance(tree[0], dict):
        inner = tree[0]
        if isinstance(block.values.get(attribute), dict):  # a map where CloudFormation has a list of names and values
            return _pairs(block.values[attribute], inner)
        elements: list[Value] = [dict(_converted(one, inner, renamed, set())) for one in block.blocks(attribute)]
        return elements or None
    value = block.get(attribute)
    if tree == "x" and isinstance(value, Attribute):  # a document with a reference in it: the rest of it is not told
        return Unknown("it is known after apply only")
    return value


def _pairs(value: JsonValue, tree: Mapping[str, Tree]) -> Value:
    key = next((name for name in ("Name", "Key") if name in tree), "Key")
    if not isinstance(value, dict):
        return None
    return [{key: name, "Value": one if isinstance(one, str) else None} for name, one in value.items()]


def _table(block: Block) -> dict[str, Value]:
    attributes = [
        {"AttributeName": one.get("name"), "AttributeType": one.get("type")} for one in block.blocks("attribute")
    ]
    properties: dict[str, Value] = {
        "TableName": block.get("name"),
        "AttributeDefinitions": [dict(one) for one in attributes],
        "KeySchema": _keys(block),
        "BillingMode": block.get("billing_mode"),
        "ProvisionedThroughput": _throughput(block),
        "GlobalSecondaryIndexes": [_index(one) for one in block.blocks("global_secondary_index")] or None,
        "LocalSecondaryIndexes": [
            {**_index(one), "KeySchema": [*_keys(block)[:1], *_keys(one)]}
            for one in block.blocks("local_secondary_index")
        ]
        or None,
    }
    if block.values.get("stream_enabled") is True:
        properties["StreamSpecification"] = {"StreamViewType": block.get("stream_view_type")}
    for ttl in block.blocks("ttl"):
        if ttl.values.get("enabled") is not False and ttl.get("attribute_name") is not None:
            properties["TimeToLiveSpecification"] = {"AttributeName": ttl.get("attribute_name"), "Enabled": True}
    if block.blocks("import_table"):
        properties["ImportSourceSpecification"] = {}
    return {name: value for name, value in properties.items() if value is not None}


def _keys(block: Block) -> list[Value]:
    named = (("hash_key", "HASH"), ("range_key", "RANGE"))
    return [{"AttributeName": name, "KeyType": role} for one, role in named if (name := block.get(one)) is not None]


def _throughput(block: Block) -> Value:
    read, write = block.get("read_capacity"), block.get("write_capacity")
    return {"ReadCapacityUnits": read, "WriteCapacityUnits": write} if read and write else None


def _index(block: Block) -> dict[str, Value]:
    projection: dict[str, Value] = {"ProjectionType": block.get("projection_type")}
    extra = block.get("non_key_attributes")
    if extra:
        projection["NonKeyAttributes"] = extra
    found: dict[str, Value] = {"IndexName": block.get("name"), "KeySchema": _keys(block), "Projection": projection}
    throughput = _throughput(block)
    return {**found, "ProvisionedThroughput": throughput} if throughput else found


def _function(block: Block) -> dict[str, Value]:
    tree = properties_of("AWS::Lambda::Function")
    assert tree is not None, "it is in the data"
    kept = {name: part for name, part in tree.items() if name not in ("Code", "Role", "Environment")}
    found = _converted(block, kept, {}, set())
    if found.get("ReservedConcurrentExecutions") == -1:  # Terraform's word for none
        del found["ReservedConcurrentExecutions"]
    for one in block.blocks("environment"):
        variables = one.get("variables")
        if isinstance(variables, Attribute):  # one that is unknown makes them all so, and its name is not told
            variables = Unknown("they are known after apply only")
        if variables is not None:
            found["Environment"] = {"Variables": variables}
    if block.get("image_uri") is not None:
        found["Code"] = {"ImageUri": block.get("image_uri")}
    elif block.get("s3_bucket") is not None:
        found["Code"] = {"S3Bucket": block.get("s3_bucket"), "S3Key": block.get("s3_key")}
    return found


def _notification(block: Block) -> Value:
    """A bucket's notifications; each of its events is one in CloudFormation."""
    found: dict[str, Value] = {}
    kinds = (("queue", "Queue", "queue_arn"), ("topic", "Topic", "topic_arn"))
    for name, kind, attribute in (*kinds, ("lambda_function", "Lambda", "lambda_function_arn")):
        member = "Function" if kind == "Lambda" else kind
        listed: list[Value] = []
        for one in block.blocks(name):
            events = one.values.get("events")
            limits = {rule: one.get(f"filter_{rule}") for rule in ("prefix", "suffix")}
            rules: list[Value] = [{"Name": rule, "Value": limit} for rule, limit in limits.items() if limit]
            for event in events if isinstance(events, list) else ():
                made: dict[str, Value] = {"Event": str(event), member: one.get(attribute)}
                listed.append({**made, "Filter": {"S3Key": {"Rules": rules}}} if rules else made)
        if listed:
            found[f"{kind}Configurations"] = listed
    return found


_SPECIAL = {"aws_dynamodb_table": _table, "aws_lambda_function": _function}
