"""PartiQL statements as the ordinary requests that they stand for (S70)."""

from __future__ import annotations

import pytest

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.partiql.items import ItemRequest, item_request
from afterbay.endpoint.partiql.selections import projected, select_requests
from afterbay.endpoint.partiql.statements import Exists, Insert, Select, Statement, Update, read_statement
from afterbay.endpoint.table_key import TableKey
from afterbay.errors import EndpointError

KEY = TableKey({"pk": "S", "sk": "N"})
ITEM = "WHERE pk='a' AND sk=1"


def read(text: str, *parameters: JsonValue) -> Statement:
    return read_statement({"Statement": text, "Parameters": list(parameters)})


def item(text: str, *parameters: JsonValue) -> ItemRequest:
    statement = read(text, *parameters)
    assert not isinstance(statement, Select)
    return item_request(statement, KEY)


def select(text: str, *parameters: JsonValue, one: bool = False) -> tuple[str, dict[str, JsonValue]]:
    (request,) = selects(text, *parameters, one=one)
    return request


def selects(text: str, *parameters: JsonValue, one: bool = False) -> tuple[tuple[str, dict[str, JsonValue]], ...]:
    statement = read(text, *parameters)
    assert isinstance(statement, Select)
    return select_requests(statement, KEY, one=one)


def resolved(members: dict[str, JsonValue], name: str) -> str:
    """An expression of a request, with names and values for their placeholders."""
    text = str(members[name])
    for kind in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        held = members.get(kind, {})
        assert isinstance(held, dict)
        for placeholder in sorted(held, key=len, reverse=True):
            text = text.replace(placeholder, str(held[placeholder]))
    return text


def test_an_insert_is_a_put_of_an_item_that_is_not_there() -> None:
    put = item(
        "insert into \"t\" value {'pk': ?, 'sk': -1.50, 'l': [1e2, {}, null, TRUE], 's': <<'a', 'it''s'>>}", {"S": "a"}
    )
    assert put.operation == "PutItem" and put.key == {"pk": {"S": "a"}, "sk": {"N": "-1.50"}}
    assert put.members["Item"] == {
        "pk": {"S": "a"},
        "sk": {"N": "-1.50"},
        "l": {"L": [{"N": "1e2"}, {"M": {}}, {"NULL": True}, {"BOOL": True}]},
        "s": {"SS": ["a", "it's"]},
    }
    assert resolved(put.members, "ConditionExpression") == "attribute_not_exists(pk)"


@pytest.mark.parametrize(
    ("changes", "expression"),
    [
        ("SET n = 1, m.x[2] = n REMOVE a, b.c", "SET n = {'N': '1'}, m.x[2] = n REMOVE a, b.c"),
        ("SET n = n -1 SET o = 2 + n", "SET n = n - {'N': '1'}, o = {'N': '2'} + n"),
        ("SET l = LIST_APPEND(l, [1])", "SET l = list_append(l, {'L': [{'N': '1'}]})"),
        ("SET s = set_add(s, <<1>>)", "ADD s {'NS': ['1']}"),
        ("SET s = set_delete(s, <<'a'>>) SET \"x.y\"=null", "DELETE s {'SS': ['a']} SET x.y = {'NULL': True}"),
    ],
)
def test_an_update_is_an_update_of_an_item_that_is_there(changes: str, expression: str) -> None:
    update = item(f"UPDATE t {changes} {ITEM}")
    assert (update.operation, update.key) == ("UpdateItem", {"pk": {"S": "a"}, "sk": {"N": "1"}})
    assert resolved(update.members, "UpdateExpression") == expression
    assert resolved(update.members, "ConditionExpression") == "attribute_exists(pk)"


@pytest.mark.parametrize(
    ("returning", "told"),
    [("ALL OLD", "ALL_OLD"), ("ALL NEW", "ALL_NEW"), ("MODIFIED OLD", "UPDATED_OLD"), ("MODIFIED NEW", "UPDATED_NEW")],
)
def test_what_an_update_returns_is_read(returning: str, told: str) -> None:
    assert item(f"UPDATE t SET n=1 {ITEM} RETURNING {returning} *").returning == told


def test_a_deletion_of_an_item_that_is_not_there_meets_every_condition() -> None:
    assert "ConditionExpression" not in item(f"DELETE FROM t {ITEM}").members
    members = item(f"DELETE FROM t {ITEM} AND (n = 2 OR n = 3)").members
    assert resolved(members, "ConditionExpression").startswith("attribute_not_exists(pk) OR (")


def test_exists_is_a_condition_on_an_item() -> None:
    statement = read(f"EXISTS(SELECT * FROM t {ITEM} AND awards IS MISSING)")
    assert isinstance(statement, Exists)
    check = item_request(statement, KEY)
    assert check.operation == "ConditionCheck"
    assert resolved(check.members, "ConditionExpression") == "attribute_exists(pk) AND attribute_not_exists(awards)"


TYPED = "attribute_type({0}, {{'S': '{1}'}})"


@pytest.mark.parametrize(
    ("where", "expression"),
    [
        ("n = 1", f"({TYPED.format('n', 'N')} AND n = {{'N': '1'}})"),
        ("1 < n", f"({TYPED.format('n', 'N')} AND n > {{'N': '1'}})"),
        ("n <> 'a'", f"(NOT ({TYPED.format('n', 'S')} AND n = {{'S': 'a'}}))"),
        ("n = null", TYPED.format("n", "NULL")),
        ("n is not null", f"(NOT {TYPED.format('n', 'NULL')})"),
        ("n = o", "(attribute_exists(n) AND n = o)"),
        ("not (n IS MISSING)", "(NOT attribute_not_exists(n))"),
        ("begins_with(\"n\".o, 'a')", "begins_with(n.o, {'S': 'a'})"),
        ("CONTAINS(l[0], o)", "contains(l[0], o)"),
        (
            "n IN [1, 'a']",
            f"(({TYPED.format('n', 'N')} AND n = {{'N': '1'}}) OR ({TYPED.format('n', 'S')} AND n = {{'S': 'a'}}))",
        ),
    ],
)
def test_a_comparison_asks_for_the_type_first(where: str, expression: str) -> None:
    """moto takes an absent attribute for a null and true for 1, and fails for the order of a text and a number."""
    operation, members = select(f"SELECT * FROM t WHERE {where}")
    assert operation == "Scan" and resolved(members, "FilterExpression") == expression


@pytest.mark.parametrize(
    ("where", "keyed", "rest"),
    [
        ("pk='a'", "pk = {'S': 'a'}", None),
        ("sk > 1 AND pk='a'", "pk = {'S': 'a'} AND sk > {'N': '1'}", None),
        ("pk='a' AND sk BETWEEN 1 AND 2", "pk = {'S': 'a'} AND sk BETWEEN {'N': '1'} AND {'N': '2'}", None),
        ("(pk='a' AND v IS MISSING) AND sk=1", "pk = {'S': 'a'} AND sk = {'N': '1'}", "attribute_not_exists(v)"),
        ("pk='a' AND NOT v IS MISSING", "pk = {'S': 'a'}", "(NOT attribute_not_exists(v))"),
    ],
)
def test_a_select_with_a_partition_key_is_a_query(where: str, keyed: str, rest: str | None) -> None:
    operation, members = select(f"SELECT * FROM t WHERE {where}")
    assert (operation, resolved(members, "KeyConditionExpression")) == ("Query", keyed)
    assert (resolved(members, "FilterExpression") if "FilterExpression" in members else None) == rest


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("pk IN ['b', 'a', 'b']", ["a", "b"]),
        ("sk > 1 AND pk IN ('é', 'z', ?) AND v = 1", ["Z", "z", "é"]),
        ("pk IN ['b', 'a'] ORDER BY pk DESC, sk", ["b", "a"]),
        ("pk IN ['a'] ORDER BY sk", ["a"]),
        ("pk = 'b' OR (pk = 'a' OR pk IN ['c'])", ["a", "b", "c"]),
    ],
)
def test_a_select_of_several_partition_keys_is_a_query_of_each(text: str, keys: list[str]) -> None:
    found = selects(f"SELECT * FROM t WHERE {text}", *([{"S": "Z"}] if "?" in text else []))
    assert {operation for operation, _ in found} == {"Query"}
    told = [resolved(members, "KeyConditionExpression") for _, members in found]
    sort = " AND sk > {'N': '1'}" if "sk >" in text else ""
    assert told == [f"pk = {{'S': '{one}'}}{sort}" for one in keys]
    assert all(("FilterExpression" in members) == ("v =" in text) for _, members in found)


@pytest.mark.parametrize(
    "where",
    ["pk IN ['a', v]", "NOT pk IN ['a']", "pk IN ['a'] OR v = 1", "pk='a' OR pk='b' AND v=1", "m.pk IN ['a', 'b']"],
)
def test_a_select_that_does_not_name_its_partition_keys_alone_is_a_scan(where: str) -> None:
    assert select(f"SELECT * FROM t WHERE {where}")[0] == "Scan"


@pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [("N", ["10", "2.0", "2", "-1"], ["-1", "2", "10"]), ("B", ["gA==", "AQ=="], ["AQ==", "gA=="])],
)
def test_numbers_and_bytes_are_told_by_what_they_are(kind: str, given: list[str], wanted: list[str]) -> None:
    text = f"SELECT * FROM t WHERE pk IN [{', '.join('?' * len(given))}]"
    statement = read(text, *({kind: one} for one in given))
    assert isinstance(statement, Select)
    found = select_requests(statement, TableKey({"pk": kind}), one=False)
    told = [resolved(members, "KeyConditionExpression") for _, members in found]
    assert told == [f"pk = {{'{kind}': '{one}'}}" for one in wanted]


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("WHERE pk IN ['a', 1]", "Condition parameter type does not match schema type"),
        (f"WHERE pk IN [{', '.join(['1'] * 51)}]", "too many operands; number of operands: 51"),
        ("ORDER BY pk", "Must have WHERE clause"),
        ("WHERE n = 1 ORDER BY sk", "Must have at least one non-optional hash key condition"),
        ("WHERE pk = 'a' ORDER BY n", "Variable reference n in ORDER BY clause must be part of the primary key"),
        ("WHERE pk IN ['a', 'b'] ORDER BY sk", "Must have hash key in ORDER BY clause"),
    ],
)
def test_keys_and_orders_that_cannot_be_read_are_refused(rest: str, told: str) -> None:
    with pytest.raises(EndpointError, match=told) as refused:
        selects(f"SELECT * FROM t {rest}")
    assert refused.value.code == "ValidationException"


def test_an_order_is_that_of_the_sort_key() -> None:
    assert "ScanIndexForward" not in select("SELECT * FROM t WHERE pk='a' ORDER BY sk ASC")[1]
    assert select("SELECT * FROM t WHERE pk='a' ORDER BY pk, sk DESC")[1]["ScanIndexForward"] is False


def test_what_is_selected_has_the_name_that_its_path_ends_with() -> None:
    statement = read('SELECT pk, m.l[1].x, "no.path", m.none FROM t."by-x"')
    assert isinstance(statement, Select) and statement.index == "by-x"
    found: JsonValue = {"pk": {"S": "a"}, "m": {"M": {"l": {"L": [{"N": "1"}, {"M": {"x": {"N": "2"}}}]}}}}
    assert projected(found, statement.paths) == {"pk": {"S": "a"}, "x": {"N": "2"}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DROP TABLE t",
        "SELECT * FROM t garbage",
        "SELECT * FROM t WHERE",
        "SELECT * FROM t WHERE pk = ?",
        "SELECT * FROM t WHERE n LIKE 'a'",
        "SELECT * FROM t WHERE " + "(" * 99 + "n=1" + ")" * 99,
        "SELECT * FROM t WHERE " + " OR ".join(f"n={one}" for one in range(301)),
        "SELECT * FROM t WHERE n IN [" + ", ".join(map(str, range(101))) + "]",
        "SELECT * FROM t WHERE n = '" + "a" * 8192 + "'",
        "INSERT INTO t VALUE {'pk': 'a', 'sk': 1, '': 1}",
        "INSERT INTO t VALUE {'pk': 'a', 'sk': 1, 's': <<'a', 1>>}",
        "INSERT INTO t VALUE {'pk' 'a'}",
        "INSERT INTO t VALUE 'a'",
        "INSERT INTO t.i VALUE {'pk': 'a', 'sk': 1}",
        f"UPDATE t {ITEM}",
        f"UPDATE t SET n=1 {ITEM} RETURNING SOME *",
        f"DELETE FROM t {ITEM} RETURNING ALL NEW *",
    ],
)
def test_a_statement_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EndpointError) as refused:
        read(text)
    assert refused.value.code == "ValidationException"


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE t SET n=1 WHERE pk='a'",
        "UPDATE t SET n=1 WHERE pk='a' AND sk IN [1]",
        "DELETE FROM t WHERE pk='a' OR sk=1",
        f"UPDATE t SET m.x=1 SET m=2 {ITEM}",
        f"UPDATE t SET n=1 {ITEM} AND v < true",
    ],
)
def test_a_statement_that_names_no_item_or_no_change_is_refused(text: str) -> None:
    with pytest.raises(EndpointError) as refused:
        item(text)
    assert refused.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("INSERT INTO t VALUE {'pk': 'a'}", "Missing the key sk in the item"),
        ("INSERT INTO t VALUE {'pk': 'a', 'sk': '1'}", "Type mismatch for key sk expected: N actual: S"),
        ("UPDATE t SET n=1 WHERE pk='a' AND sk='1'", "The provided key element does not match the schema"),
        ("DELETE FROM t WHERE pk=true AND sk=1", "The provided key element does not match the schema"),
        (f"DELETE FROM t {ITEM}", None),
    ],
)
def test_a_key_that_is_none_of_its_table_is_told_for_who_carries_it_out(text: str, fault: str | None) -> None:
    """A transaction is cancelled for it, another request refused."""
    told = item(text).fault
    assert told is None if fault is None else str(told).endswith(fault)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT COUNT(*) FROM t",
        "SELECT l[0] FROM t",
        "SELECT * FROM t WHERE attribute_exists(pk)",
        "SELECT * FROM t WHERE n IS STRING",
        "SELECT * FROM t WHERE size(a) = size(b)",
        "SELECT * FROM t WHERE 1 = 1",
    ],
)
def test_what_is_not_supported_is_named(text: str) -> None:
    with pytest.raises(EndpointError, match="does not support"):
        select(text)


@pytest.mark.parametrize("change", ["s = set_add(o, <<1>>)", "n = if_not_exists(n, 1)"])
def test_a_change_that_is_not_supported_is_named(change: str) -> None:
    with pytest.raises(EndpointError, match="does not support"):
        item(f"UPDATE t SET {change} {ITEM}")


@pytest.mark.parametrize("where", ["attribute_type(n, 'X')", "n < true", "pk = 1", "pk = 'a' AND sk > 'a'"])
def test_a_condition_on_a_type_that_cannot_be_is_refused(where: str) -> None:
    with pytest.raises(EndpointError) as refused:
        select(f"SELECT * FROM t WHERE {where}")
    assert refused.value.code == "ValidationException"


def test_binary_has_no_order_here() -> None:
    """moto keeps it as base64 text."""
    with pytest.raises(EndpointError, match="does not support"):
        select("SELECT * FROM t WHERE b > ?", {"B": "YQ=="})


def test_statements_of_batches_name_the_whole_key() -> None:
    assert select(f"SELECT * FROM t {ITEM}", one=True)[0] == "Query"
    for text in ("SELECT * FROM t WHERE pk='a'", 'SELECT * FROM "t"."by-x" WHERE pk=\'a\' AND sk=1'):
        with pytest.raises(EndpointError):
            select(text, one=True)


def test_parameters_are_taken_in_the_order_of_the_text() -> None:
    statement = read("UPDATE t SET n=? WHERE pk=? AND sk=?", {"N": "1"}, {"S": "a"}, {"N": "2"})
    assert isinstance(statement, Update) and statement.changes[0].to == {"N": "1"}
    assert item_request(statement, KEY).key == {"pk": {"S": "a"}, "sk": {"N": "2"}}
    with pytest.raises(EndpointError, match="Number of parameters"):
        read("UPDATE t SET n=? WHERE pk='a'", {"N": "1"}, {"N": "2"})


def test_a_whole_item_may_be_a_parameter() -> None:
    assert read("INSERT INTO t VALUE ?", {"M": {"pk": {"S": "a"}}}) == Insert("t", {"pk": {"S": "a"}})
