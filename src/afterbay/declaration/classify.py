"""What becomes of each resource of a template, by its type, its condition and the names of its properties."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.classes import CLASSES, NOT_FIRED, REFUSED_TYPES
from afterbay.declaration.inert import is_custom
from afterbay.declaration.judge import Judge
from afterbay.declaration.place import Path, Place, nearest
from afterbay.declaration.resolve import Resolver, is_function
from afterbay.declaration.sam import SAM, TYPES
from afterbay.declaration.schema import check, nearest_type, properties_of, published
from afterbay.declaration.template import Note, NoteKind
from afterbay.errors import SettingsError

__all__ = ["Classifier"]

_MEMBERS = frozenset(
    {
        *("Type", "Properties", "Condition", "DependsOn", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"),
        *("CreationPolicy", "UpdatePolicy", "Connectors", "IgnoreGlobals"),
    }
)
_POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}
_UNPUBLISHED = frozenset({"AWS::CDK::Metadata"})
"""Types that have no schema and do nothing: every template of the CDK may hold this one."""

_SERVERLESS = "AWS::Serverless::"
_SAM_TAGS: JsonValue = [{"Key": "lambda:createdBy", "Value": "SAM"}]
"""What the transform adds to every function: nobody wrote it."""

_LOGICAL_ID = re.compile(r"[A-Za-z0-9]+")


@dataclass(slots=True)
class Classifier:
    """``kinds`` gathers the resources that are created, ``inert`` those without effect, each with its type."""

    judge: Judge
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    inert: dict[str, str] = field(default_factory=dict[str, str])

    def before_transform(self, resources: Mapping[str, JsonValue], place: Callable[[Path], Place]) -> None:
        """Refuse what the SAM transform would fail on or pass on: unknown types, nested applications, images."""
        for name, resource in resources.items():
            if name.startswith("Fn::"):
                here = place(("Resources", name))
                raise SettingsError(f"{name} is not carried out", where=str(here), hint="write its resources out")
            if not isinstance(resource, dict):
                self.judge.problems.add(place(("Resources", name)), f"{name}: a resource is an object with a Type")
                continue
            kind = resource.get("Type")
            if isinstance(kind, str) and kind.startswith(_SERVERLESS):
                self._check_members(name, resource, place)
            at = place(("Resources", name, "Type"))
            if isinstance(kind, str) and (kind in REFUSED_TYPES or not _is_known(kind)):
                self._refuse_type(name, kind, at)
            package = _members(_members(resource).get("Properties")).get("PackageType")
            if kind == _SERVERLESS + "Function" and package == "Image":
                self.judge.refuse(name, at, f"{name}: container images are not run: package the function as a zip file")

    def classify(self, name: str, resource: JsonValue, place: Callable[[Path], Place], resolver: Resolver) -> None:
        """Decide about one resource. Raises ``SettingsError`` for a condition that is not there."""
        path: Path = ("Resources", name)
        here = place(path)
        if not _LOGICAL_ID.fullmatch(name):
            self.judge.problems.add(here, f"{name}: a logical id has letters and digits only")
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            self.judge.problems.add(here, f"{name}: a resource is an object with a Type")
            return
        self._check_members(name, resource, place)
        condition = resource.get("Condition")
        if condition is not None and not isinstance(condition, str):
            self.judge.problems.add(place((*path, "Condition")), f"{name}: Condition must be the name of a condition")
        self._check_policies(name, resource, place)
        if isinstance(condition, str) and not resolver.holds(condition, (*path, "Condition")):
            self.judge.gone[name] = f"is left out by its condition {condition}"
            self.judge.notes.append(Note(NoteKind.LEFT_OUT, here, name, f"condition {condition} is false"))
            return
        kind = str(resource["Type"])
        if kind in CLASSES:
            self._check_properties(name, kind, resource.get("Properties"), place)
        elif kind in REFUSED_TYPES or not _is_known(kind):
            self._refuse_type(name, kind, place((*path, "Type")))
        elif kind.startswith(_SERVERLESS):
            told = f"{name}: {kind} is made by SAM's transform: the template needs Transform: {SAM}"
            self.judge.refuse(name, place((*path, "Type")), told)
        else:
            self.inert[name] = kind
            fired = NOT_FIRED.get(kind)
            note = Note(NoteKind.NOT_FIRED, here, name, f"{fired}, {kind}") if fired else None
            self.judge.notes.append(note or Note(NoteKind.WITHOUT_EFFECT, here, name, group=kind))

    def _check_members(self, name: str, resource: Mapping[str, JsonValue], place: Callable[[Path], Place]) -> None:
        for member in resource:
            if member not in _MEMBERS:
                told = f"{name}: {member} is no part of a resource{nearest(member, _MEMBERS)}"
                self.judge.problems.add(place(("Resources", name, member)), told)

    def _check_policies(self, name: str, resource: Mapping[str, JsonValue], place: Callable[[Path], Place]) -> None:
        for member, allowed in _POLICIES.items():
            policy = resource.get(member)
            if policy is not None and not is_function(policy) and policy not in allowed:
                told = f"{name}: {member} must be one of {', '.join(allowed)}{nearest(str(policy), allowed)}"
                self.judge.problems.add(place(("Resources", name, member)), told)

    def _refuse_type(self, name: str, kind: str, place: Place) -> None:
        if kind in REFUSED_TYPES:
            self.judge.refuse(name, place, f"{name}: {kind}: {REFUSED_TYPES[kind]}")
        else:
            self.judge.refuse(name, place, f"{name}: there is no resource type {kind}{_nearest_type(kind)}")

    def _check_properties(self, name: str, kind: str, properties: JsonValue, place: Callable[[Path], Place]) -> None:
        path: Path = ("Resources", name, "Properties")
        tree, classes = properties_of(kind), CLASSES[kind]
        assert tree is not None, "every type of CLASSES is in the data"
        found: list[tuple[Path, str]] = []
        check(dict(tree), _without_code_text(properties), path, lambda at, sentence: found.append((at, sentence)))
        given = _members(properties)
        found += [((*path, one), f"{name}: {one} cannot stand for properties here") for one in given if _stands(one)]
        refused = dict(classes.refused)
        found += [((*path, one), f"{name}.{one} {refused[one]}") for one in given if one in refused]
        for at, sentence in found:
            self.judge.refuse(name, place(at), sentence)
        if name in self.judge.gone:
            return
        self.kinds[name] = kind
        idle = [one for one, part in given.items() if one in classes.without_effect and part != _SAM_TAGS]
        if idle:
            here, subject = place((*path, idle[0])), f"{name}.{', '.join(idle)}"
            self.judge.notes.append(Note(NoteKind.WITHOUT_EFFECT, here, subject, group="properties"))


def _stands(name: str) -> bool:
    """True for a function where the name of a property has to be."""
    return name == "Ref" or name.startswith("Fn::")


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
