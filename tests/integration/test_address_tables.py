"""Writes that moto gets wrong, mended in front of it: what a failed request leaves, and numbers."""

import json

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def table(address) -> str:
    return address.table()


def keys(address, table) -> list[tuple[str, str]]:
    return [(r["eventName"], r["dynamodb"]["Keys"]["pk"]["S"]) for r in address.records(address.stream(table))]


def stored(address, table) -> set[str]:
    return {one["pk"]["S"] for one in address.client("dynamodb").scan(TableName=table)["Items"]}


def test_an_update_that_fails_on_a_new_item_leaves_none(address, table):
    with pytest.raises(ClientError):
        address.client("dynamodb").update_item(
            TableName=table,
            Key={"pk": {"S": "a"}},
            UpdateExpression="SET v = other + :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    assert (stored(address, table), keys(address, table)) == (set(), [])


@pytest.mark.parametrize(("asked", "told"), [({}, False), ({"ReturnConsumedCapacity": "NONE"}, False),
                                              ({"ReturnConsumedCapacity": "TOTAL"}, True)])  # fmt: skip
def test_consumed_capacity_is_told_to_who_asks(address, table, asked, told):
    client, key = address.client("dynamodb"), {"pk": {"S": "a"}}
    answers = [
        client.put_item(TableName=table, Item={**key, "ConsumedCapacity": {"S": "an attribute"}}, **asked),
        client.update_item(TableName=table, Key=key, **asked),
        client.get_item(TableName=table, Key=key, **asked),
        client.query(
            TableName=table, KeyConditionExpression="pk = :a", ExpressionAttributeValues={":a": {"S": "a"}}, **asked
        ),
        client.batch_get_item(RequestItems={table: {"Keys": [key]}}, **asked),
        client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": key}}]}, **asked),
    ]
    assert ["ConsumedCapacity" in one for one in answers] == [told] * len(answers)
    assert answers[2]["Item"]["ConsumedCapacity"] == {"S": "an attribute"}


@pytest.mark.parametrize("value", [{"L": [{"N": 7}]}, {"M": {"a": {"N": 7}}}, {"NS": [7]}])
def test_a_value_of_another_json_type_is_refused_and_leaves_nothing(address, table, value):
    """boto3 would not send it. It was stored, and the next write of the item was never answered."""
    for item, status in (({"pk": {"S": "a"}, "v": value}, 400), ({"pk": {"S": "a"}, "v": {"S": "1"}}, 200)):
        answer = address.dynamodb("PutItem", {"TableName": table, "Item": item})
        assert answer.status == status, answer.body
    assert keys(address, table) == [("INSERT", "a")]


def test_a_value_without_a_type_is_answered(address, table):
    """moto raises StopIteration for it, which no future takes: the request was never answered."""
    answer = address.dynamodb("PutItem", {"TableName": table, "Item": {"pk": {"S": "a"}, "v": {}}})
    assert answer.status >= 400 and keys(address, table) == []


SEVERAL = "has more than one datatypes set"
NO_TYPE = "AttributeValue is empty"
TWICE = "contains duplicates"


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        pytest.param({"S": "a", "N": "1"}, "ValidationException", SEVERAL, id="two types"),
        pytest.param({"S": "a", "Q": "1"}, "ValidationException", SEVERAL, id="a type and another member"),
        pytest.param({}, "ValidationException", NO_TYPE, id="no type"),
        pytest.param({"s": "a"}, "ValidationException", NO_TYPE, id="no known type"),
        pytest.param({"L": [{"M": {"a": {"S": "a", "BOOL": True}}}]}, "ValidationException", SEVERAL, id="deep"),
        pytest.param({"SS": ["a", "a"]}, "ValidationException", TWICE, id="a text twice"),
        pytest.param({"NS": ["1", "1.0"]}, "ValidationException", TWICE, id="a number twice"),
        pytest.param({"BS": ["YQ==", "YQ=="]}, "ValidationException", TWICE, id="bytes twice"),
        pytest.param({"SS": ["a", 1]}, "SerializationException", "", id="a set of two JSON types"),
        pytest.param({"B": "YQ"}, "SerializationException", "", id="base64 without padding"),
        pytest.param("a", "SerializationException", "", id="no object"),
    ],
)
def test_a_value_that_is_none_is_refused_by_every_write_and_leaves_nothing(address, table, value, code, words):
    """S96, S99: of two types moto stored the first and dropped the other."""
    item = {"pk": {"S": "a"}, "v": value}
    put = {"TableName": table, "Item": item}
    setting = {"UpdateExpression": "SET v = :v", "ExpressionAttributeValues": {":v": value}}
    update = {"TableName": table, "Key": {"pk": {"S": "a"}}, **setting}
    for operation, body in (
        ("PutItem", put),
        ("UpdateItem", update),
        ("BatchWriteItem", {"RequestItems": {table: [{"PutRequest": {"Item": item}}]}}),
        ("TransactWriteItems", {"TransactItems": [{"Put": put}]}),
        ("TransactWriteItems", {"TransactItems": [{"Update": update}]}),
        ("ExecuteStatement", {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk':'a','v':?}}", "Parameters": [value]}),
    ):
        answer = address.dynamodb(operation, body)
        assert answer.status == 400 and code in answer.body.decode() and words in answer.body.decode(), operation
    assert keys(address, table) == []


def make_binary_table(dynamodb, name, key):
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "B"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_a_key_of_no_bytes_is_refused(address):
    """S99: binary may be empty, except in a key."""
    dynamodb = address.client("dynamodb")
    make_binary_table(dynamodb, "bytes-by-key", "pk")
    with pytest.raises(ClientError, match="empty binary value"):
        dynamodb.put_item(TableName="bytes-by-key", Item={"pk": {"B": b""}})
    dynamodb.put_item(TableName="bytes-by-key", Item={"pk": {"B": b"a"}, "v": {"B": b""}})
    assert dynamodb.scan(TableName="bytes-by-key")["Items"] == [{"pk": {"B": b"a"}, "v": {"B": b""}}]


def test_a_partiql_insert_takes_parameters_fractions_sets_and_nulls(address, table):
    """S70: moto's parser fails for each of them."""
    dynamodb = address.client("dynamodb")
    dynamodb.execute_statement(
        Statement=f'INSERT INTO "{table}" VALUE '
        "{'pk': ?, 'n': 1.50, 'l': [-2.5e1, ?, {}], 's': <<'a', 'b'>>, 'q': 'it''s'}",
        Parameters=[{"S": "a"}, {"NULL": True}],
    )
    (record,) = address.records(address.stream(table))
    assert record["dynamodb"]["NewImage"] == {
        "pk": {"S": "a"},
        "n": {"N": "1.5"},
        "l": {"L": [{"N": "-25"}, {"NULL": True}, {"M": {}}]},
        "s": {"SS": ["a", "b"]},
        "q": {"S": "it's"},
    }
    for wrong in ("{'pk': ?}", "{'pk' 'a'}", "{'pk': 'b', 's': <<'a', 1>>}", "{'pk': 'b'} more"):
        with pytest.raises(ClientError, match="ValidationException"):
            dynamodb.execute_statement(Statement=f'INSERT INTO "{table}" VALUE {wrong}')
    assert keys(address, table) == [("INSERT", "a")]


def test_a_partiql_delete_takes_parameters_and_numbers_and_conditions(address, table):
    """S70, S71: moto's parser fails for each of them."""
    dynamodb = address.client("dynamodb")
    for name in ("it's", "b"):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": name}, "v": {"N": "7"}})

    def delete(where: str, *given: dict) -> None:
        more = {"Parameters": list(given)} if given else {}
        dynamodb.execute_statement(Statement=f'DELETE FROM "{table}" WHERE {where}', **more)

    delete('pk = ? AND "v" = 7.0', {"S": "it's"})
    delete("pk = 'none'")
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        delete("pk=? AND v=?", {"S": "b"}, {"N": "8"})
    for where, given in (("pk = ?", ()), ("pk = 'b'", ({"S": "b"},)), ("v = 7", ())):
        with pytest.raises(ClientError, match="ValidationException"):
            delete(where, *given)
    assert keys(address, table) == [("INSERT", "it's"), ("INSERT", "b"), ("REMOVE", "it's")]


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 400)])
def test_an_item_has_400_kb_of_names_and_values_and_not_a_byte_more(address, table, more, status):
    """S100: moto stops at 405,000."""
    item = {"pk": {"S": "a"}, "v": {"S": "x" * (400 * 1024 - len("pk" + "a" + "v") + more)}}
    assert address.dynamodb("PutItem", {"TableName": table, "Item": item}).status == status
    assert keys(address, table) == [("INSERT", "a")] * (status == 200)


@pytest.mark.parametrize(("length", "status"), [(255, 200), (256, 400)])
def test_the_name_of_a_key_has_255_bytes_at_most(address, length, status):
    """S100."""
    name = "k" * length
    body = {
        "TableName": f"named-{length}",
        "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    assert address.dynamodb("CreateTable", body).status == status


def test_a_batch_of_statements_may_write_one_item_twice(address, table):
    """S70: the answer was an internal failure, and the records were lost."""
    address.client("dynamodb").batch_execute_statement(
        Statements=[
            {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'a'}}"},
            {"Statement": f"DELETE FROM \"{table}\" WHERE pk='a'"},
        ]
    )
    assert (stored(address, table), keys(address, table)) == (set(), [("INSERT", "a"), ("REMOVE", "a")])


def test_a_transaction_is_cancelled_for_an_item_that_no_table_takes(address, table):
    dynamodb = address.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": "9E+125"}})
    update = {
        "TableName": table,
        "Key": {"pk": {"S": "a"}},
        "UpdateExpression": "SET n = n + :n",
        "ExpressionAttributeValues": {":n": {"N": "9E+125"}},
    }
    with pytest.raises(ClientError) as refused:
        dynamodb.transact_write_items(TransactItems=[{"Update": update}])
    (reason,) = refused.value.response["CancellationReasons"]
    assert reason["Code"] == "ValidationError" and "Number overflow" in reason["Message"]
    assert keys(address, table) == [("INSERT", "a")]


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ("SET l = list_append(l, nope)", "refers to an attribute that does not exist in the item"),
        ("SET v = nope", "refers to an attribute that does not exist in the item"),
        ("SET n.x = :v", "document path provided in the update expression is invalid"),
        ("ADD v :v", "An operand in the update expression has an incorrect data type"),
        ("SET n = n + v", "An operand in the update expression has an incorrect data type"),
        ("SET v = v - :v", "An operand in the update expression has an incorrect data type"),
        ("SET l = list_append(v, l)", "An operand in the update expression has an incorrect data type"),
    ],
)
def test_a_transaction_is_cancelled_for_what_an_item_holds(address, table, update, words):
    """moto refused the whole request, as malformed."""
    dynamodb = address.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": "1"}, "v": {"S": "1"}, "l": {"L": []}})
    one = {"TableName": table, "Key": {"pk": {"S": "a"}}, "UpdateExpression": update}
    if ":v" in update:
        one["ExpressionAttributeValues"] = {":v": {"N": "1"}}
    with pytest.raises(ClientError) as refused:
        dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": table, "Item": {"pk": {"S": "b"}}}}, {"Update": one}]
        )
    none, reason = refused.value.response["CancellationReasons"]
    assert none == {"Code": "None"} and reason["Code"] == "ValidationError" and words in reason["Message"]
    assert keys(address, table) == [("INSERT", "a")]
    with pytest.raises(ClientError, match=f"ValidationException.*{words}"):
        dynamodb.update_item(**one)


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ("SET n = n + :v", "or function: [+], operand type: S"),
        ("SET n = :v - s", "or function: -, operand type: S"),
        ("SET l = list_append(l, :v)", "or function: list_append, operand type: S"),
    ],
)
def test_an_operand_of_the_request_is_named_with_its_own_type(address, table, update, told):
    """moto named the left one's, whichever was wrong. Nothing of the item is looked at for it, in a transaction too."""
    dynamodb = address.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": "1"}, "s": {"S": "1"}, "l": {"L": []}})
    one = {"TableName": table, "Key": {"pk": {"S": "a"}}, "UpdateExpression": update}
    one["ExpressionAttributeValues"] = {":v": {"S": "1"}}
    for call in (
        lambda: dynamodb.update_item(**one),
        lambda: dynamodb.transact_write_items(TransactItems=[{"Update": one}]),
    ):
        with pytest.raises(ClientError, match=f"ValidationException.*{told}"):
            call()


@pytest.mark.parametrize("key", ['{"pk": {"N": "1"}}', '{"pk": {"L": []}}', '{"q": {"S": "a"}}'])
def test_a_key_that_is_none_of_its_table_is_refused(address, table, key):
    """moto took some for items that are not there, and failed for a list."""
    wrong, right = json.loads(key), {"pk": {"S": "a"}}
    writes = ({"PutRequest": {"Item": wrong}}, {"DeleteRequest": {"Key": wrong}})
    of_one, longer = (
        {"TableName": table, "Key": wrong},
        {"TableName": table, "Key": {**right, **wrong, "r": {"S": "a"}}},
    )
    for operation, body in (
        *((one, asked) for one in ("GetItem", "DeleteItem", "UpdateItem") for asked in (of_one, longer)),
        ("BatchGetItem", {"RequestItems": {table: {"Keys": [right, wrong]}}}),
        *(("BatchWriteItem", {"RequestItems": {table: [one]}}) for one in writes),
    ):
        answer = address.dynamodb(operation, body)
        assert answer.status == 400 and b"The provided key element does not match the schema" in answer.body, operation
    for operation, body in (
        ("GetItem", {"TableName": "not-there", "Key": wrong}),
        ("BatchGetItem", {"RequestItems": {"not-there": {"Keys": [wrong]}}}),
    ):
        answer = address.dynamodb(operation, body)
        assert answer.status == 400 and b"ResourceNotFoundException" in answer.body
    assert keys(address, table) == []


WRONG_KEYS = [
    ({"Put": {"Item": {"pk": {"N": "1"}}}}, "Type mismatch for key pk expected: S actual: N"),
    ({"Put": {"Item": {"n": {"N": "1"}}}}, "Missing the key pk in the item"),
    ({"Delete": {"Key": {"pk": {"N": "1"}}}}, "The provided key element does not match the schema"),
    ({"Update": {"Key": {}, "UpdateExpression": "REMOVE v"}}, "The provided key element does not match the schema"),
    ({"Get": {"Key": {"pk": {"L": []}}}}, "The provided key element does not match the schema"),
]


@pytest.mark.parametrize(("item", "told"), WRONG_KEYS, ids=[f"{next(iter(one))}: {told}" for one, told in WRONG_KEYS])
def test_a_transaction_is_cancelled_for_a_key_that_is_none_of_its_table(address, table, item, told):
    """moto took some and refused the whole request for others. A table that is not there comes first."""
    dynamodb = address.client("dynamodb")
    ((kind, members),) = item.items()
    reads = kind == "Get"
    call = dynamodb.transact_get_items if reads else dynamodb.transact_write_items
    other = {"Key": {"pk": {"S": "b"}}} if reads else {"Item": {"pk": {"S": "b"}}}
    first = "Get" if reads else "Put"
    with pytest.raises(ClientError) as refused:
        call(TransactItems=[{first: {"TableName": table, **other}}, {kind: {"TableName": table, **members}}])
    none, reason = refused.value.response["CancellationReasons"]
    assert none == {"Code": "None"} and reason["Code"] == "ValidationError" and reason["Message"].endswith(told)
    assert refused.value.response["Error"]["Message"].endswith("[None, ValidationError]")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        call(TransactItems=[{kind: {"TableName": table, **members}}, {first: {"TableName": "not-there", **other}}])
    assert keys(address, table) == []


@pytest.mark.parametrize("text", [" 1", "1_0", "\u0663", "abc", ""])
def test_a_number_in_another_spelling_than_dynamodbs_is_refused(address, table, text):
    """S97: Python reads some of them."""
    answer = address.dynamodb("PutItem", {"TableName": table, "Item": {"pk": {"S": "a"}, "n": {"N": text}}})
    assert answer.status == 400 and b"cannot be converted to a numeric value" in answer.body


def test_text_for_a_number_is_refused_in_a_filter_too(address, table):
    """moto failed for it."""
    asked = {"TableName": table, "FilterExpression": "n = :n", "ExpressionAttributeValues": {":n": {"N": "abc"}}}
    assert address.dynamodb("PutItem", {"TableName": table, "Item": {"pk": {"S": "a"}, "n": {"N": "1"}}}).status == 200
    answer = address.dynamodb("Scan", asked)
    assert answer.status == 400 and b"cannot be converted to a numeric value" in answer.body


def test_a_cancelled_transaction_leaves_nothing_and_later_writes_are_seen(address, table):
    dynamodb = address.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "old"}, "v": {"S": "1"}})
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": {"pk": {"S": "new"}}}},
                {"Delete": {"TableName": table, "Key": {"pk": {"S": "old"}}}},
                {
                    "ConditionCheck": {
                        "TableName": table,
                        "Key": {"pk": {"S": "none"}},
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                },
            ]
        )
    assert stored(address, table) == {"old"}
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "after"}})
    assert keys(address, table) == [("INSERT", "old"), ("INSERT", "after")]


def test_old_images_are_those_before_the_write(address, table):
    dynamodb = address.client("dynamodb")
    for value in ("1", "2", "3"):
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": "a"}},
            UpdateExpression="SET m = :m",
            ExpressionAttributeValues={":m": {"M": {"deep": {"L": [{"N": value}]}}}},
        )
    records = address.records(address.stream(table))
    images = [[one["dynamodb"].get(name, {}).get("m") for name in ("OldImage", "NewImage")] for one in records]
    deep = [None, *({"M": {"deep": {"L": [{"N": value}]}}} for value in ("1", "2", "3"))]
    assert images == [[deep[n], deep[n + 1]] for n in range(3)]


@pytest.mark.parametrize("update", ["SET n.x = :v", "SET l.x = :v", "REMOVE n.x, l.y", "REMOVE l.x"])
def test_an_update_inside_of_what_is_no_document_is_refused(address, table, update):
    """moto passed over it, or failed."""
    item = {"pk": {"S": "a"}, "n": {"N": "1"}, "l": {"L": [{"N": "1"}]}}
    address.client("dynamodb").put_item(TableName=table, Item=item)
    values = {"ExpressionAttributeValues": {":v": {"N": "1"}}} if ":v" in update else {}
    answer = address.dynamodb(
        "UpdateItem", {"TableName": table, "Key": {"pk": {"S": "a"}}, "UpdateExpression": update, **values}
    )
    assert answer.status == 400 and b"document path provided in the update expression is invalid" in answer.body
    assert keys(address, table) == [("INSERT", "a")]


@pytest.mark.parametrize("second", ["SET m.x = :v", "SET #copy.x = :v", "SET m.mm = m, m.x = :v"])
def test_a_document_that_was_copied_is_another_one(address, table, second):
    """moto stored one document under both names, and changed both; a document in itself had no end."""
    dynamodb = address.client("dynamodb")
    update = {"TableName": table, "Key": {"pk": {"S": "a"}}}
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "m": {"M": {"x": {"N": "1"}}}})
    dynamodb.update_item(**update, UpdateExpression="SET #copy = m", ExpressionAttributeNames={"#copy": "copy"})
    names = {"ExpressionAttributeNames": {"#copy": "copy"}} if "#copy" in second else {}
    values = {"ExpressionAttributeValues": {":v": {"N": "2"}}}
    dynamodb.update_item(**update, UpdateExpression=second, **names, **values)
    old, new = {"M": {"x": {"N": "1"}}}, {"M": {"x": {"N": "2"}}}
    if "mm" in second:
        new["M"]["mm"] = old
    image = address.records(address.stream(table))[-1]["dynamodb"]["NewImage"]
    assert (image["m"], image["copy"]) == ((old, new) if names else (new, old))


def test_an_update_may_read_the_key_and_not_change_it(address, table):
    """moto refused both."""
    update = {"TableName": table, "Key": {"pk": {"S": "a"}}}
    dynamodb = address.client("dynamodb")
    dynamodb.put_item(TableName=table, Item=update["Key"])
    dynamodb.update_item(**update, UpdateExpression="SET n = if_not_exists(nope, pk)")
    for expression in ("REMOVE pk", "SET pk = n"):
        with pytest.raises(ClientError, match="part of the key"):
            dynamodb.update_item(**update, UpdateExpression=expression)
    _, record = address.records(address.stream(table))
    assert record["dynamodb"]["NewImage"] == {"pk": {"S": "a"}, "n": {"S": "a"}}


def test_sums_keep_all_their_digits(address, table):
    dynamodb = address.client("dynamodb")
    long = "12345678901234567890123456789012345.678"
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": long}})
    added = dynamodb.update_item(
        TableName=table,
        Key={"pk": {"S": "a"}},
        UpdateExpression="ADD n :v",
        ExpressionAttributeValues={":v": {"N": "0.002"}},
        ReturnValues="UPDATED_NEW",
    )
    assert added["Attributes"]["n"] == {"N": "12345678901234567890123456789012345.68"}


@pytest.mark.parametrize("number", ["1" * 39, "1E+126", "1E-131", "seven"])
def test_a_number_that_cannot_be_stored_is_refused(address, table, number):
    with pytest.raises(ClientError) as refused:
        address.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": number}})
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_tables_of_two_regions_are_apart(address, table):
    assert table not in address.client("dynamodb", "ap-south-1").list_tables()["TableNames"]


def test_every_partiql_call_makes_its_records(address, table):
    dynamodb = address.client("dynamodb")
    dynamodb.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'a', 'v': '1'}}")
    dynamodb.batch_execute_statement(Statements=[{"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'b'}}"}])
    dynamodb.execute_transaction(
        TransactStatements=[
            {"Statement": f"UPDATE \"{table}\" SET v='2' WHERE pk='a'"},
            {"Statement": f"DELETE FROM \"{table}\" WHERE pk='b'"},
        ]
    )
    assert keys(address, table) == [("INSERT", "a"), ("INSERT", "b"), ("MODIFY", "a"), ("REMOVE", "b")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}, "1 .* at 'keySchema'"),
        ({"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}, "1 .* at 'attributeDefinitions'"),
        ({}, "2 .* at 'attributeDefinitions' .*; .* at 'keySchema'"),
    ],
)
def test_a_table_without_keys_is_refused_and_not_a_failure_of_the_address(address, given, told):
    """A failure is retried nine times by the SDK (DESIGN section 5)."""
    with pytest.raises(ClientError, match=f"ValidationException.*{told}"):
        address.client("dynamodb").create_table(TableName="bare", BillingMode="PAY_PER_REQUEST", **given)


def test_a_table_with_a_binary_key_is_scanned_in_segments(address):
    """E15: a backfill reads so. moto took such a key for text, and failed."""
    dynamodb = address.client("dynamodb")
    make_binary_table(dynamodb, "binary", "id")
    ids = {bytes([255, one]) for one in range(20)}
    for one in ids:
        dynamodb.put_item(TableName="binary", Item={"id": {"B": one}})
    pages = [dynamodb.scan(TableName="binary", Segment=one, TotalSegments=4)["Items"] for one in range(4)]
    found = [item["id"]["B"] for page in pages for item in page]
    assert set(found) == ids and len(found) == len(ids) and all(pages)
