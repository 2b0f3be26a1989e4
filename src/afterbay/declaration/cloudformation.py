"""CloudFormation and SAM templates: sections, transforms, conditions, and what becomes of each resource."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.classes import CLASSES, NOT_FIRED, REFUSED_TYPES
from afterbay.declaration.document import Document
from afterbay.declaration.functions import evaluate
from afterbay.declaration.inert import inert_value, is_custom
from afterbay.declaration.judge import Judge
from afterbay.declaration.parameters import read_parameters
from afterbay.declaration.place import Path, Place, nearest
from afterbay.declaration.resolve import Resolver
from afterbay.declaration.resources import Declared, Resource
from afterbay.declaration.sam import TYPES, expand
from afterbay.declaration.schema import attributes_of_type, check, fit, nearest_type, properties_of, published
from afterbay.declaration.template import ACCOUNT, Note, NoteKind, Template, Wanted
from afterbay.declaration.value import Attribute, Value, attributes_of, settle, text_of
from afterbay.errors import SettingsError

__all__ = ["read_cloudformation"]

_SECTIONS = frozenset(
    {
        *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions"),
        *("Transform", "Resources", "Outputs", "Hooks", "Globals"),
    }
)
_MEMBERS = frozenset(
    {
        *("Type", "Properties", "Condition", "DependsOn", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"),
        *("CreationPolicy", "UpdatePolicy", "Connectors", "IgnoreGlobals"),
    }
)
_UNPUBLISHED = frozenset({"AWS::CDK::Metadata"})
"""Types that have no schema and do nothing: every template of the CDK may hold this one."""

_SERVERLESS = "AWS::Serverless::"
_SAM = "AWS::Serverless-2016-10-31"
_HARMLESS = frozenset(
    {"AWS::LanguageExtensions", "AWS::LanguageExtensions-2022-07-01", "AWS::SecretsManager-2020-07-23"}
)
_SAM_TAGS: JsonValue = [{"Key": "lambda:createdBy", "Value": "SAM"}]
"""What the transform adds to every function: nobody wrote it."""

_LOGICAL_ID = re.compile(r"[A-Za-z0-9]+")


def read_cloudformation(document: Document, wanted: Wanted) -> Template:
    """Raises ``SettingsError`` with a line, file and number first, for each thing that is wrong."""
    return _Reader(document, wanted, Judge(wanted.skip_unknown)).read()


@dataclass(slots=True)
class _Reader:
    document: Document
    wanted: Wanted
    judge: Judge
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    inert: dict[str, str] = field(default_factory=dict[str, str])

    def read(self) -> Template:
        """The steps in order; each needs what the ones before decided."""
        document = self.document
        for section in document.value:
            if section not in _SECTIONS:
                place = document.place((section,))
                raise SettingsError(
                    f"{section} is no section of a template{nearest(section, _SECTIONS)}", where=str(place)
                )
        if not isinstance(document.value.get("Resources"), dict):
            raise SettingsError("this is no template: it has no Resources", where=f"{document.file}:1")
        parameters = read_parameters(document, self.wanted.parameters)
        is_sam = self._transforms()
        resolver = self._resolver(parameters, document.value, document.place)
        self._refuse_types(_members(document.value["Resources"]))
        self.judge.problems.raise_if_any()
        if not is_sam:
            return self._resources(document.value, {}, document.place, resolver)
        value, code, place_of = self._expand(resolver, parameters)
        return self._resources(value, code, place_of, self._resolver(parameters, value, place_of))

    def _transforms(self) -> bool:
        """True for a SAM template. Raises ``SettingsError`` for a macro."""
        named = self.document.value.get("Transform") or []
        transforms = named if isinstance(named, list) else [named]
        for one in transforms:
            name = one.get("Name") if isinstance(one, dict) else one
            if name == _SAM or name in _HARMLESS:
                continue
            what = "AWS::Include" if name == "AWS::Include" else f"the macro {name}"
            raise SettingsError(
                f"{what} is not carried out: macros run on AWS{nearest(str(name), [_SAM, *_HARMLESS])}",
                where=str(self.document.place(("Transform",))),
                hint="write what it brings into the template",
            )
        return _SAM in transforms

    def _resolver(
        self, parameters: Mapping[str, Value], value: Mapping[str, JsonValue], place: Callable[[Path], Place]
    ) -> Resolver:
        region, stack = self.wanted.region, self.wanted.stack
        pseudo: dict[str, Value] = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{stack}/local",
            "AWS::StackName": stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        return Resolver(
            parameters=parameters,
            pseudo=pseudo,
            mappings=value.get("Mappings"),
            conditions=value.get("Conditions"),
            exports=self.wanted.exports,
            place=place,
        )

    def _expand(
        self, resolver: Resolver, parameters: Mapping[str, Value]
    ) -> tuple[dict[str, JsonValue], dict[str, str], Callable[[Path], Place]]:
        known = {
            name: ",".join(map(str, one)) if isinstance(one, list) else text_of(one) for name, one in parameters.items()
        }
        kept = {
            name: resource
            for name, resource in _members(self.document.value["Resources"]).items()
            if name not in self.judge.gone
        }
        pruned = Document(self.document.file, {**self.document.value, "Resources": dict(kept)}, self.document.lines)

        def resolve(value: JsonValue, path: Path) -> str | None:
            return text_of(resolver.value(value, path))

        expanded = expand(
            pruned, {name: one for name, one in known.items() if one is not None}, self.wanted.region, resolve=resolve
        )
        return expanded.value, dict(expanded.code), expanded.place

    def _resources(
        self,
        value: Mapping[str, JsonValue],
        code: Mapping[str, str],
        place: Callable[[Path], Place],
        resolver: Resolver,
    ) -> Template:
        raw = {name: one for name, one in _members(value["Resources"]).items() if name not in self.judge.gone}
        for name, resource in raw.items():
            self._classify(name, resource, place, resolver)
        self.judge.problems.raise_if_any()
        resolver.known = [*self.kinds, *self.inert]
        resolver.gone = self.judge.gone
        resources = [self._resource(name, _members(raw[name]), code, place, resolver) for name in self.kinds]
        self.judge.problems.raise_if_any()
        kept = [one for one in resources if one is not None and one.declared.id not in self.judge.gone]
        return Template(file=self.document.file, wanted=self.wanted, resources=kept, notes=self.judge.sorted_notes())

    # ---- what becomes of a resource

    def _refuse_types(self, resources: Mapping[str, JsonValue]) -> None:
        """What must be out of the way before the SAM transform: unknown types, and nested applications."""
        for name, resource in resources.items():
            kind = _members(resource).get("Type")
            place = self.document.place(("Resources", name, "Type"))
            if isinstance(kind, str) and (kind in REFUSED_TYPES or not _is_known(kind)):
                self._refuse_type(name, kind, place)

    def _refuse_type(self, name: str, kind: str, place: Place) -> None:
        if kind in REFUSED_TYPES:
            self.judge.refuse(name, place, f"{name}: {kind}: {REFUSED_TYPES[kind]}")
        else:
            self.judge.refuse(name, place, f"{name}: there is no resource type {kind}{_nearest_type(kind)}")

    def _classify(self, name: str, resource: JsonValue, place: Callable[[Path], Place], resolver: Resolver) -> None:
        path: Path = ("Resources", name)
        here = place(path)
        if name.startswith("Fn::"):
            raise SettingsError(f"{name} is not carried out", where=str(here), hint="write its resources out")
        if not _LOGICAL_ID.fullmatch(name):
            self.judge.problems.add(here, f"{name}: a logical id has letters and digits only")
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            self.judge.problems.add(here, f"{name}: a resource is an object with a Type")
            return
        for member in resource:
            if member not in _MEMBERS:
                self.judge.problems.add(
                    place((*path, member)), f"{name}: {member} is no part of a resource{nearest(member, _MEMBERS)}"
                )
        condition = resource.get("Condition")
        if isinstance(condition, str) and not resolver.holds(condition, (*path, "Condition")):
            self.judge.gone[name] = f"is left out by its condition {condition}"
            self.judge.notes.append(Note(NoteKind.LEFT_OUT, here, name, f"condition {condition} is false"))
            return
        kind = str(resource["Type"])
        if kind in CLASSES:
            self._check_properties(name, kind, resource.get("Properties"), place)
        elif kind in REFUSED_TYPES or not _is_known(kind):
            self._refuse_type(name, kind, place((*path, "Type")))
        else:
            self.inert[name] = kind
            fired = NOT_FIRED.get(kind)
            note = Note(NoteKind.NOT_FIRED, here, name, f"{fired}, {kind}") if fired else None
            self.judge.notes.append(note or Note(NoteKind.WITHOUT_EFFECT, here, name, group=kind))

    def _check_properties(self, name: str, kind: str, properties: JsonValue, place: Callable[[Path], Place]) -> None:
        self.kinds[name] = kind
        path: Path = ("Resources", name, "Properties")
        tree, classes = properties_of(kind), CLASSES[kind]
        assert tree is not None, "every type of CLASSES is in the data"
        found: list[tuple[Path, str]] = []
        check(dict(tree), _without_code_text(properties), path, lambda at, sentence: found.append((at, sentence)))
        given = _members(properties)
        refused = dict(classes.refused)
        found += [((*path, one), f"{name}.{one} {refused[one]}") for one in given if one in refused]
        for at, sentence in found:
            self.judge.refuse(name, place(at), sentence)
        if name in self.judge.gone:
            del self.kinds[name]
            return
        idle = [one for one, part in given.items() if one in classes.without_effect and part != _SAM_TAGS]
        if idle:
            self.judge.notes.append(
                Note(NoteKind.WITHOUT_EFFECT, place((*path, idle[0])), f"{name}.{', '.join(idle)}", group="properties")
            )

    # ---- a resource's values

    def _resource(
        self,
        name: str,
        raw: Mapping[str, JsonValue],
        code: Mapping[str, str],
        place: Callable[[Path], Place],
        resolver: Resolver,
    ) -> Resource | None:
        kind, path = self.kinds[name], ("Resources", name, "Properties")
        here = place(("Resources", name))
        tree = properties_of(kind)
        assert tree is not None, "every type of CLASSES is in the data"
        given = {one: part for one, part in _members(raw.get("Properties")).items() if one in CLASSES[kind].honoured}
        local = code.get(name) or self._asset(kind, raw, given, resolver, path)
        if local is not None:
            given = {one: part for one, part in given.items() if one not in ("Code", "Content")}
        properties: dict[str, Value] = {}
        for one, part in given.items():
            at = place((*path, one))
            try:
                found = self._replace_inert(resolver.value({one: part}, path), at)
                assert isinstance(found, dict), "an object stays one"
                if one in found:
                    properties[one] = fit(tree[one], found[one], f"{name}.{one}")
            except SettingsError as error:
                self.judge.problems.take(error, at)
        places = {one: place((*path, one)) for one in given}
        declared = Declared(
            id=name, kind=kind, place=here, properties=properties, needs=self._needs(raw, properties), places=places
        )
        return self.judge.resource(declared, local)

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

    def _asset(
        self, kind: str, raw: Mapping[str, JsonValue], given: Mapping[str, JsonValue], resolver: Resolver, path: Path
    ) -> str | None:
        """Where code lies that the template names by a local path, or that the CDK wrote beside it."""
        member = {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}.get(kind)
        source = given.get(member or "")
        if member is None or source is None:
            return None
        if isinstance(source, str):
            return None if source.startswith("s3://") else source
        metadata = _members(raw.get("Metadata"))
        folder = metadata.get("aws:asset:path")
        if isinstance(folder, str) and metadata.get("aws:asset:property", member) == member:
            return folder
        key = _members(source).get("S3Key")
        told = None if key is None else text_of(resolver.value(key, (*path, member, "S3Key")))
        return None if told is None else self.wanted.assets.get(told.removesuffix(".zip"))


def _nearest_type(kind: str) -> str:
    return nearest(kind, [_SERVERLESS + one for one in TYPES]) if kind.startswith(_SERVERLESS) else nearest_type(kind)


def _is_known(kind: str) -> bool:
    return published(kind) or is_custom(kind) or kind in _UNPUBLISHED or kind.removeprefix(_SERVERLESS) in TYPES


def _without_code_text(properties: JsonValue) -> JsonValue:
    """The properties without a code path, which CloudFormation has only before `package` uploads it."""
    if not isinstance(properties, dict):
        return properties
    return {name: one for name, one in properties.items() if not (name in ("Code", "Content") and isinstance(one, str))}


def _members(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
