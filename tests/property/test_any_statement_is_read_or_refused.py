"""PartiQL's reader meets anything: a statement is read, and makes a request, or it is refused as AWS refuses."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from afterbay.endpoint.partiql.items import item_request
from afterbay.endpoint.partiql.selections import select_requests
from afterbay.endpoint.partiql.statements import Select, read_statement
from afterbay.endpoint.table_key import TableKey
from afterbay.errors import EndpointError

KEY = TableKey({"pk": "S", "sk": "N"})
CLAUSES = "SELECT;INSERT INTO;UPDATE;DELETE FROM;EXISTS(;FROM;WHERE;SET;REMOVE;ORDER BY;DESC;VALUE;RETURNING ALL OLD *"
CONDITIONS = "AND;OR;NOT;IN;IS;MISSING;BETWEEN;pk='a';sk=1;size(;contains(;=;<;<>"
VALUES = """pk;sk;n;"q""r";m.x;l[0];'it''s';1.5;?;true;null;set_add(;list_append(;-;+;*;,;(;);[;];{;};<<;>>;:"""
TOKENS = f"{CLAUSES};{CONDITIONS};{VALUES}".split(";")
STARTS = (
    "SELECT * FROM t WHERE",
    "UPDATE t SET n =",
    "UPDATE t REMOVE n WHERE pk='a' AND sk=1 AND",
    "DELETE FROM t WHERE pk='a' AND sk=1",
    "INSERT INTO t VALUE {'pk':'a','sk':1,'v':",
    "",
)
STATEMENTS = st.builds(
    lambda start, tokens: " ".join([start, *tokens]),
    st.sampled_from(STARTS),
    st.lists(st.sampled_from(TOKENS), max_size=12),
)


@settings(max_examples=100)
@given(st.one_of(STATEMENTS, st.text(max_size=40)))
@example("SELECT m.l[" + "9" * 5000 + "].x FROM t")
@example("INSERT INTO t VALUE " + "[" * 5000)
@example("SELECT * FROM t WHERE " + "NOT " * 1000)
def test_a_statement_is_read_or_refused(text: str) -> None:
    with suppress(EndpointError):
        statement = read_statement({"Statement": text, "Parameters": [{"N": "1"}]})
        if isinstance(statement, Select):
            for operation, members in select_requests(statement, KEY, one=False):
                assert operation in ("Query", "Scan") and members["TableName"] == statement.table
        else:
            assert item_request(statement, KEY).key.keys() == KEY.types.keys()
