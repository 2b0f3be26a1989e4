"""What the tests of templates share: a text, read."""

from __future__ import annotations

from textwrap import dedent

import pytest

from afterbay.declaration.document import read_document
from afterbay.declaration.read import read_template
from afterbay.declaration.template import NoteKind, Template, Wanted
from afterbay.errors import SettingsError

FILE = "template.yaml"
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/t/stream/2026-01-05T10:11:12.345"

TABLE = """
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
"""
WORKER = """
  Worker:
    Type: AWS::Lambda::Function
    Properties:
      Code: {ZipFile: "def handler(event, context): pass"}
      Handler: index.handler
      Runtime: python3.11
      Role: arn:aws:iam::000000000000:role/any
"""
MAPPING = """
  Changes:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Worker
      EventSourceArn: !GetAtt Orders.StreamArn
      StartingPosition: LATEST
"""


def read(
    text: str,
    *,
    skip_unknown: bool = False,
    exports: dict[str, str] | None = None,
    region: str = "eu-west-1",
    **parameters: str,
) -> Template:
    """The template of a text whose common indentation does not count."""
    wanted = Wanted(
        region=region, stack="shop", parameters=parameters, exports=exports or {}, skip_unknown=skip_unknown
    )
    return read_template(read_document(dedent(text), FILE), wanted)


def refusal(text: str, **more) -> list[str]:
    """The lines of the refusal of a text."""
    with pytest.raises(SettingsError) as caught:
        read(text, **more)
    return str(caught.value).splitlines()


def resource(template: Template, name: str):
    (found,) = [one for one in template.resources if one.declared.id == name]
    return found


def properties(template: Template, name: str) -> dict:
    return dict(resource(template, name).declared.properties)


def notes(template: Template, kind: NoteKind) -> list[str]:
    """Subject and text of each note of a kind."""
    return [f"{note.subject} {note.text}".strip() for note in template.notes if note.kind is kind]
