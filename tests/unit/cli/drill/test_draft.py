"""Items that get through a mapping's filters, by the filters themselves."""

from __future__ import annotations

import json

import pytest

from afterbay.cli.drill.attributes import attributes_in, attributes_of
from afterbay.cli.drill.draft import GROUP, MARK, Needs, draft_for
from afterbay.core.change.value import canonical
from afterbay.core.change.view import ChangeKind, ViewType

KEYS = Needs({"pk": "S"})
NESTED = {"M": {"a": {"S": "x"}, "b": {"M": {"c": {"N": "7"}}}}}


def draft(needs: Needs = KEYS, *filters: object):
    return draft_for([json.dumps(one) for one in filters], needs)


def new(**images: object) -> dict:
    return {"dynamodb": {"NewImage": images}}


def test_without_filters_any_item_will_do_and_versions_differ():
    found = draft()
    assert found.kind is ChangeKind.INSERT
    assert found.item(1, 1) != found.item(1, 2) and found.item(1)[MARK] == {"S": "drill-1"}
    assert found.lets(ChangeKind.MODIFY, version=2, before=1) and found.lets(ChangeKind.REMOVE)


@pytest.mark.parametrize(
    ("asked", "name", "value"),
    [
        ({"status": {"S": ["SHIPPED", "PAID"]}}, "status", {"S": "SHIPPED"}),
        ({"status": {"S": [{"anything-but": ["DRAFT"]}]}}, "status", {"S": "drill"}),
        ({"status": {"S": [{"anything-but": ["drill"]}]}}, "status", {"S": "drill-1"}),
        ({"status": {"S": [{"prefix": "SH"}]}}, "status", {"S": "SHdrill"}),
        ({"status": {"S": [{"suffix": "ED"}]}}, "status", {"S": "drillED"}),
        ({"status": {"S": [{"wildcard": "a*b*c"}]}}, "status", {"S": "adrillbdrillc"}),
        ({"total": {"N": [{"exists": True}]}}, "total", {"N": "1"}),
        ({"open": {"BOOL": [False]}}, "open", {"BOOL": False}),
        ({"tags": {"SS": ["x"]}}, "tags", {"SS": ["x"]}),
        ({"m": {"M": {"a": {"S": ["x"]}, "b": {"M": {"c": {"N": ["7"]}}}}}}, "m", NESTED),
    ],
)
def test_what_a_filter_asks_of_an_attribute_is_given(asked, name, value):
    found = draft(KEYS, new(**asked))
    assert found.item(1)[name] == value and found.item(1, 2)[name] == value


def test_what_must_not_be_there_is_left_out():
    found = draft(Needs({"pk": "S"}, {"gone": "S", "total": "N"}), new(gone={"S": [{"exists": False}]}))
    assert "gone" not in found.item(1) and found.item(1, 2)["total"] == {"N": "2"}


def test_a_change_is_made_as_the_filter_wants_it():
    shipped = {
        "eventName": ["MODIFY"],
        "dynamodb": {"OldImage": {"status": {"S": ["OPEN"]}}, "NewImage": {"status": {"S": ["SHIPPED"]}}},
    }
    found = draft(KEYS, shipped)
    assert found.kind is ChangeKind.MODIFY
    assert (found.earlier(1)["status"], found.item(1)["status"]) == ({"S": "OPEN"}, {"S": "SHIPPED"})
    assert not found.lets(ChangeKind.MODIFY, version=2, before=1), "a shipped order is not shipped again"
    removed = draft(KEYS, {"eventName": ["REMOVE"], "dynamodb": {"OldImage": {"status": {"S": ["OPEN"]}}}})
    assert removed.kind is ChangeKind.REMOVE and removed.item(1)["status"] == {"S": "OPEN"}


def test_one_of_several_filters_is_enough():
    found = draft(KEYS, {"userIdentity": {"type": ["Service"]}}, new(status={"S": ["x"]}))
    assert found.item(1)["status"] == {"S": "x"}


def test_what_no_item_can_be_is_told():
    assert draft(KEYS, {"userIdentity": {"type": ["Service"]}}) is None
    assert draft(KEYS, {"dynamodb": {"Keys": {"pk": {"S": ["the one"]}}}}) is None
    assert draft(KEYS, new(list={"L": [{"exists": True}]})) is None, "an empty list is no leaf: a person must give one"


def test_keys_differ_and_keep_what_the_filter_asks_of_them():
    found = draft(KEYS, {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "ORDER#"}]}}}})
    keys = {canonical(found.key(number)) for number in range(50)}
    assert len(keys) == 50 and all(b'"ORDER#' in key for key in keys)
    typed = draft(Needs({"n": "N", "b": "B"}))
    assert {next(iter(value)) for value in typed.key(1).values()} == {"N", "B"}


def test_items_of_one_thousand_share_a_partition():
    found = draft(Needs({"pk": "S", "sk": "N"}))
    first, second, third = (found.key(number) for number in (GROUP, GROUP + 1, 2 * GROUP))
    assert first["pk"] == second["pk"] != third["pk"] and first["sk"] != second["sk"]


def test_a_persons_own_item_is_used_with_keys_of_the_drill():
    given = {"status": {"S": "PAID"}, "total": {"N": "5"}, "tags": {"SS": ["a"]}, "pk": {"S": "theirs"}}
    found = draft(Needs({"pk": "S"}, given=given), new(status={"S": ["PAID"]}))
    one, two = found.item(1), found.item(1, 2)
    assert one["pk"] != {"S": "theirs"} and one["total"] == {"N": "5"} and two["total"] == {"N": "6"}
    assert one["status"] == two["status"] == {"S": "PAID"} and MARK not in one


def test_a_view_without_images_is_filtered_without_them():
    found = draft(Needs({"pk": "S"}, view=ViewType.KEYS_ONLY))
    assert found.kind is ChangeKind.INSERT
    assert draft(Needs({"pk": "S"}, view=ViewType.KEYS_ONLY), new(status={"S": ["x"]})) is None


def test_attributes_are_read_off_a_source():
    python = """
        image["total"]["N"]; change['NewImage']["status"]['S']; x.get("tags", {}).get("SS"); record["Keys"]["pk"]["S"]
        event["state"]["orders"]; headers["a"]["Sx"]
    """
    assert attributes_in(python) == {"total": "N", "status": "S", "tags": "SS", "pk": "S"}
    node = "const t = image.total.N, s = record.dynamodb.NewImage?.status?.S; Math.N(1); a.list.L.map(x)"
    assert attributes_in(node) == {"total": "N", "status": "S", "list": "L"}


def test_sources_of_a_folder_are_read_and_no_libraries(tmp_path):
    (tmp_path / "app.py").write_text('image["a"]["S"]')
    (tmp_path / "data.json").write_text('image["b"]["S"]')
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "lib.js").write_text("image.c.S")
    assert attributes_of(tmp_path) == {"a": "S"}
    assert attributes_of(tmp_path / "app.py") == {"a": "S"}
