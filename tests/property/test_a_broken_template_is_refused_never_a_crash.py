"""Whatever stands in a template, reading it ends in a template or in a refusal that names the file."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.declaration.document import read_document
from afterbay.declaration.read import read_template
from afterbay.declaration.template import Wanted
from afterbay.errors import SettingsError

FOLDER = Path(__file__).parents[1] / "data/templates"
FILES = [
    FOLDER / "cdk/TableAndMappings/TableAndMappings.template.json",
    FOLDER / "cdk/OtherSources/OtherSources.template.json",
    FOLDER / "cdk/PipeAndRules/PipeAndRules.template.json",
    FOLDER / "terraform-orders/plan.json",
    FOLDER / "sam-orders/template.yaml",
    FOLDER / "sam-node/template.yaml",
]
DOCUMENTS = [read_document(file.read_text(), file.name).value for file in FILES]
ODD = st.sampled_from(
    [
        None,
        True,
        0,
        -1.5,
        "",
        "x",
        "${X}",
        "${Stage",
        [],
        [None],
        {},
        {"Ref": "X"},
        {"Ref": ["X"]},
        {"Fn::If": ["IsProd", {"Ref": "AWS::NoValue"}, 1]},
        {"Fn::GetAtt": "X"},
        {"Fn::Sub": [1, 2]},
        {"Fn::Join": ["", [{"Ref": "AWS::Region"}, {}]]},
        {"Fn::Select": [9, {"Ref": "AWS::NotificationARNs"}]},
        {"references": ["var.x", "module.y.z", "each.key"]},
        {"a": {"b": None}},
    ]
)


def places(value: object, path: tuple = ()) -> list[tuple]:
    found = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in pairs:
        found += places(one, (*path, name))
    return found


PLACES = [places(document) for document in DOCUMENTS]


@settings(max_examples=100)
@given(st.data(), st.booleans())
def test_a_broken_template_is_refused_never_a_crash(data, skip_unknown):
    number = data.draw(st.integers(0, len(FILES) - 1), label="file")
    document = copy.deepcopy(DOCUMENTS[number])
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        path = data.draw(st.sampled_from(PLACES[number]), label="place")
        owner = document
        try:
            for name in path[:-1]:
                owner = owner[name]
            owner[path[-1]] = copy.deepcopy(data.draw(ODD, label="value"))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    wanted = Wanted(region="eu-west-1", stack="shop", skip_unknown=skip_unknown)
    try:
        read_template(read_document(json.dumps(document), "t.json"), wanted)
    except SettingsError as error:
        assert "t.json" in str(error)
