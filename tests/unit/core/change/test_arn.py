"""ARNs and function names in all their forms (R2, R29)."""

import pytest

from afterbay.core.change.arn import Arn, FunctionName, parse_arn, parse_function_name, parse_stream_arn
from afterbay.errors import SettingsError

STREAM = "arn:aws-cn:dynamodb:cn-north-1:000000000000:table/my.Table_1-x/stream/2026-01-01T00:00:00.000"


def test_an_arn_is_its_parts_and_back():
    text = "arn:aws:sqs:eu-west-1:000000000000:queue:with:colons"
    assert parse_arn(text) == Arn("aws", "sqs", "eu-west-1", "000000000000", "queue:with:colons")
    assert str(parse_arn(text)) == text
    assert parse_arn("arn:aws:s3:::bucket").region == ""


@pytest.mark.parametrize(
    "text", ["", "queue", "arn:aws:sqs", "arn::sqs:r:a:q", "arn:aws::r:a:q", "arn:aws:sqs:r:a:", "x" * 9]
)
def test_text_that_is_no_arn_is_refused_with_the_form(text):
    with pytest.raises(SettingsError, match="arn:PARTITION"):
        parse_arn(text)


def test_a_stream_arn_names_table_and_label():
    stream = parse_stream_arn(STREAM)
    assert (stream.table, stream.label, stream.region) == ("my.Table_1-x", "2026-01-01T00:00:00.000", "cn-north-1")
    assert stream.table_arn == "arn:aws-cn:dynamodb:cn-north-1:000000000000:table/my.Table_1-x"
    assert str(stream) == stream.arn == STREAM


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:dynamodb:r:a:table/t",
        "arn:aws:dynamodb:r:a:table/t/stream/",
        "arn:aws:dynamodb:r:a:table/t/stream/a/b",
        "arn:aws:kinesis:r:a:table/t/stream/l",
        "arn:aws:kinesis:eu-west-1:000000000000:stream/s",
    ],
)
def test_another_arn_is_no_stream(text):
    with pytest.raises(SettingsError, match="not the ARN of a DynamoDB stream"):
        parse_stream_arn(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("f", FunctionName("f")),
        ("f:$LATEST", FunctionName("f", "$LATEST")),
        ("f:live", FunctionName("f", "live")),
        ("function:f", FunctionName("f")),
        ("111122223333:function:f", FunctionName("f", None, "111122223333")),
        ("111122223333:function:f:1", FunctionName("f", "1", "111122223333")),
        (
            "arn:aws:lambda:eu-west-1:111122223333:function:f:live",
            FunctionName("f", "live", "111122223333", "eu-west-1", "aws"),
        ),
    ],
)
def test_a_function_is_named_in_every_form(text, named):
    assert parse_function_name(text) == named


def test_the_full_arn_keeps_the_qualifier_as_given_and_what_was_named():
    home = {"region": "eu-west-1", "account": "000000000000"}
    assert parse_function_name("f").arn(**home) == "arn:aws:lambda:eu-west-1:000000000000:function:f"
    assert parse_function_name("f:$LATEST").arn(**home).endswith(":function:f:$LATEST")
    full = "arn:aws-cn:lambda:cn-north-1:111122223333:function:f:1"
    assert parse_function_name(full).arn(**home) == full


def test_a_function_is_in_the_partition_of_its_region_unless_another_is_told():
    home = {"region": "us-gov-west-1", "account": "000000000000"}
    assert parse_function_name("f").arn(**home) == "arn:aws-us-gov:lambda:us-gov-west-1:000000000000:function:f"
    assert parse_function_name("f").arn(**home, partition="aws-x").startswith("arn:aws-x:lambda:us-gov-west-1:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "f:",
        "f:a:b",
        "f" * 65,
        "arn:aws:lambda:eu-west-1:111122223333:f",
        "arn:aws:lambda:eu-west-1:function:f",
        "arn:aws:sqs:eu-west-1:111122223333:function:f",
        "11:function:f",
    ],
)
def test_text_that_names_no_function_is_refused(text):
    with pytest.raises(SettingsError, match="not a function's name"):
        parse_function_name(text)
