"""CloudFormation and SAM templates, step by step: sections, parameters, transforms, classes, values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from afterbay.core.change.partition import partition_of
from afterbay.core.change.wire import JsonValue
from afterbay.declaration.classify import Classifier
from afterbay.declaration.document import Document
from afterbay.declaration.judge import Judge
from afterbay.declaration.parameters import read_parameters
from afterbay.declaration.place import Path, Place, nearest
from afterbay.declaration.properties import PropertyReader
from afterbay.declaration.references import check_references
from afterbay.declaration.resolve import Resolver, Undecided
from afterbay.declaration.sam import SAM, Expanded, Refusal, expand
from afterbay.declaration.template import ACCOUNT, Note, NoteKind, Template, Wanted
from afterbay.declaration.value import Value, text_of
from afterbay.errors import SettingsError

__all__ = ["read_cloudformation"]

_SECTIONS = frozenset(
    {
        *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions"),
        *("Transform", "Resources", "Outputs", "Hooks", "Globals"),
    }
)
_VERSION = "2010-09-09"
_OUTPUT = frozenset({"Condition", "Description", "Export", "Value"})
_HARMLESS = frozenset(
    {"AWS::LanguageExtensions", "AWS::LanguageExtensions-2022-07-01", "AWS::SecretsManager-2020-07-23"}
)


def read_cloudformation(document: Document, wanted: Wanted) -> Template:
    """Raises ``SettingsError`` with a line, file and number first, for each thing that is wrong."""
    return _Reader(document, wanted, Judge(wanted.skip_unknown)).read()


@dataclass(frozen=True, slots=True)
class _Reader:
    document: Document
    wanted: Wanted
    judge: Judge

    def read(self) -> Template:
        """The steps in order; each needs what the ones before decided."""
        self._check_sections()
        parameters = read_parameters(self.document, self.wanted.parameters)
        is_sam = self._transforms()
        classifier = Classifier(self.judge)
        classifier.before_transform(_members(self.document.value["Resources"]), self.document.place)
        self.judge.problems.raise_if_any()
        value: Mapping[str, JsonValue] = self.document.value
        code: Mapping[str, str] = {}
        place = self.document.place
        if is_sam:
            expanded = self._expanded(self._resolver(parameters, value, place), parameters)
            value, code, place = expanded.value, expanded.code, expanded.place
        resolver = self._resolver(parameters, value, place)
        raw = {name: one for name, one in _members(value["Resources"]).items() if name not in self.judge.gone}
        for name, resource in raw.items():
            classifier.classify(name, resource, place, resolver)
        self.judge.problems.raise_if_any()
        resolver.known, resolver.gone = [*classifier.kinds, *classifier.inert], self.judge.gone
        self._check_names(value, raw, place, resolver)
        reader = PropertyReader(
            self.judge, self.wanted, resolver, place, kinds=classifier.kinds, inert=classifier.inert, code=code
        )
        resources = [reader.resource(name, _members(raw[name])) for name in classifier.kinds]
        self.judge.problems.raise_if_any()
        kept = [one for one in resources if one is not None]
        return Template(file=self.document.file, wanted=self.wanted, resources=kept, notes=self.judge.sorted_notes())

    def _check_sections(self) -> None:
        document = self.document
        for section in document.value:
            if section not in _SECTIONS:
                told = f"{section} is no section of a template{nearest(section, _SECTIONS)}"
                raise SettingsError(told, where=str(document.place((section,))))
        for section in ("Conditions", "Globals", "Mappings", "Outputs"):
            if not isinstance(document.value.get(section), dict | None):
                raise SettingsError(f"{section} must be an object", where=str(document.place((section,))))
        version = document.value.get("AWSTemplateFormatVersion")
        if version is not None and version != _VERSION:
            told = f"AWSTemplateFormatVersion must be {_VERSION!r}"
            raise SettingsError(told, where=str(document.place(("AWSTemplateFormatVersion",))))
        for section in ("Rules", "Hooks"):
            if document.value.get(section):
                note = Note(NoteKind.WITHOUT_EFFECT, document.place((section,)), section, group="sections")
                self.judge.notes.append(note)
        if not isinstance(document.value.get("Resources"), dict):
            raise SettingsError("this is no template: it has no Resources", where=f"{document.file}:1")

    def _check_names(
        self,
        value: Mapping[str, JsonValue],
        resources: Mapping[str, JsonValue],
        place: Callable[[Path], Place],
        resolver: Resolver,
    ) -> None:
        """What stands where no value is read, and CloudFormation would refuse: names of nothing, wrong conditions.

        Not with ``skip_unknown``: what hung on a skipped resource may be named anywhere.
        """
        problems = self.judge.problems
        for name in _members(value.get("Conditions")):
            try:
                resolver.holds(name, ("Conditions", name))
            except Undecided:  # nothing hangs on it, or else that is refused
                pass
            except SettingsError as error:
                problems.take(error, place(("Conditions", name)))
        if self.judge.skip_unknown:
            return
        written = {*resources, *_members(self.document.value["Resources"])}
        for name, resource in resources.items():
            members, path = _members(resource), ("Resources", name)
            asked = members.get("DependsOn")
            for one in asked if isinstance(asked, list) else [] if asked is None else [asked]:
                at = place((*path, "DependsOn"))
                if not isinstance(one, str):
                    problems.add(at, f"{name}: DependsOn is a logical id, or a list of them")
                elif one not in written:
                    problems.add(at, f"{name}: DependsOn: there is no resource {one}{nearest(one, written)}")
            if name not in self.judge.gone:
                check_references(members.get("Properties"), (*path, "Properties"), resolver, problems)
        for name, output in _members(value.get("Outputs")).items():
            path = ("Outputs", name)
            for member in _members(output):
                if member not in _OUTPUT:
                    told = f"{name}: {member} is no member of an output{nearest(member, _OUTPUT)}"
                    problems.add(place((*path, member)), told)
            if not name.startswith("Fn::"):
                check_references(output, path, resolver, problems)

    def _transforms(self) -> bool:
        """True for a SAM template; a macro is refused."""
        named = self.document.value.get("Transform") or []
        transforms = named if isinstance(named, list) else [named]
        for one in transforms:
            name = one.get("Name") if isinstance(one, dict) else one
            if name != SAM and name not in _HARMLESS:
                what = "AWS::Include" if name == "AWS::Include" else f"the macro {name}"
                alike = nearest(str(name), [SAM, *_HARMLESS])
                sentence = f"{what} is not carried out: macros run on AWS{alike}"
                self.judge.refuse(str(name), self.document.place(("Transform",)), sentence)
        if SAM not in transforms and "Globals" in self.document.value:
            sentence = f"Globals are read by SAM's transform: the template needs Transform: {SAM}"
            self.judge.refuse("Globals", self.document.place(("Globals",)), sentence)
        return SAM in transforms

    def _resolver(
        self, parameters: Mapping[str, Value], value: Mapping[str, JsonValue], place: Callable[[Path], Place]
    ) -> Resolver:
        region, stack = self.wanted.region, self.wanted.stack
        partition = partition_of(region)
        pseudo: dict[str, Value] = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NotificationARNs": [],
            "AWS::Partition": partition.name,
            "AWS::Region": region,
            "AWS::StackId": f"arn:{partition.name}:cloudformation:{region}:{ACCOUNT}:stack/{stack}/local",
            "AWS::StackName": stack,
            "AWS::URLSuffix": partition.suffix,
        }
        return Resolver(
            parameters=parameters,
            pseudo=pseudo,
            mappings=value.get("Mappings"),
            conditions=value.get("Conditions"),
            exports=self.wanted.exports,
            place=place,
        )

    def _expanded(self, resolver: Resolver, parameters: Mapping[str, Value]) -> Expanded:
        """The template behind the SAM transform.

        What that refuses is left out where this was asked for, and the rest is transformed again.
        """
        texts = {
            name: text
            for name, one in parameters.items()
            if (text := ",".join(map(str, one)) if isinstance(one, list) else text_of(one)) is not None
        }

        def resolve(value: JsonValue, path: Path) -> str | None:
            try:
                return text_of(resolver.value(value, path))
            except SettingsError:  # it refers to a resource, or is wrong: the transform, or the next step, will tell
                return None

        while True:
            found = expand(self._remaining(), texts, self.wanted.region, resolve=resolve)
            if isinstance(found, Expanded):
                return found
            for refusal in found:
                self._refuse(refusal)
            self.judge.problems.raise_if_any()

    def _remaining(self) -> Document:
        resources = _members(self.document.value["Resources"])
        kept = {name: one for name, one in resources.items() if name not in self.judge.gone}
        return Document(self.document.file, {**self.document.value, "Resources": kept}, self.document.lines)

    def _refuse(self, refusal: Refusal) -> None:
        if refusal.owner and refusal.owner not in self.judge.gone:
            self.judge.refuse(refusal.owner, refusal.place, refusal.sentence)
        elif not refusal.owner:
            self.judge.problems.add(refusal.place, refusal.sentence)


def _members(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
