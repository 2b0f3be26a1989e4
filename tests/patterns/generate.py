"""Random pairs of pattern and event, as JSON text: seeded, made to match about half of the time.

The event comes first; a pattern is then mostly made of what the event holds, with every operator, ``$or``, dotted and
repeated keys. Texts are spelled with and without escapes, numbers in several spellings.
"""

from __future__ import annotations

import json
import random

KEYS = ("a", "b", "c", "S", "N", "a.b", "b.c", "é", "x-y")
TEXTS = (
    "",
    "x",
    "abc",
    "ABC",
    "aXc",
    "abab",
    "straße",
    "STRASSE",
    "É",
    "\u0000",
    'q"\\',
    "a*b",
    "😀x",
    "10.0.0.1",
    "10.0.0.77",
    "::ffff:10.0.0.1",
    "2001:db8::1",
    "2001:0DB8:0::1",
    "300",
    "line\nbreak",
    "Ωσς",
    "aaaa",
)
NUMBERS = (
    "0",
    "-0",
    "-0.0",
    "1",
    "300",
    "300.0",
    "3e2",
    "3.0E+2",
    "0.1",
    "1e-1",
    "-5",
    "7.25",
    "9007199254740992",
    "9007199254740993",
    "1e400",
    "1e22",
    "0.10000000000000000555",
    "123456789012345678901",
    "2.5e-10",
    "1e-400",
)
COMPARABLE = tuple(
    n
    for n in NUMBERS
    if n not in ("9007199254740993", "1e400", "0.10000000000000000555", "123456789012345678901", "1e-400")
)
OPERATORS = (
    "literal",
    "prefix",
    "suffix",
    "prefix-eic",
    "suffix-eic",
    "equals-ignore-case",
    "wildcard",
    "anything-but",
    "anything-but-list",
    "anything-but-prefix",
    "anything-but-suffix",
    "anything-but-eic",
    "anything-but-wildcard",
    "numeric",
    "cidr",
    "exists",
    "absent",
    "exactly",
)


def spell(value, chance):
    """JSON text of a tree in which numbers are tuples ``(text,)`` and objects lists of pairs ``("{", pairs)``."""
    if isinstance(value, tuple) and len(value) == 1:
        return value[0]
    if isinstance(value, tuple):
        blank = chance.choice(("", " "))
        return "{" + ",".join(f"{spell(key, chance)}:{blank}{spell(member, chance)}" for key, member in value[1]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(spell(one, chance) for one in value) + "]"
    if isinstance(value, str):
        if value and chance.random() < 0.15:
            at = chance.randrange(len(value))
            if ord(value[at]) < 0x10000:
                return json.dumps(value[:at])[:-1] + f"\\u{ord(value[at]):04x}" + json.dumps(value[at + 1 :])[1:]
        return json.dumps(value, ensure_ascii=chance.random() < 0.5)
    return json.dumps(value)


def scalar(chance, odd=True):
    kind = chance.random()
    if kind < 0.6:
        return chance.choice(TEXTS)
    if kind < 0.85:
        return (chance.choice(NUMBERS if odd else COMPARABLE),)
    return chance.choice((True, False, None))


def make_value(chance, depth, odd):
    kind = chance.random()
    if depth and kind < 0.4:
        return make_object(chance, depth - 1, odd)
    if depth and kind < 0.6:
        return [make_value(chance, depth - 1, odd) for _ in range(chance.randrange(4))]
    return scalar(chance, odd)


def make_object(chance, depth, odd):
    keys = chance.sample(KEYS, chance.randrange(1, 5))
    if not odd and chance.random() < 0.5:
        keys.append(chance.choice(keys))  # a repeated key: then no odd numbers, see test_patterns_against_java
    return ("{", [(key, make_value(chance, depth, odd)) for key in keys])


def leaves_of(value, path, out):
    if isinstance(value, tuple) and len(value) == 2:
        for key, member in value[1]:
            leaves_of(member, (*path, key), out)
    elif isinstance(value, list):
        for one in value:
            leaves_of(one, path, out)
    else:
        out.append((path, value))


def operator(name, seen, chance):
    """A member made for (or, if it does not fit, beside) the value seen."""
    text = seen if isinstance(seen, str) else chance.choice(TEXTS)
    number = seen if isinstance(seen, tuple) and seen[0] in COMPARABLE else (chance.choice(COMPARABLE),)
    cut = chance.randrange(len(text) + 1)
    other = chance.choice(TEXTS)
    starred = (
        text[:cut].replace("\\", "\\\\").replace("*", "\\*")
        + "*"
        + text[cut + chance.randrange(2) :].replace("\\", "\\\\").replace("*", "\\*")
    )
    value = float(number[0])
    step = max(1.0, abs(value) / 2)
    one = lambda key, operand: ("{", [(key, operand)])  # noqa: E731
    match name:
        case "literal":
            return seen
        case "prefix":
            return one("prefix", text[:cut])
        case "suffix":
            return one("suffix", text[cut:])
        case "prefix-eic":
            return one("prefix", one("equals-ignore-case", text[:cut].swapcase() or "x"))
        case "suffix-eic":
            return one(
                "suffix", one("equals-ignore-case", "".join(c.swapcase() for c in text[cut:] if c not in "ßς") or "c")
            )
        case "equals-ignore-case":
            return one("equals-ignore-case", chance.choice((text, text.upper(), text.lower())))
        case "wildcard":
            return one("wildcard", starred)
        case "anything-but":
            return one("anything-but", chance.choice((text, other, number)))
        case "anything-but-list":
            return one("anything-but", chance.choice(([text, other], [number], [other, "zz"])))
        case "anything-but-prefix":
            return one("anything-but", one("prefix", chance.choice((other or "x", [text[:1] or "q", "zz"]))))
        case "anything-but-suffix":
            return one("anything-but", one("suffix", chance.choice((other or "x", [text[-1:] or "q"]))))
        case "anything-but-eic":
            return one("anything-but", one("equals-ignore-case", chance.choice((text.swapcase(), [other, text]))))
        case "anything-but-wildcard":
            return one("anything-but", one("wildcard", chance.choice((starred, [starred, "z*"]))))
        case "numeric":
            return one(
                "numeric",
                chance.choice(
                    (
                        ["=", number],
                        [">=", number],
                        ["<", (repr(value + step),)],
                        [">", (repr(value - step),), "<=", (repr(value + step),)],
                    )
                ),
            )
        case "cidr":
            return one("cidr", chance.choice(("10.0.0.0/24", "10.0.0.64/26", "2001:db8::/32", "10.0.0.1/31")))
        case "exists":
            return one("exists", True)
        case "absent":
            return one("exists", False)
        case _:
            return one("exactly", text)


def put(tree, path, leaf):
    """Nest a leaf array below a path in a list of pairs."""
    for key in path[:-1]:
        inner = next((member for name, member in tree if name == key and isinstance(member, tuple)), None)
        if inner is None:
            inner = ("{", [])
            tree.append((key, inner))
        tree = inner[1]
    tree.append((path[-1], leaf))


def fields(chance, leaves, used, count):
    tree = []
    for _ in range(count):
        path, seen = chance.choice(leaves)
        if chance.random() < 0.15:
            path, seen = (*path[:-1], chance.choice(KEYS)), chance.choice(TEXTS)
        if chance.random() < 0.2:
            path = tuple(".".join(path).split("."))
        elif chance.random() < 0.1:
            path = (".".join(path),)
        names = [chance.choice(OPERATORS) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
        used.update(names)
        put(tree, path, [operator(name, seen, chance) for name in names])
    return tree


def pair(seed):
    """(pattern text, event text, operators used, does the event have repeated keys)."""
    chance = random.Random(seed)
    pattern, event, used, repeats = trees(chance)
    return spell(pattern, chance), spell(event, chance), used, repeats


def pattern_of(seed):
    """The pattern of a pair as a tree."""
    return trees(random.Random(seed))[0]


def trees(chance):
    repeats = chance.random() < 0.15
    event = make_object(chance, 3, not repeats)
    leaves = []
    leaves_of(event, (), leaves)
    leaves = leaves or [(("a",), "x")]
    used = set()
    tree = fields(chance, leaves, used, chance.choice((1, 1, 2, 3)))
    if chance.random() < 0.2:
        used.add("$or")
        branches = [("{", fields(chance, leaves, used, chance.choice((1, 2)))) for _ in range(chance.choice((2, 3)))]
        tree.insert(chance.randrange(len(tree) + 1), ("$or", branches))
    return ("{", tree), event, used, repeats
