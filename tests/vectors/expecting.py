"""Does an outcome meet a vector's ``expect``? The forms are those of ``pipes/README.md``.

An outcome is ``("text", payload)``, ``("value", parameter)`` or ``("error", kind)``. A form that is not known fails.
"""

from __future__ import annotations

import json
import re

KINDS_OF_TEXT = {
    "<any>": r".*",
    "<uuid>": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "<epoch-seconds>": r"\d+(\.\d+)?",
}

Outcome = tuple[str, object]


def same(got: object, wanted: object) -> bool:
    """Equal as JSON: 3 and 3.0 differ, and so do true and 1."""
    if isinstance(wanted, str) and wanted in KINDS_OF_TEXT:
        shown = got if isinstance(got, str) else json.dumps(got)
        return re.fullmatch(KINDS_OF_TEXT[wanted], shown, re.DOTALL) is not None
    if type(got) is not type(wanted):
        return False
    if isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(same(got[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    return got == wanted


def is_json(text: object, wanted: object) -> bool:
    try:
        return isinstance(text, str) and same(json.loads(text), wanted)
    except ValueError:
        return False


FORMS = {
    "json": lambda outcome, wanted: outcome[0] == "text" and is_json(outcome[1], wanted),
    "text": lambda outcome, wanted: outcome == ("text", wanted),
    "text_regex": lambda outcome, wanted: outcome[0] == "text" and bool(re.fullmatch(wanted, outcome[1])),
    "value": lambda outcome, wanted: outcome[0] == "value" and same(outcome[1], wanted),
    "error": lambda outcome, wanted: outcome == ("error", wanted),
    "delivered": lambda outcome, wanted: (outcome[0] != "error") is wanted,
    "any_of": lambda outcome, wanted: any(meets(outcome, one) for one in wanted),
}


def meets(outcome: Outcome, expect: dict[str, object]) -> bool:
    """All forms of ``expect`` hold, or what it would accept too."""
    forms = dict(expect)
    also = forms.pop("also_accept", None)
    assert forms and forms.keys() <= FORMS.keys(), f"forms that no test knows: {sorted(forms)}"
    if also is not None and meets(outcome, also):
        return True
    return all(FORMS[form](outcome, wanted) for form, wanted in forms.items())


def preferred(outcome: Outcome, expect: dict[str, object]) -> bool:
    """The first of several alternatives holds: what the specification follows where public sources disagree."""
    alternatives = expect.get("any_of", [expect])
    return meets(outcome, alternatives[0])
