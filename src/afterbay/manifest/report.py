"""What came of a template, in lines for the person who started it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from afterbay.declaration.resources import Resource
from afterbay.declaration.template import Note, NoteKind, Template
from afterbay.manifest.package import WatchedCode

__all__ = ["Assembled"]

_NOUNS = {
    "AWS::DynamoDB::Table": "table",
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::Lambda::Function": "function",
    "AWS::Lambda::Version": "version",
    "AWS::Lambda::Alias": "alias",
    "AWS::Lambda::LayerVersion": "layer",
    "AWS::Lambda::EventSourceMapping": "mapping",
    "AWS::SQS::Queue": "queue",
    "AWS::SNS::Topic": "topic",
    "AWS::SNS::Subscription": "subscription",
    "AWS::S3::Bucket": "bucket",
    "AWS::Kinesis::Stream": "Kinesis stream",
    "AWS::KinesisFirehose::DeliveryStream": "delivery stream",
    "AWS::CloudWatch::Alarm": "alarm",
    "AWS::Pipes::Pipe": "pipe",
    "AWS::Events::EventBus": "event bus",
    "AWS::Events::Rule": "rule",
    "AWS::Events::Archive": "archive",
    "AWS::Events::ApiDestination": "API destination",
    "AWS::Events::Connection": "connection",
}


@dataclass(frozen=True, slots=True)
class Assembled:
    """The resources that exist now, notes of what does not act, and where the functions' code lies."""

    template: Template
    made: Sequence[Resource]
    notes: Sequence[Note]
    code: Sequence[WatchedCode] = ()

    def lines(self) -> Iterator[str]:
        """One line of what is up; one for each thing to know; what is without effect gathered by type."""
        counted = Counter(_NOUNS[one.declared.kind] for one in self.made)
        told = ", ".join(f"{count} {_several(noun, count)}" for noun, count in counted.items())
        yield f"{self.template.file} is up: {told or 'it declares nothing that is created here'}"
        ordered = sorted(self.notes, key=lambda note: (list(NoteKind).index(note.kind), note.place))
        for note in ordered:
            if note.kind is not NoteKind.WITHOUT_EFFECT:
                yield f"{note.place}: {note.kind.value}: {note.subject}" + (f": {note.text}" if note.text else "")
        groups: dict[str, list[str]] = {}
        for note in ordered:
            if note.kind is NoteKind.WITHOUT_EFFECT:
                groups.setdefault(note.group, []).append(note.subject)
        for group, subjects in groups.items():
            yield f"{NoteKind.WITHOUT_EFFECT.value}: {group}: {', '.join(dict.fromkeys(subjects))}"


def _several(noun: str, count: int) -> str:
    if count == 1:
        return noun
    return {"alias": "aliases", "event bus": "event buses"}.get(noun, noun + "s")
