"""Patterns with faults, as JSON text: seeded. Those of ``generate`` with some values or keys exchanged."""

from __future__ import annotations

import random

from patterns import generate

KEYS = (
    *("prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "cidr", "exists", "exactly"),
    *("$or", "nope", "=", "a", "Prefix", ""),
)


def obj(*pairs):
    return ("{", list(pairs))


def number(text):
    return (text,)


VALUES = (
    *("", "x", "a*b", "**", "\\", "\\x", "a\\**", "=", "<", "<=", ">", ">=", True, False, None),
    *("10.0.0.0/8", "10.0.0.0/32", "10.0.0/8", "300.1.1.1/8", "10.0.0.0/-1", "10.0.0.0/x", "::1/128", "::/0", "gg::/3"),
    *("/", "10.0.0.0", "10.0.0.0/8/"),
    *map(number, ("0", "5", "1e400", "9007199254740993")),
    obj(),
    obj(("x", "y")),
    obj(("prefix", "x")),
    obj(("prefix", "")),
    obj(("prefix", "x"), ("suffix", "y")),
    obj(("prefix", obj(("equals-ignore-case", "x")))),
    obj(("suffix", ["a", ""])),
    obj(("equals-ignore-case", "x")),
    obj(("equals-ignore-case", number("1"))),
    obj(("equals-ignore-case", ["x", number("1")])),
    obj(("wildcard", ["a*", "**"])),
    obj(("wildcard", number("1"))),
    [],
    [obj()],
    [["x"]],
    ["x"],
    ["", ""],
    [None],
    [number("1")],
    ["x", number("1")],
    ["<", number("5")],
    ["=", number("1e400")],
    [">"],
    [">", number("1"), "<"],
    [">", number("1"), number("2")],
    [">", number("5"), "<", number("5")],
    [">", number("5"), "<=", number("9")],
    [">", number("5"), "=", number("9")],
    [">", number("1"), "<", number("5"), "x"],
    ["<", number("5"), ">", number("1")],
)


def pattern(seed):
    """The text of a pattern, mostly an invalid one. Repeated keys and escapes are among it."""
    chance = random.Random(seed)
    tree = generate.pattern_of(seed)
    for _ in range(chance.choice((1, 1, 2, 3))):
        tree = spoiled(tree, chance)
    return generate.spell(tree, chance)


def spoiled(tree, chance):
    """A copy with one place changed: exchanged, or a member put in or taken out."""
    places = list(places_of(tree, ()))
    return changed(tree, chance.choice(places), chance)


def places_of(value, way):
    yield way
    for at, inner in enumerate(members_of(value)):
        yield from places_of(inner, (*way, at))


def members_of(value):
    if isinstance(value, tuple) and len(value) == 2:
        return [member for _, member in value[1]]
    return value if isinstance(value, list) else []


def changed(value, way, chance):
    if way:
        at, *rest = way
        if isinstance(value, list):
            return [*value[:at], changed(value[at], rest, chance), *value[at + 1 :]]
        pairs = value[1]
        key, member = pairs[at]
        return ("{", [*pairs[:at], (key, changed(member, rest, chance)), *pairs[at + 1 :]])
    how = chance.random()
    if isinstance(value, list) and how < 0.6:
        more = chance.choice(VALUES) if how < 0.2 else obj((chance.choice(KEYS), chance.choice(VALUES)))
        return without_one(value, chance) if how > 0.35 else with_one(value, more, chance)
    if isinstance(value, tuple) and len(value) == 2 and how < 0.6:
        pair = (chance.choice(KEYS), chance.choice(VALUES))
        return ("{", without_one(value[1], chance) if how > 0.35 else with_one(value[1], pair, chance))
    return chance.choice(VALUES)


def with_one(items, more, chance):
    at = chance.randrange(len(items) + 1)
    return [*items[:at], more, *items[at + chance.randrange(2) :]]


def without_one(items, chance):
    at = chance.randrange(len(items) + 1)
    return [*items[:at], *items[at + 1 :]]
