"""Names for what a template leaves unnamed, as CloudFormation makes them: stack, logical id, a suffix.

The suffix comes from both, so that the same template makes the same names again.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

__all__ = ["physical_name", "stack_name"]

STACK_MAX = 128
SUFFIX = 12

_COMMON = ("template", "cloudformation", "plan", "tfplan", "packaged", "sam")


def stack_name(file: Path) -> str:
    """A stack's name after the template's file, or its folder where the file's name says nothing."""
    stem = file.name.split(".")[0]
    told = file.resolve().parent.name if stem.lower() in _COMMON else stem
    clean = re.sub(r"[^A-Za-z0-9]+", "-", told).strip("-")[:STACK_MAX]
    return clean if re.match(r"[A-Za-z]", clean) else f"stack-{clean}".rstrip("-")


def physical_name(stack: str, logical_id: str, longest: int, *, lower: bool = False, tail: str = "") -> str:
    """``STACK-ID-SUFFIX``, shortened from the middle to ``longest``. ``tail`` is kept at the end (``.fifo``)."""
    suffix = hashlib.sha256(f"{stack}/{logical_id}".encode()).hexdigest()[:SUFFIX]
    clean = re.sub(r"[^A-Za-z0-9]+", "-", logical_id).strip("-")  # Terraform's addresses have dots and brackets
    room = longest - SUFFIX - len(tail) - 2
    own = clean[: max(room // 2, room - len(stack))]
    name = f"{stack[: room - len(own)].rstrip('-')}-{own}-{suffix}{tail}"
    return name.lower() if lower else name
