"""What the makers of resources share: settled values, calls that name the resource they fail for, names, notes."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from afterbay.aws.client import Aws
from afterbay.core.change.partition import Partition, partition_of
from afterbay.declaration.functions import evaluate
from afterbay.declaration.place import Place, Problems
from afterbay.declaration.resources import Declared
from afterbay.declaration.schema import fit, properties_of
from afterbay.declaration.template import ACCOUNT, Note, NoteKind, Template
from afterbay.declaration.value import Attribute, Unknown, Value, settle, text_of, without_unknown
from afterbay.errors import ServiceError, SettingsError
from afterbay.manifest.names import physical_name

__all__ = ["Session", "part_of"]

_ALREADY_THERE = frozenset(
    {
        *("ResourceInUseException", "ResourceConflictException", "QueueAlreadyExists", "QueueNameExists"),
        *("BucketAlreadyOwnedByYou", "BucketAlreadyExists", "ResourceAlreadyExistsException", "ConflictException"),
    }
)
_NOT_BUILT = "UnknownOperationException"


def part_of(answer: Mapping[str, object], name: str) -> Mapping[str, object]:
    """The object that an answer holds under ``name``, as its API's model says."""
    return cast("Mapping[str, object]", answer[name])


@dataclass(slots=True)
class Session:
    """One template on its way. ``attributes`` has what exists, by resource and attribute."""

    template: Template
    folder: Path
    aws: Aws
    notes: list[Note] = field(default_factory=list[Note])
    problems: Problems = field(default_factory=Problems)
    attributes: dict[Attribute, Value] = field(default_factory=dict[Attribute, Value])
    failed: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def region(self) -> str:
        return self.template.wanted.region

    @property
    def partition(self) -> Partition:
        return partition_of(self.region)

    @property
    def any_role(self) -> str:
        """For an API that wants one: no role is looked at here."""
        return f"arn:{self.partition.name}:iam::{ACCOUNT}:role/any"

    def check_stream(self, source: Value) -> None:
        """Raises ``SettingsError`` for the stream of a table that the template gives none: AWS has none either."""
        if not isinstance(source, Attribute) or source.name != "StreamArn" or source in self.attributes:
            return
        if Attribute(source.resource, "TableId") in self.attributes:
            raise SettingsError(
                f"the table {source.resource} has no stream",
                hint="its StreamSpecification makes one, as in {StreamViewType: NEW_AND_OLD_IMAGES}",
            )

    def settled(self, declared: Declared) -> dict[str, Value]:
        """The properties with every attribute filled in; what is unknown is left out and told.

        Raises ``SettingsError`` for a value that is not of its property's kind.
        """
        tree = properties_of(declared.kind)
        assert tree is not None, "only types of the schema are made"
        kept: dict[str, Value] = {}
        for name, value in declared.properties.items():
            found, left_out = without_unknown(self.value(value), f"{declared.id}.{name}")
            at = declared.place_of(name)
            self.notes += [Note(NoteKind.UNKNOWN, at, one, f"left out: {why}") for one, why in left_out]
            if found is not None:
                kept[name] = fit(tree[name], found, f"{declared.id}.{name}")
        return kept

    def value(self, value: Value) -> Value:
        """``value`` with every attribute filled in; ``Unknown`` parts are possible."""
        return settle(value, self._attribute, evaluate)

    def text(self, value: Value) -> str | None:
        return text_of(self.value(value))

    def name(self, declared: Declared, given: Value, longest: int, *, lower: bool = False, tail: str = "") -> str:
        """The name that the template gives, or one made of the stack and the id."""
        told = self.text(given)
        return told or physical_name(self.template.wanted.stack, declared.id, longest, lower=lower, tail=tail)

    async def call(self, service: str, operation: str, **parameters: object) -> Mapping[str, object]:
        """One call; parameters that are None are left out. Raises ``ServiceError``, or ``SettingsError`` for ours."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return await self.aws.call(service, operation, **given)

    async def create(self, service: str, operation: str, **parameters: object) -> Mapping[str, object] | None:
        """A call that makes something; None if it is there already, as after a restart with the same state."""
        try:
            return await self.call(service, operation, **parameters)
        except ServiceError as error:
            if error.code in _ALREADY_THERE:
                return None
            raise

    @contextmanager
    def step(self, declared: Declared, name: str) -> Generator[None]:
        """A part of a resource that the address may refuse while the rest of it exists: told, or skipped on request."""
        try:
            yield
        except (ServiceError, SettingsError) as error:
            self.refuse(declared.place_of(name), f"{declared.id}.{name}", error)

    def refuse(self, place: Place, subject: str, error: ServiceError | SettingsError) -> None:
        """What the address, or its own settings, do not let be."""
        told = " ".join(str(error).split())  # botocore's own refusals have line breaks
        sentence = f"not yet built: {told}" if getattr(error, "code", "") == _NOT_BUILT else told
        if self.template.wanted.skip_unknown:
            self.notes.append(Note(NoteKind.SKIPPED, place, subject, sentence))
        else:
            self.problems.add(place, f"{subject}: {sentence}; --skip-unknown goes on without it")

    def _attribute(self, asked: Attribute) -> Value:
        if asked.resource in self.failed:
            return Unknown(f"{asked.resource} {self.failed[asked.resource]}", left_out=True)
        found = self.attributes.get(asked)
        return Unknown(f"{asked} is not known here") if found is None else found
