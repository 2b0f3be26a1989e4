"""CloudFormation and SAM templates, step by step: sections, parameters, transforms, classes, values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.classify import Classifier
from afterbay.declaration.document import Document
from afterbay.declaration.judge import Judge
from afterbay.declaration.parameters import read_parameters
from afterbay.declaration.place import Path, Place, nearest
from afterbay.declaration.properties import PropertyReader
from afterbay.declaration.resolve import Resolver
from afterbay.declaration.sam import Expanded, Refusal, expand
from afterbay.declaration.template import ACCOUNT, Template, Wanted
from afterbay.declaration.value import Value, text_of
from afterbay.errors import SettingsError

__all__ = ["read_cloudformation"]

_SECTIONS = frozenset(
    {
        *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions"),
        *("Transform", "Resources", "Outputs", "Hooks", "Globals"),
    }
)
_SAM = "AWS::Serverless-2016-10-31"
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
        if not isinstance(document.value.get("Resources"), dict):
            raise SettingsError("this is no template: it has no Resources", where=f"{document.file}:1")

    def _transforms(self) -> bool:
        """True for a SAM template; a macro is refused."""
        named = self.document.value.get("Transform") or []
        transforms = named if isinstance(named, list) else [named]
        for one in transforms:
            name = one.get("Name") if isinstance(one, dict) else one
            if name != _SAM and name not in _HARMLESS:
                what = "AWS::Include" if name == "AWS::Include" else f"the macro {name}"
                alike = nearest(str(name), [_SAM, *_HARMLESS])
                sentence = f"{what} is not carried out: macros run on AWS{alike}"
                self.judge.refuse(str(name), self.document.place(("Transform",)), sentence)
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
