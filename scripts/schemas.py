"""Write src/afterbay/data/cloudformation.json: which resource types and properties CloudFormation has.

The facts are CloudFormation's published resource schemas, taken from a copy of them that cfn-lint ships. Needs cfn-lint
in the environment that runs it (``pip install cfn-lint``), which ``make setup`` does not bring:
``python scripts/schemas.py``.

Of every type only the name is kept; of the types that afterbay creates also the tree of its properties: an object is an
object, ``[tree]`` an array, a leaf one letter (``s`` text, ``i`` whole number, ``n`` number, ``b`` boolean, ``x``
anything); a member ``*`` stands for any name. ``attributes`` are what Fn::GetAtt may ask.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "afterbay" / "data" / "cloudformation.json"

KEPT = (
    *("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"),
    *("AWS::Lambda::Function", "AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::LayerVersion"),
    "AWS::Lambda::EventSourceMapping",
    *("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::S3::Bucket", "AWS::Kinesis::Stream"),
    "AWS::KinesisFirehose::DeliveryStream",
    *("AWS::Pipes::Pipe", "AWS::Events::EventBus", "AWS::Events::Rule", "AWS::Events::Archive"),
    *("AWS::Events::ApiDestination", "AWS::Events::Connection", "AWS::CloudWatch::Alarm"),
)

LETTERS = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}
OPEN = {
    ("AWS::DynamoDB::Table", "KeySchema"): [{"AttributeName": "s", "KeyType": "s"}],  # published as two forms
    ("AWS::Lambda::Function", "Environment"): {"Variables": {"*": "s"}},  # the copy has no type
}
"""Where the copy says less than is known."""

DEPTH_MAX = 14  # some definitions hold themselves


def main() -> None:
    schemas = files("cfnlint.data.schemas")
    regions = [json.loads(one.read_text()) for one in (schemas / "providers").iterdir() if one.name.endswith(".json")]
    where = {kind: name for region in regions for kind, name in region.items()}
    missing = sorted(set(KEPT) - set(where))
    if missing:
        sys.exit(f"no schema of {', '.join(missing)}")
    types: dict[str, list[str]] = {}
    for kind in sorted(where):
        prefix, _, name = kind.rpartition("::")
        types.setdefault(prefix, []).append(name)
    properties, attributes = {}, {}
    for kind in KEPT:
        schema = json.loads((schemas / "resources" / f"{where[kind]}.json").read_text())
        told = [path.removeprefix("/properties/").replace("/", ".") for path in schema.get("readOnlyProperties", [])]
        own = tree(schema, schema, 0)
        assert isinstance(own, dict)
        mended = {name: OPEN.get((kind, name), one) for name, one in sorted(own.items())}
        properties[kind] = {name: one for name, one in mended.items() if name not in told and name != "*"}
        attributes[kind] = sorted(told)
    date = json.loads((schemas / "version.json").read_text())["schema_date"][:10]
    document = {"date": date, "types": types, "properties": properties, "attributes": attributes}
    TARGET.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n")


def tree(schema: dict, whole: dict, depth: int) -> object:
    """The tree of one schema; what it leaves open is ``x``."""
    if depth > DEPTH_MAX:
        return "x"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        return tree(whole["definitions"][name], whole, depth + 1) if name in whole["definitions"] else "x"
    kind = schema.get("type")
    if isinstance(kind, str) and kind in LETTERS:
        return LETTERS[kind]
    if kind == "array":
        return [tree(schema["items"], whole, depth + 1)] if isinstance(schema.get("items"), dict) else "x"
    if kind not in (None, "object"):  # several kinds, as of RedrivePolicy: text or object
        return "x"
    if "patternProperties" in schema and "properties" not in schema:
        (first, *_) = schema["patternProperties"].values()
        return {"*": tree(first, whole, depth + 1)}
    if "properties" not in schema:
        return "x"
    found = {name: tree(one, whole, depth + 1) for name, one in sorted(schema["properties"].items())}
    if schema.get("additionalProperties") is not False:
        found["*"] = "x"
    return found


if __name__ == "__main__":
    main()
