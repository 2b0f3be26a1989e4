"""PartiQL through the address: statements alone, in batches, in transactions, and their records (S70, S71)."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

KEY = {"pk": {"S": "a"}}


@pytest.fixture
def table(address) -> str:
    return address.table()


@pytest.fixture
def dynamodb(address):
    return address.client("dynamodb")


def told(address, table: str) -> list[tuple[str, dict | None, dict | None]]:
    """Of each record its name and images."""
    records = address.records(address.stream(table))
    return [(r["eventName"], *(r["dynamodb"].get(name) for name in ("OldImage", "NewImage"))) for r in records]


def statement(text: str, *parameters: dict, **more) -> dict:
    return {"Statement": text, **({"Parameters": list(parameters)} if parameters else {}), **more}


def insert(table: str, key: str, n: int = 1, **more) -> dict:
    return statement(f"INSERT INTO \"{table}\" VALUE {{'pk': ?, 'n': ?}}", {"S": key}, {"N": str(n)}, **more)


CALLS = {
    "alone": lambda dynamodb, one: dynamodb.execute_statement(**one),
    "in a batch": lambda dynamodb, one: dynamodb.batch_execute_statement(Statements=[one]),
    "in a transaction": lambda dynamodb, one: dynamodb.execute_transaction(TransactStatements=[one]),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_statement_makes_the_record_of_the_same_plain_change(address, dynamodb, table, call):
    """S62, S70, S71: and none for a change that changes nothing."""
    m = {"M": {"x": {"L": [{"N": "1"}, {"S": "it's"}]}}}
    steps = [
        ("INSERT INTO {} VALUE {{'pk': 'a', 'n': 7.0, 'm': ?, 's': <<'x'>>}}", [m], "put_item", None),
        ("UPDATE {} SET n = 7 WHERE pk='a'", [], "update_item", "SET n = :n"),
        ("UPDATE {} SET n = n + ? WHERE pk='a' AND n < 8", [{"N": "0.5"}], "update_item", "SET n = n + :h"),
        (
            "UPDATE {} SET m.x[1] = ? REMOVE m.x[0] WHERE pk=?",
            [{"BOOL": True}, KEY["pk"]],
            "update_item",
            "SET m.x[1] = :b REMOVE m.x[0]",
        ),
        ("UPDATE {} SET s = set_add(s, <<'x', 'y'>>) WHERE pk='a'", [], "update_item", "ADD s :s"),
        ("UPDATE {} SET s = set_delete(s, <<'q'>>) WHERE pk='a'", [], "update_item", "DELETE s :q"),
        ("UPDATE {} REMOVE nope WHERE pk='a'", [], "update_item", "REMOVE nope"),
        ("DELETE FROM {} WHERE pk='a' AND n IS NOT MISSING", [], "delete_item", None),
        ("DELETE FROM {} WHERE pk='a'", [], "delete_item", None),
    ]
    values = {
        ":n": {"N": "7"},
        ":h": {"N": "0.5"},
        ":b": {"BOOL": True},
        ":s": {"SS": ["x", "y"]},
        ":q": {"SS": ["q"]},
    }
    item = {**KEY, "n": {"N": "7"}, "m": m, "s": {"SS": ["x"]}}
    plain = address.table()
    for text, parameters, operation, expression in steps:
        CALLS[call](dynamodb, statement(text.format(f'"{table}"'), *parameters))
        more = {"Key": KEY} if operation != "put_item" else {"Item": item}
        if expression is not None:
            used = {name: value for name, value in values.items() if name in expression}
            more |= {"UpdateExpression": expression} | ({"ExpressionAttributeValues": used} if used else {})
        getattr(dynamodb, operation)(TableName=plain, **more)
    assert told(address, table) == told(address, plain)
    assert [name for name, *_ in told(address, table)] == ["INSERT", "MODIFY", "MODIFY", "MODIFY", "REMOVE"]


def test_a_batch_answers_each_statement_and_does_what_it_can(address, dynamodb, table):
    dynamodb.put_item(TableName=table, Item={**KEY, "n": {"N": "1"}})
    old = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    answers = dynamodb.batch_execute_statement(
        Statements=[
            insert(table, "b"),
            insert(table, "a"),
            statement(f"UPDATE \"{table}\" SET n = ? WHERE pk='a' AND n = 9", {"N": "2"}, **old),
            statement(f"UPDATE \"{table}\" SET n = ? WHERE pk='none'", {"N": "2"}, **old),
            statement(f"UPDATE \"{table}\" SET n = 2 WHERE pk='a' RETURNING MODIFIED OLD *"),
            statement("DELETE FROM \"not-there\" WHERE pk='a'"),
            statement(f'DELETE FROM "{table}" WHERE n = 1'),
            statement("DELETE"),
            statement(f"EXISTS(SELECT * FROM \"{table}\" WHERE pk='a')"),
        ]
    )["Responses"]
    codes = [one.get("Error", {}).get("Code") for one in answers]
    failed, invalid = "ConditionalCheckFailed", "ValidationError"
    assert codes == [None, "DuplicateItem", failed, failed, None, "ResourceNotFound", invalid, invalid, invalid]
    assert answers[2]["Error"]["Item"] == {**KEY, "n": {"N": "1"}} and "Item" not in answers[3]["Error"]
    assert answers[4] == {"TableName": table, "Item": {"n": {"N": "1"}}}
    assert [one.get("TableName") for one in answers] == [*[table] * 5, None, table, None, table]
    assert [name for name, *_ in told(address, table)] == ["INSERT", "INSERT", "MODIFY"]


def test_a_batch_of_reads_answers_each_item(dynamodb, table):
    dynamodb.put_item(TableName=table, Item={**KEY, "n": {"N": "1"}})
    reads = [
        statement(f'SELECT n FROM "{table}" WHERE pk=?', KEY["pk"], ConsistentRead=True),
        statement(f"SELECT * FROM \"{table}\" WHERE pk='none'"),
        statement(f'SELECT * FROM "{table}" WHERE n=1'),
    ]
    *found, refused = dynamodb.batch_execute_statement(Statements=reads)["Responses"]
    assert found == [{"TableName": table, "Item": {"n": {"N": "1"}}}, {"TableName": table}]
    assert refused["Error"]["Code"] == "ValidationError" and "key attributes" in refused["Error"]["Message"]


def test_a_batch_of_too_many_and_of_reads_and_writes_is_refused_whole(address, dynamodb, table):
    with pytest.raises(ClientError, match=r"ValidationException.*less than or equal to 25"):
        dynamodb.batch_execute_statement(Statements=[insert(table, f"k{n}") for n in range(26)])
    with pytest.raises(ClientError, match=r"ValidationException.*all read, or they all write"):
        dynamodb.batch_execute_statement(
            Statements=[insert(table, "a"), statement(f"SELECT * FROM \"{table}\" WHERE pk='a'")]
        )
    assert told(address, table) == []
    dynamodb.batch_execute_statement(Statements=[insert(table, f"k{n}") for n in range(25)])
    assert len(told(address, table)) == 25


def test_a_transaction_is_cancelled_whole_and_gives_each_reason(address, dynamodb, table):
    dynamodb.put_item(TableName=table, Item={**KEY, "n": {"N": "1"}})
    with pytest.raises(ClientError) as refused:
        dynamodb.execute_transaction(
            TransactStatements=[
                insert(table, "b"),
                insert(table, "a"),
                statement(f"EXISTS(SELECT * FROM \"{table}\" WHERE pk='c' AND n IS MISSING)"),
                statement(f"DELETE FROM \"{table}\" WHERE pk='d' AND n=1"),
            ]
        )
    error = refused.value.response
    assert error["Error"]["Code"] == "TransactionCanceledException"
    assert error["Error"]["Message"].endswith("[None, DuplicateItem, ConditionalCheckFailed, None]")
    assert [one["Code"] for one in error["CancellationReasons"]] == [
        "None",
        "DuplicateItem",
        "ConditionalCheckFailed",
        "None",
    ]
    with pytest.raises(ClientError) as refused:
        dynamodb.execute_transaction(
            TransactStatements=[
                insert(table, "b"),
                statement(
                    f"UPDATE \"{table}\" SET n=2 WHERE pk='a' AND n=9", ReturnValuesOnConditionCheckFailure="ALL_OLD"
                ),
            ]
        )
    assert refused.value.response["CancellationReasons"][1]["Item"] == {**KEY, "n": {"N": "1"}}
    with pytest.raises(ClientError) as refused:
        dynamodb.execute_transaction(
            TransactStatements=[insert(table, "b"), statement(f"UPDATE \"{table}\" SET n = n + pk WHERE pk='a'")]
        )
    assert [(one["Code"], one.get("Message")) for one in refused.value.response["CancellationReasons"]] == [
        ("None", None),
        ("ValidationError", "An operand in the update expression has an incorrect data type"),
    ]
    wrong = [
        f"{text} WHERE pk={key}" for text in (f'DELETE FROM "{table}"', f'SELECT * FROM "{table}"') for key in "12"
    ]
    for texts in (wrong[:2], wrong[2:]):
        with pytest.raises(ClientError) as refused:
            dynamodb.execute_transaction(TransactStatements=[statement(text) for text in texts])
        assert refused.value.response["Error"]["Message"].endswith("[ValidationError, ValidationError]")
    assert [name for name, *_ in told(address, table)] == ["INSERT"]


def test_a_transaction_with_its_conditions_is_carried_out(address, dynamodb, table):
    for key in "abc":
        dynamodb.put_item(TableName=table, Item={"pk": {"S": key}, "n": {"N": "1"}})
    answer = dynamodb.execute_transaction(
        TransactStatements=[
            insert(table, "d"),
            statement(f"UPDATE \"{table}\" SET n = n + ? WHERE pk='a'", {"N": "5"}),
            statement(f"DELETE FROM \"{table}\" WHERE pk='b'"),
            statement(f"EXISTS(SELECT * FROM \"{table}\" WHERE pk='c' AND n = 1)"),
        ]
    )
    assert answer["Responses"] == [{}] * 4
    assert [(name, (new or old)["pk"]["S"]) for name, old, new in told(address, table)[3:]] == [
        ("INSERT", "d"),
        ("MODIFY", "a"),
        ("REMOVE", "b"),
    ]


def test_a_transaction_of_reads_sees_each_item(dynamodb, table):
    dynamodb.put_item(TableName=table, Item={**KEY, "n": {"N": "1"}})
    texts = [f"SELECT {what} FROM \"{table}\" WHERE pk='{key}'" for what, key in (("n", "a"), ("*", "none"))]
    answer = dynamodb.execute_transaction(TransactStatements=[statement(text) for text in texts])
    assert answer["Responses"] == [{"Item": {"n": {"N": "1"}}}, {}]


def test_a_transaction_that_cannot_be_meant_is_refused_and_leaves_nothing(address, dynamodb):
    table = address.table(key={"HASH": "pk", "RANGE": "sk:N"})
    text = f"INSERT INTO \"{table}\" VALUE {{'pk': 'a', 'sk': ?}}"
    one = statement(text, {"N": "1"})
    for others, words in (
        ([statement(text, {"N": "1.0"})], "multiple operations on one item"),
        ([statement(f"SELECT * FROM \"{table}\" WHERE pk='a' AND sk=2")], "all read, or they all write"),
        ([statement(text, {"N": str(n)}) for n in range(2, 102)], "less than or equal to 100"),
        ([statement(f"DELETE FROM \"{table}\" WHERE pk='a' AND sk=2 RETURNING ALL OLD *")], "RETURNING"),
        ([statement("nothing")], "wasn't well formed"),
    ):
        with pytest.raises(ClientError, match=f"ValidationException.*{words}"):
            dynamodb.execute_transaction(TransactStatements=[one, *others])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        dynamodb.execute_transaction(TransactStatements=[one, statement("DELETE FROM nothing WHERE pk='a'")])
    assert told(address, table) == []


WHERE = {
    "pk='a' AND sk BETWEEN 1 AND 2": [1, 2],
    "sk >= 2 AND pk='a'": [2, 3],
    "pk IN ['a', 'c'] AND n <= 1.5": [1],
    "n = 12345678901234567890123456789012345678": [3],
    "n = 12345678901234567890123456789012345679": [],
    "begins_with(v, 'it''s')": [2],
    "v < 'z' OR n < 2": [1, 2],
    "v < 5": [],
    "b = 1": [],
    "b = true AND m.\"x y\"[1].z = 'deep'": [1],
    "none = null": [],
    "b IS MISSING AND NOT pk = 'c'": [2, 3],
    "contains(s, 'x') AND size(s) = 2": [1],
    "attribute_type(m, 'M')": [1],
}


@pytest.fixture(scope="module")
def filled(address) -> str:
    """Three items below ``a``, in an order of their own."""
    table = address.table(view=None, key={"HASH": "pk", "RANGE": "sk:N"})
    for text in (
        "{'pk': 'a', 'sk': 3, 'n': 12345678901234567890123456789012345678}",
        "{'pk': 'a', 'sk': 1, 'n': 1.5, 'b': true, 's': <<'x', 'y'>>, 'm': {'x y': [0, {'z': 'deep'}]}}",
        "{'pk': 'a', 'sk': 2.0, 'v': 'it''s', 'n': 2}",
    ):
        address.client("dynamodb").execute_statement(Statement=f'INSERT INTO "{table}" VALUE {text}')
    return table


@pytest.mark.parametrize("where", WHERE)
def test_a_select_finds_what_its_condition_says(dynamodb, filled, where):
    items = dynamodb.execute_statement(Statement=f'SELECT sk FROM "{filled}" WHERE {where}')["Items"]
    assert sorted(int(one["sk"]["N"]) for one in items) == WHERE[where]


def test_a_select_goes_on_where_its_page_ended(dynamodb, filled):
    asked = statement(f"SELECT sk FROM \"{filled}\" WHERE pk='a' AND sk < ? ORDER BY sk DESC", {"N": "9.0"})
    first = dynamodb.execute_statement(**asked, Limit=2)
    second = dynamodb.execute_statement(**asked, NextToken=first["NextToken"])
    assert [one["sk"]["N"] for one in first["Items"] + second["Items"]] == ["3", "2", "1"]
    assert first["LastEvaluatedKey"] == {**KEY, "sk": {"N": "2"}} and "NextToken" not in second
    with pytest.raises(ClientError, match="NextToken does not match request"):
        dynamodb.execute_statement(Statement=f'SELECT * FROM "{filled}"', NextToken=first["NextToken"])
    with pytest.raises(ClientError, match="NextToken does not match request"):
        dynamodb.execute_statement(**asked, NextToken="none")


def test_partition_keys_in_a_list_are_read_one_after_the_other_in_pages_of_ten(address, dynamodb):
    table = address.table(view=None, key={"HASH": "pk", "RANGE": "sk:N"})
    there = [(key, n) for key in "abcd" for n in range(5)]
    puts = [{"PutRequest": {"Item": {"pk": {"S": key}, "sk": {"N": str(n)}}}} for key, n in there]
    dynamodb.batch_write_item(RequestItems={table: puts})

    def pages(text: str, **more) -> list[list[tuple[str, int]]]:
        found: list[list[tuple[str, int]]] = []
        while True:
            answer = dynamodb.execute_statement(Statement=f'SELECT * FROM "{table}" WHERE {text}', **more)
            found.append([(one["pk"]["S"], int(one["sk"]["N"])) for one in answer["Items"]])
            if "NextToken" not in answer:
                return found
            more["NextToken"] = answer["NextToken"]

    wanted = [one for one in there if one[0] != "d"]
    assert pages("pk IN ['c', 'x', 'a', 'b', 'a']") == [wanted[:10], wanted[10:]]
    assert pages("pk IN ['a', 'b'] AND sk >= 3 ORDER BY pk DESC, sk DESC", Limit=3) == [
        [("b", 4), ("b", 3), ("a", 4)],
        [("a", 3)],
    ]
    answer = dynamodb.execute_statement(
        Statement=f"SELECT * FROM \"{table}\" WHERE pk IN ['a', 'b']", ReturnConsumedCapacity="TOTAL"
    )
    assert answer["ConsumedCapacity"]["TableName"] == table and answer["ConsumedCapacity"]["CapacityUnits"] == 2.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('SELECT * FROM "not-there"', "ResourceNotFoundException"),
        ('SELECT * FROM "{}"."not-there"', "ValidationException"),
        ('SELECT * FROM "{}" WHERE pk = 1', "ValidationException"),
        ("UPDATE \"{}\" SET n = 1 WHERE pk = 'none' AND sk = 1", "ConditionalCheckFailedException"),
        ("UPDATE \"{}\" SET sk = 2 WHERE pk = 'a' AND sk = 1", "ValidationException"),
        ("DELETE FROM \"{}\" WHERE pk = 'a' AND sk = 1 AND n = 9", "ConditionalCheckFailedException"),
        ("INSERT INTO \"{}\" VALUE {{'pk': 'a', 'sk': 1}}", "DuplicateItemException"),
    ],
)
def test_a_statement_is_refused_with_its_code(dynamodb, filled, text, code):
    with pytest.raises(ClientError) as refused:
        dynamodb.execute_statement(Statement=text.format(filled))
    assert refused.value.response["Error"]["Code"] == code
