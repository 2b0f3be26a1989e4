"""The values of a resource's properties, resolved and of their kinds, and where its code lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.classes import CLASSES
from afterbay.declaration.functions import evaluate
from afterbay.declaration.inert import inert_value
from afterbay.declaration.judge import Judge
from afterbay.declaration.place import Path, Place, nearest
from afterbay.declaration.resolve import Resolver
from afterbay.declaration.resources import Declared, LocalCode, Resource
from afterbay.declaration.sam import LOCAL_BUCKET
from afterbay.declaration.schema import attributes_of_type, fit, properties_of
from afterbay.declaration.template import ACCOUNT, Wanted
from afterbay.declaration.value import Attribute, Value, attributes_of, settle, text_of
from afterbay.errors import SettingsError

__all__ = ["PropertyReader"]

_CODE = {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}


@dataclass(frozen=True, slots=True)
class PropertyReader:
    """``kinds`` and ``inert`` are the resources that are created and those without effect; ``code`` has the paths that
    the SAM transform took out."""

    judge: Judge
    wanted: Wanted
    resolver: Resolver
    place: Callable[[Path], Place]
    kinds: Mapping[str, str]
    inert: Mapping[str, str]
    code: Mapping[str, str]

    def resource(self, name: str, raw: Mapping[str, JsonValue]) -> Resource | None:
        """The typed resource; None for one that is left out. What is wrong is told to the judge."""
        kind, path = self.kinds[name], ("Resources", name, "Properties")
        tree = properties_of(kind)
        assert tree is not None, "every type of CLASSES is in the data"
        given = {one: part for one, part in _members(raw.get("Properties")).items() if one in CLASSES[kind].honoured}
        code = self._code_path(kind, raw, given, path)
        if code is not None:
            del given[_CODE[kind]]
        properties: dict[str, Value] = {}
        for one, part in given.items():
            at = self.place((*path, one))
            try:
                found = self._replace_inert(self.resolver.value({one: part}, path), at)
                assert isinstance(found, dict), "an object stays one"
                if one in found:
                    properties[one] = fit(tree[one], found[one], f"{name}.{one}")
            except SettingsError as error:
                self.judge.problems.take(error, at)
        declared = Declared(
            id=name,
            kind=kind,
            place=self.place(("Resources", name)),
            properties=properties,
            needs=self._needs(raw, properties),
            places={one: self.place((*path, one)) for one in given},
        )
        return self.judge.resource(declared, None if code is None else LocalCode(code))

    def _replace_inert(self, value: Value, at: Place) -> Value:
        """``value`` with what is told of resources that are not created; what Fn::GetAtt asks of ours is checked."""
        for asked in list(attributes_of(value)):
            kind = self.kinds.get(asked.resource)
            # A name, such as QueueName, can be asked for besides what is published as an attribute.
            allowed = None if kind is None else [*attributes_of_type(kind), *(properties_of(kind) or ())]
            if allowed is not None and asked.name != "Ref" and asked.name not in allowed:
                raise SettingsError(
                    f"{asked.resource} has no attribute {asked.name}{nearest(asked.name, allowed)}", where=str(at)
                )
        return settle(value, self._inert_value, evaluate)

    def _inert_value(self, asked: Attribute) -> Value:
        kind = self.inert.get(asked.resource)
        if kind is None:
            return asked
        wanted = self.wanted
        return inert_value(asked, kind, stack=wanted.stack, region=wanted.region, account=ACCOUNT)

    def _needs(self, raw: Mapping[str, JsonValue], properties: Mapping[str, Value]) -> frozenset[str]:
        named = raw.get("DependsOn") or []
        asked = {str(one) for one in (named if isinstance(named, list) else [named])}
        asked |= {one.resource for one in attributes_of(dict(properties))}
        return frozenset(asked & self.kinds.keys())

    def _code_path(
        self, kind: str, raw: Mapping[str, JsonValue], given: Mapping[str, JsonValue], path: Path
    ) -> str | None:
        """Where code lies that the template names by a local path, or that the CDK wrote beside it."""
        member = _CODE.get(kind)
        source = given.get(member or "")
        if member is None or source is None:
            return None
        if isinstance(source, str):
            return None if source.startswith("s3://") else source
        stored = _members(source)
        if stored.get("S3Bucket") == LOCAL_BUCKET:
            return self.code.get(str(stored.get("S3Key")))
        metadata = _members(raw.get("Metadata"))
        folder = metadata.get("aws:asset:path")
        if isinstance(folder, str) and metadata.get("aws:asset:property", member) == member:
            return folder
        key = stored.get("S3Key")
        told = None if key is None else text_of(self.resolver.value(key, (*path, member, "S3Key")))
        return None if told is None else self.wanted.assets.get(told.removesuffix(".zip"))


def _members(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
