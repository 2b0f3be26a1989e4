"""What is a path, and what it finds (X36, X39)."""

from __future__ import annotations

import pytest

from afterbay.core.template.errors import TemplateError
from afterbay.core.template.path import MISSING, Path, is_path

EVENT = {
    "id": "o-1",
    "zero": 0,
    "no": False,
    "nil": None,
    "empty": "",
    "tags": ["a", "b"],
    "none": [],
    "items": [{"sku": "S1", "n": 1}, {"sku": "S2"}, {"n": None}, 7],
    "nested": [[1, 2], [3], 4, []],
    "a/b": "slash",
    "a-b": "dash",
    "a_b": "underscore",
    "9lives": "cat",
    "-": "dash alone",
    "Status": "UP",
    "a.b": "a dot",
    "a": {"b": {"c": {"d": [{"e": 1}]}}},
    "deep": {"list": [{"in": [{"x": 1}, {"x": 2}]}, {"in": []}, {"in": [{"x": 3}]}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", EVENT),
        ("$.id", "o-1"),
        ("$.zero", 0),
        ("$.no", False),
        ("$.nil", None),
        ("$.empty", ""),
        ("$.tags[0]", "a"),
        ("$.tags[01]", "b"),
        ("$.items[1].sku", "S2"),
        ("$.nested[0][1]", 2),
        ("$.a/b", "slash"),
        ("$.a-b", "dash"),
        ("$.a_b", "underscore"),
        ("$.9lives", "cat"),
        ("$.-", "dash alone"),
        ("$.a.b.c.d[0].e", 1),
    ],
)
def test_a_path_finds_the_value(path, found):
    assert Path(path).find(EVENT) is found or Path(path).find(EVENT) == found


@pytest.mark.parametrize(
    "path",
    [
        "$.nope",
        "$.no.such.path",
        "$.status",  # case counts
        "$.id.x",
        "$.id[0]",  # a text is no array
        "$.zero.x",
        "$.nil.x",
        "$.nil[0]",
        "$.tags.a",
        "$.tags[2]",
        "$.tags[99999999999999999999]",
        "$.tags[" + "9" * 5000 + "]",
        "$.none[0]",
        "$.a[0]",  # an object is no array
        "$.a.b[0].c",
        "$.id[*]",
        "$.nope[*]",
        "$.a[*]",
        "$.nope[*].x",
    ],
)
def test_where_nothing_is_a_path_finds_nothing(path):
    assert Path(path).find(EVENT) is MISSING


@pytest.mark.parametrize("value", ["text", 3, None, True, 1.5, [], [{"x": 1}]])
def test_a_name_looks_into_nothing_but_objects(value):
    assert Path("$.x").find(value) is MISSING
    assert Path("$").find(value) == value


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.tags[*]", ["a", "b"]),
        ("$.none[*]", []),
        ("$.items[*].sku", ["S1", "S2"]),
        ("$.items[*].n", [1, None]),
        ("$.items[*].nope", []),
        ("$.nested[*]", [[1, 2], [3], 4, []]),
        ("$.nested[*][*]", [1, 2, 3]),
        ("$.nested[*][0]", [1, 3]),
        ("$.nested[0][*]", [1, 2]),
        ("$.deep.list[*].in[*].x", [1, 2, 3]),
        ("$.deep.list[2].in[*].x", [3]),
    ],
)
def test_every_element_gives_the_flat_list_of_matches(path, found):
    assert Path(path).find(EVENT) == found


@pytest.mark.parametrize(
    "path",
    [
        "",
        "id",
        ".id",
        "$id",
        "$.",
        "$..id",
        "$.id.",
        "$.a..b",
        "$[0]",
        "$.[0]",
        "$['id']",
        '$["id"]',
        "$.a['b']",
        "$.tags[-1]",
        "$.tags[0:1]",
        "$.tags[0,1]",
        "$.tags[]",
        "$.tags[a]",
        "$.tags[0",
        "$.tags0]",
        "$.tags[ 0 ]",
        "$.*",
        "$.items[?(@.n==1)]",
        "$.items.length()",
        "$.a b",
        "$.a ",
        " $.a",
        "$.a\n",
        "$.naïve",
        "$.tags[\u0661]",  # an Arabic digit
        "@.id",
        "$.id$",
        "$$.id",
    ],
)
def test_what_is_outside_the_grammar_is_refused(path):
    assert not is_path(path)
    with pytest.raises(TemplateError) as refused:
        Path(path)
    assert refused.value.code == "InvalidPath"


def test_a_very_long_path_costs_no_stack():
    assert Path("$" + ".a[*]" * 5000).find({"a": [{"a": []}]}) == []
    assert Path("$" + ".a" * 5000).find({"a": {"a": 1}}) is MISSING


def test_a_path_tells_its_first_name():
    assert (Path("$.body[0].x").first, Path("$").first) == ("body", None)
    assert repr(Path("$.a")) == "Path('$.a')"
