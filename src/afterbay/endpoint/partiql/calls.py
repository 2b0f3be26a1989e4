"""ExecuteStatement, BatchExecuteStatement and ExecuteTransaction.

Each statement becomes an ordinary request, so that its change, its refusal and its stream record are those of PutItem,
UpdateItem, DeleteItem and TransactWriteItems (S70, S71). Decides how their answers look as a statement's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.cancellations import cancelled, cancelled_for_faults
from afterbay.endpoint.numbers import normalise
from afterbay.endpoint.partiql.items import ItemRequest, item_request
from afterbay.endpoint.partiql.keys import key_given
from afterbay.endpoint.partiql.pages import BEGINNING, Pages, read_page
from afterbay.endpoint.partiql.selections import projected, select_requests
from afterbay.endpoint.partiql.statements import Exists, Insert, Select, Statement, is_read, read_statement
from afterbay.endpoint.protocol import Response, json_object, json_response
from afterbay.endpoint.table_key import TableKey
from afterbay.endpoint.values import check_values
from afterbay.errors import EndpointError

__all__ = ["PARTIQL_OPERATIONS", "Statements"]

Members: TypeAlias = dict[str, JsonValue]
Perform: TypeAlias = Callable[[str, str, Members], Awaitable[Response]]
Read: TypeAlias = Callable[[str, Sequence[tuple[str, Members]]], Awaitable[list[Response]]]
KeyOf: TypeAlias = Callable[[str, str, str | None], Awaitable[TableKey]]

PARTIQL_OPERATIONS = frozenset({"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"})

BATCH_STATEMENTS_MAX = 25
TRANSACTION_STATEMENTS_MAX = 100

_DUPLICATE = "Duplicate primary key exists in table"
_CONDITION = "ReturnValuesOnConditionCheckFailure"
_TRANSACTED = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete", "ConditionCheck": "ConditionCheck"}
_BATCH_CODES = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "DuplicateItemException": "DuplicateItem",
    "ItemCollectionSizeLimitExceededException": "ItemCollectionSizeLimitExceeded",
    "ResourceNotFoundException": "ResourceNotFound",
}
"""Of the error of one statement in a batch; what is not named here is a ValidationError."""

_REASONS = frozenset({"None", "ConditionalCheckFailed", "ItemCollectionSizeLimitExceeded", "ValidationError"})
"""Codes of a cancelled transaction that moto may give; its others are names of its classes."""


class Statements:
    """``perform`` carries out one request, ``read`` several that see one state, ``key_of`` knows a table or index.

    All take the region first and raise ``EndpointError``.
    """

    def __init__(self, perform: Perform, read: Read, key_of: KeyOf) -> None:
        self._perform = perform
        self._read = read
        self._key_of = key_of

    async def __call__(self, region: str, operation: str, members: Members) -> Response:
        match operation:
            case "ExecuteStatement":
                return await self._execute(region, members, _statement(members), one=False)
            case "BatchExecuteStatement":
                return await self._batch(region, members)
            case _:
                return await self._transaction(region, members)

    async def _execute(self, region: str, members: Members, statement: Statement, *, one: bool) -> Response:
        """One statement, alone or of a batch."""
        if isinstance(statement, Exists):
            raise EndpointError("ValidationException", "EXISTS is a statement of transactions alone")
        if isinstance(statement, Select):
            return await self._select(region, members, statement, one=one)
        request = item_request(statement, await self._key_of(region, statement.table, None))
        if request.fault is not None:
            raise EndpointError("ValidationException", request.fault)
        wanted = request.members | _taken(members, "ReturnConsumedCapacity")
        if not isinstance(statement, Insert):
            wanted |= _taken(members, _CONDITION)
        if request.returning is not None:
            wanted["ReturnValues"] = request.returning
        response = await self._perform(region, request.operation, wanted)
        if response.status >= 400:
            if isinstance(statement, Insert) and _code(response) == "ConditionalCheckFailedException":
                raise EndpointError("DuplicateItemException", _DUPLICATE)
            return response
        answer = json_object(response.body)
        told: Members = {"Items": [answer["Attributes"]] if answer.get("Attributes") else []}
        return _answer(told | _taken(answer, "ConsumedCapacity"))

    async def _select(self, region: str, members: Members, statement: Select, *, one: bool) -> Response:
        pages = Pages.of(members)  # before numbers are normalised, which are the request's own
        key = await self._key_of(region, statement.table, statement.index)
        asked = _taken(members, "ConsistentRead", "ReturnConsumedCapacity")

        async def read(operation: str, wanted: Members) -> Response:
            (response,) = await self._read(region, [(operation, wanted | asked)])
            return response

        token = members.get("NextToken")
        start = BEGINNING if token is None else pages.start(token)
        page = await read_page(read, select_requests(statement, key, one=one), start, members.get("Limit"))
        if isinstance(page, Response):
            return page
        told: Members = {"Items": [projected(each, statement.paths) for each in page.items]}
        if page.end is not None:
            told["NextToken"] = pages.token(page.end)
            if page.end.after is not None:
                told["LastEvaluatedKey"] = page.end.after
        return _answer(told if page.capacity is None else told | {"ConsumedCapacity": page.capacity})

    async def _batch(self, region: str, members: Members) -> Response:
        statements = _statements(members, "Statements", BATCH_STATEMENTS_MAX)
        if len({is_read(one) for one in statements}) > 1:
            raise _mixed("batch")
        return _answer({"Responses": [await self._member(region, one) for one in statements]})

    async def _member(self, region: str, members: Members) -> Members:
        """The answer to one statement of a batch; its failure stops no other."""
        named: Members = {}
        try:
            statement = _statement(members)
            named["TableName"] = _table(statement)
            response = await self._execute(region, members, statement, one=True)
        except EndpointError as error:
            response = _answer({"__type": error.code, "message": error.message}, status=error.status)
        answer = json_object(response.body)
        if response.status < 400:
            items = answer.get("Items")
            return named | ({"Item": items[0]} if isinstance(items, list) and items else {})
        code = _BATCH_CODES.get(_code(response), "ValidationError" if response.status < 500 else "InternalServerError")
        failure: Members = {"Code": code, "Message": answer.get("message") or answer.get("Message") or ""}
        if code == "ResourceNotFound":
            named.clear()
        told: Members = {"Error": failure | _taken(answer, "Item")}
        return told | named

    async def _transaction(self, region: str, members: Members) -> Response:
        wanted = _statements(members, "TransactStatements", TRANSACTION_STATEMENTS_MAX)
        statements = [_statement(one) for one in wanted]
        selects = [one for one in statements if isinstance(one, Select)]
        if not selects:
            return await self._write_together(region, members, wanted, statements)
        if len(selects) < len(statements):
            raise _mixed("transaction")
        return await self._read_together(region, selects)

    async def _read_together(self, region: str, selects: Sequence[Select]) -> Response:
        keys = [await self._key_of(region, one.table, one.index) for one in selects]
        given = [key_given(one.where, key) for one, key in zip(selects, keys, strict=True)]
        refusal = cancelled_for_faults([key.fault_of_key(one) for one, key in zip(given, keys, strict=True)])
        if refusal is not None:
            return refusal
        reads = [select_requests(one, key, one=True)[0] for one, key in zip(selects, keys, strict=True)]
        _refuse_twice([(one.table, item) for one, item in zip(selects, given, strict=True)])
        responses = await self._read(region, reads)
        found: list[JsonValue] = []
        for statement, response in zip(selects, responses, strict=True):
            if response.status >= 400:
                return response
            items = _items(json_object(response.body), statement)
            found.append({"Item": items[0]} if items else {})
        return _answer({"Responses": found})

    async def _write_together(
        self, region: str, members: Members, wanted: Sequence[Members], statements: Sequence[Statement]
    ) -> Response:
        requests: list[ItemRequest] = []
        for statement in statements:
            assert not isinstance(statement, Select), "a transaction of reads is another"
            request = item_request(statement, await self._key_of(region, _table(statement), None))
            if request.returning is not None:
                raise EndpointError("ValidationException", "RETURNING is for no statement of a transaction")
            requests.append(request)
        tables = [_table(one) for one in statements]
        _refuse_twice([(table, one.key) for table, one in zip(tables, requests, strict=True) if one.fault is None])
        inserts = [isinstance(one, Insert) for one in statements]
        items: list[JsonValue] = [
            {_TRANSACTED[request.operation]: request.members | ({} if insert else _taken(asked, _CONDITION))}
            for request, asked, insert in zip(requests, wanted, inserts, strict=True)
        ]
        transaction: Members = {"TransactItems": items}
        transaction |= _taken(members, "ClientRequestToken", "ReturnConsumedCapacity")
        response = await self._perform(region, "TransactWriteItems", transaction)
        if response.status < 400:
            empty: list[JsonValue] = [{} for _ in statements]
            return _answer({"Responses": empty})
        return _cancelled(response, inserts)


def _cancelled(response: Response, inserts: Sequence[bool]) -> Response:
    """A transaction's refusal, with the reasons that statements have."""
    answer = json_object(response.body)
    reasons = answer.get("CancellationReasons")
    if not isinstance(reasons, list):
        return response
    told: list[Members] = []
    for reason, insert in zip(reasons, inserts, strict=True):
        one: Members = dict(reason) if isinstance(reason, dict) else {}
        if insert and one.get("Code") == "ConditionalCheckFailed":
            one = {"Code": "DuplicateItem", "Message": _DUPLICATE}
        elif one.get("Code") not in _REASONS:
            one["Code"] = "ValidationError"
        told.append(one)
    return cancelled(told)


def _statements(members: Mapping[str, JsonValue], member: str, most: int) -> list[Members]:
    given = members.get(member)
    statements = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    if not 1 <= len(statements) <= most:
        raise EndpointError(
            "ValidationException",
            f"1 validation error detected: Value at '{member[0].lower()}{member[1:]}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {most} and greater than or equal to 1",
        )
    return statements


def _statement(members: Members) -> Statement:
    check_values("ExecuteStatement", members)
    return read_statement(members)


def _table(statement: Statement) -> str:
    return statement.select.table if isinstance(statement, Exists) else statement.table


def _refuse_twice(keys: Sequence[tuple[str, Mapping[str, JsonValue]]]) -> None:
    """Raises ``EndpointError`` for one item in two statements of a transaction."""
    seen: set[bytes] = set()
    for table, key in keys:
        spelt: Members = {"table": table, "key": dict(key)}
        spelt = json_object(msgspec.json.encode(spelt))
        normalise(spelt)
        one = msgspec.json.encode(spelt, order="sorted")
        if one in seen:
            raise EndpointError(
                "ValidationException", "Transaction request cannot include multiple operations on one item"
            )
        seen.add(one)


def _items(answer: Mapping[str, JsonValue], statement: Select) -> list[JsonValue]:
    items = answer.get("Items")
    return [projected(one, statement.paths) for one in items] if isinstance(items, list) else []


def _taken(members: Mapping[str, JsonValue], *names: str) -> Members:
    return {name: members[name] for name in names if name in members}


def _code(response: Response) -> str:
    return str(json_object(response.body).get("__type", "")).rpartition("#")[2]


def _answer(document: Members, *, status: int = 200) -> Response:
    return json_response(document, status=status, protocol="json-1.0")


def _mixed(what: str) -> EndpointError:
    return EndpointError("ValidationException", f"The statements of a {what} all read, or they all write")
