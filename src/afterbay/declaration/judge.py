"""What is noted, skipped or refused: shared by the readers of CloudFormation and of Terraform."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from afterbay.declaration.place import Place, Problems
from afterbay.declaration.resources import Declared, LocalCode, Resource, typed
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Unknown, Value, first_unknown, text_of, without_unknown

__all__ = ["Judge"]


@dataclass(slots=True)
class Judge:
    """Gathers notes and problems. ``gone`` has what will not exist, with the reason as a clause."""

    skip_unknown: bool
    notes: list[Note] = field(default_factory=list[Note])
    problems: Problems = field(default_factory=Problems)
    gone: dict[str, str] = field(default_factory=dict[str, str])

    def refuse(self, name: str, place: Place, sentence: str) -> None:
        """Refuse a resource, or go on without it where that was asked for."""
        if not self.skip_unknown:
            self.problems.add(place, f"{sentence}; --skip-unknown goes on without it")
        elif name not in self.gone:
            self.gone[name] = "is skipped"
            self.notes.append(Note(NoteKind.SKIPPED, place, name, sentence.removeprefix(f"{name}: ")))

    def resource(self, declared: Declared, local: LocalCode | None) -> Resource | None:
        """The typed resource, or None.

        An unknown source or function leaves a mapping out, anything else unknown of a mapping is refused; of other
        resources it is left out and told.
        """
        is_mapping = declared.kind == "AWS::Lambda::EventSourceMapping"
        kept: dict[str, Value] = {}
        for name, value in declared.properties.items():
            unknown = first_unknown(value)
            at = declared.place_of(name)
            if unknown is None:
                kept[name] = value
            elif is_mapping and name in ("EventSourceArn", "FunctionName"):
                self.notes.append(Note(_kind(unknown), at, declared.id, f"no mapping is made: {unknown.reason}"))
                self.gone[declared.id] = "is not made"
                return None
            elif is_mapping:
                self.refuse(declared.id, at, f"{declared.id}.{name} is not known: {unknown.reason}")
            else:
                part, left_out = without_unknown(value, f"{declared.id}.{name}")
                self.notes += [Note(_kind(unknown), at, one, f"left out: {why}") for one, why in left_out]
                if part is not None:
                    kept[name] = part
        if declared.id in self.gone:
            return None
        whole = replace(declared, properties=kept)
        self._note_schedule(whole)
        return typed(whole, local)

    def sorted_notes(self) -> list[Note]:
        return sorted(self.notes, key=lambda note: (list(NoteKind).index(note.kind), note.place))

    def _note_schedule(self, declared: Declared) -> None:
        schedule = declared.properties.get("ScheduleExpression")
        if schedule is not None:
            told = text_of(schedule) or "a schedule"
            self.notes.append(Note(NoteKind.NOT_FIRED, declared.place, declared.id, f"{told}, {declared.kind}"))


def _kind(unknown: Unknown) -> NoteKind:
    return NoteKind.LEFT_OUT if unknown.left_out else NoteKind.UNKNOWN
