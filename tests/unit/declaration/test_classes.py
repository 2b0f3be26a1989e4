"""Every property that is published for a type of ours has a class, and every type of ours a reader."""

from __future__ import annotations

import pytest

from afterbay.declaration.classes import CLASSES, NOT_FIRED, REFUSED_TYPES
from afterbay.declaration.place import Place
from afterbay.declaration.resources import Declared, typed
from afterbay.declaration.schema import nearest_type, properties_of, published


def leaves(tree):
    if isinstance(tree, dict):
        for one in tree.values():
            yield from leaves(one)
    elif isinstance(tree, list):
        assert len(tree) == 1
        yield from leaves(tree[0])
    else:
        yield tree


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_each_property_is_in_one_class(kind):
    classes, tree = CLASSES[kind], properties_of(kind)
    groups = [classes.honoured, classes.without_effect, {name for name, _ in classes.refused}]
    assert set().union(*groups) == set(tree)
    assert sum(map(len, groups)) == len(tree)


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_each_tree_has_the_five_kinds_of_leaves_only(kind):
    assert set(leaves(properties_of(kind))) <= set("sinbx")


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_each_type_has_a_typed_form(kind):
    declared = Declared(id="X", kind=kind, place=Place("t", 1), properties={}, needs=frozenset(), places={})
    assert typed(declared).declared is declared


def test_the_types_that_are_told_apart_are_published():
    own = {"AWS::Serverless::Application"}
    assert all(published(kind) for kind in {*CLASSES, *NOT_FIRED, *REFUSED_TYPES} - own)
    assert not REFUSED_TYPES.keys() & CLASSES.keys()


@pytest.mark.parametrize(
    ("kind", "meant"),
    [("AWS::SQS::Queu", "AWS::SQS::Queue"), ("AWS::DynmoDB::Table", "AWS::DynamoDB::Table"), ("Quite::Other", "")],
)
def test_the_nearest_type_is_named(kind, meant):
    assert nearest_type(kind) == (f" (did you mean {meant}?)" if meant else "")
