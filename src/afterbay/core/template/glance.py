"""A glance at an event: just the branches that somebody looks at, read from its bytes.

What templates and parameters ask of a record is a few of its members; decoding the others is most of what a pipe takes.
What comes out is what ``Event.read`` would give, without the rest, and paths find the same in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, cast

import msgspec
from msgspec import Raw

from afterbay.core.template.path import Path

__all__ = ["Glance"]

_Branches = dict[str, "_Branches | None"]
"""Names and what is looked at below them; None: all of it."""


class Glance:
    """``paths`` are looked at, each as far as its names go. Raises ``ValueError`` for ``$``, which looks at
    everything."""

    def __init__(self, paths: Iterable[Path]) -> None:
        tree: _Branches = {}
        for path in paths:
            if not path.names:
                raise ValueError("a path to the whole event leaves nothing out")
            _plant(tree, path.names)
        self._decode = msgspec.json.Decoder(_shape(tree), float_hook=Raw).decode

    def read(self, data: bytes) -> object | None:
        """The branches; None where the event has another form than the paths expect, and is to be read whole."""
        try:
            return self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None


def _plant(tree: _Branches, names: tuple[str, ...]) -> None:
    first, *rest = names
    if not rest:
        tree[first] = None
        return
    below = tree.setdefault(first, {})
    if below is not None:
        _plant(below, tuple(rest))


def _shape(tree: _Branches) -> type[object]:
    """What to decode: names that are not there may be missing, names that are not in it are passed over."""
    members = {name: object if below is None else _shape(below) for name, below in tree.items()}
    made = TypedDict("Branch", members, total=False)  # type: ignore[misc]  # made of what a pipe looks at
    return cast("type[object]", made)
