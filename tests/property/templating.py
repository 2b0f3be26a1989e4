"""Records that are taken for templates, and paths into them."""

from __future__ import annotations

from hypothesis import strategies as st

TRAPS = [
    "<$.a>",
    "<$>",
    "<aws.pipes.pipe-name>",
    '"',
    "\\",
    '\\"',
    "\\u00",
    "{",
    "}",
    "<",
    ">",
    "\n",
    "é\u2028😀",
    "",
    "null",
]
TEXTS = st.lists(st.sampled_from(TRAPS) | st.text(max_size=4), max_size=3).map("".join).filter(str.isascii) | (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
)
NAMES = st.sampled_from(["a", "b", "c-d", "e/f"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**20, 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(NAMES, VALUES, max_size=4)

SEGMENTS = st.tuples(NAMES, st.sampled_from(["", "", "", "[0]", "[1]", "[*]", "[*][0]"])).map("".join)
PATHS = st.lists(SEGMENTS, max_size=3).map(lambda segments: ".".join(["$", *segments]))
