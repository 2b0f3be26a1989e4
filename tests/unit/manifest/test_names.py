"""Names for what a template leaves unnamed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterbay.manifest.names import physical_name, stack_name

STACKS = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,127}", fullmatch=True)
IDS = st.from_regex(r"[A-Za-z0-9]{1,100}", fullmatch=True)


@given(STACKS, IDS, st.sampled_from([63, 64, 80, 255]), st.sampled_from(["", ".fifo"]))
def test_a_name_is_within_its_bound_and_the_same_again(stack, logical_id, longest, tail):
    name = physical_name(stack, logical_id, longest, tail=tail)
    assert len(name) <= longest and name.endswith(tail) and name == physical_name(stack, logical_id, longest, tail=tail)
    assert name.startswith(stack[:1])


def test_long_ids_that_begin_alike_have_names_of_their_own():
    assert physical_name("s", "A" * 100, 64) != physical_name("s", "A" * 99 + "B", 64)


def test_a_short_name_shows_stack_and_id():
    assert physical_name("shop", "Orders", 64).startswith("shop-Orders-")
    assert physical_name("shop", 'aws_sqs_queue.failed["a"]', 80).startswith("shop-aws-sqs-queue-failed-a-")
    assert physical_name("Shop", "Bucket", 63, lower=True).startswith("shop-bucket-")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("orders/template.yaml", "orders"),
        ("x/Orders.template.json", "Orders"),
        ("my shop/plan.json", "my-shop"),
        ("1st/template.yml", "stack-1st"),
        ("x/pipeline.yaml", "pipeline"),
    ],
)
def test_a_stack_is_named_after_its_file_or_its_folder(tmp_path, path, name):
    assert stack_name(tmp_path / Path(path)) == name
