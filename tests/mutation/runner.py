"""Runs tests against mutants, in a private copy of the tree and never in the tree itself.

One pytest session collects the tests, runs them once while it notes which lines each of them reaches, then forks for
every mutant: the child exchanges the code of the functions that differ and runs the tests that reach them, those that
caught most so far and the quick ones first, up to the first failure. Constants, tables and defaults are exchanged in
the same way; what else is outside of functions is written to the copy and gets a session of its own.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import enum
import gc
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

if __package__:
    from mutation.mutants import Mutant
else:
    from mutants import Mutant

__all__ = ["LAYERS", "copy_tree", "run"]

LAYERS: tuple[tuple[str, ...], ...] = (
    ("tests/unit/core/mapping", "tests/vectors", "-k", "test_esm or unit"),
    (
        "tests/cases",
        "tests/simulation/test_engine_and_simulator_agree.py",
        "tests/simulation/test_worlds.py::test_worlds_that_once_failed_hold",
        "-k",
        "not opensearch and not bulk_answers",  # servers, which no rule of mappings is about
    ),
    ("tests/unit/engine", "tests/unit/telemetry", "tests/unit/endpoint/test_lambda_mappings.py"),
)
"""Tests by their speed; a mutant that one layer does not catch goes to the next."""

SLOW = "tests/unit/engine/test_memory_stays_flat.py"

KILLED, SURVIVED, TIMED_OUT, COLD = "killed", "survived", "timeout", "cold"
SECONDS_MAX = 40.0
"""A mutant that runs longer, and ten times longer than its tests did, does not end any more."""


def copy_tree(checkout: Path, target: Path, *, at: str | None = None) -> None:
    """What the tests need, into ``target``: the files as they are, or those of the commit ``at``."""
    names = ["src", "tests", "docs", "examples", "pyproject.toml"]
    target.mkdir(parents=True, exist_ok=True)
    if at is not None:
        tar = subprocess.run(
            ["git", "archive", "--format=tar", at, *names], cwd=checkout, check=True, capture_output=True
        )
        with tarfile.open(fileobj=io.BytesIO(tar.stdout)) as archive:
            archive.extractall(target, filter="data")
        return
    for name in names:
        origin = checkout / name
        if origin.is_dir():
            shutil.copytree(origin, target / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copy(origin, target / name)


def run(tree: Path, mutants: Iterable[Mutant], layers: Iterable[tuple[str, ...]] = LAYERS) -> Iterator[dict[str, Any]]:
    """Say of each mutant, as it becomes known: ``killed`` (and by which test), ``survived`` or ``timeout``."""
    left = list(mutants)
    for depth, layer in enumerate(layers, start=1):
        survivors: list[Mutant] = []
        for mutant, result in _session(tree, left, layer):
            if result["result"] == COLD:
                result = _alone(tree, mutant, layer)
            result |= {"layer": depth, "name": mutant.name, **asdict(mutant)}
            if result["result"] == SURVIVED:
                survivors.append(mutant)
                print(f"layer {depth} lets through {mutant.name}", file=sys.stderr, flush=True)
            else:
                yield result
        left = survivors
        if not left:
            return
    for also in sorted({one.also for one in left if one.also}):
        with_also = [one for one in left if one.also == also]
        for mutant, result in _session(tree, with_also, also):
            if result["result"] == COLD:
                result = _alone(tree, mutant, also)
            if result["result"] != SURVIVED:
                left.remove(mutant)
                yield result | {"layer": 9, "name": mutant.name, **asdict(mutant)}
    for mutant in left:
        yield {"result": SURVIVED, "by": "", "layer": 0, "name": mutant.name, **asdict(mutant)}


def _environment(tree: Path) -> dict[str, str]:
    paths = os.pathsep.join([str(tree / "src"), str(tree / "tests")])
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}


def _pytest(*words: str) -> list[str]:
    return [*("-q", "-x", "-p", "no:cacheprovider", "-m", "not long", "-o", "timeout=30", f"--ignore={SLOW}"), *words]


def _session(tree: Path, mutants: list[Mutant], layer: tuple[str, ...]) -> Iterator[tuple[Mutant, dict[str, Any]]]:
    plan = tree / "plan.json"
    plan.write_text(json.dumps([asdict(one) for one in mutants]))
    command = [sys.executable, str(Path(__file__)), str(plan), *layer]
    with subprocess.Popen(
        command, cwd=tree, env=_environment(tree), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        done = 0
        for line in process.stdout:
            if line.startswith("RESULT "):
                yield mutants[done], json.loads(line.removeprefix("RESULT "))
                done += 1
            else:
                said.append(line)
    if done < len(mutants):
        raise RuntimeError("the tests do not pass without a mutant:\n" + "".join(said[-40:]))


def _alone(tree: Path, mutant: Mutant, layer: tuple[str, ...]) -> dict[str, Any]:
    """In a session of its own, from the file."""
    file = tree / "src" / "afterbay" / mutant.file
    source = file.read_text()
    file.write_text(mutant.applied(source))
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", *_pytest("--tb=no", *layer)],
            cwd=tree,
            env=_environment(tree),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=600)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return {"result": TIMED_OUT, "by": ""}
    finally:
        file.write_text(source)
    if process.returncode in (0, 5):
        return {"result": SURVIVED, "by": ""}
    named = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return {"result": KILLED, "by": named[0].split(" ")[1] if named else "the module does not load"}


class _Forking:
    """The pytest plugin: collects once, then forks for every mutant."""

    def __init__(self, root: Path, mutants: list[Mutant], results: int) -> None:
        self.results = results
        self.root = root
        self.mutants = mutants
        self.failed = ""
        self.sources: dict[str, str] = {}
        self.killers: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.unfreeze()  # what was imported while tests were collected is looked for among all objects (_exchanges)
        reached, took = self._trace(session.items)
        for mutant in self.mutants:
            result = self._try(mutant, session.items, reached, took)
            if result.get("by"):
                self.killers[result["by"]] += 1
            os.write(self.results, f"\nRESULT {json.dumps(result)}\n".encode())
        return True

    def _trace(self, items: list[pytest.Item]) -> tuple[dict[tuple[str, int], set[int]], list[float]]:
        """Run all tests in a child, once; say which lines each reaches, and how long it takes."""
        files = {str(self.root / mutant.file) for mutant in self.mutants}
        into, out = os.pipe()
        child = os.fork()
        if not child:
            os.close(into)
            seen: set[tuple[str, int]] = set()

            def at_line(frame: types.FrameType, event: str, _: Any) -> Any:
                seen.add((frame.f_code.co_filename, frame.f_lineno))
                return at_line

            def at_call(frame: types.FrameType, event: str, _: Any) -> Any:
                if frame.f_code.co_filename not in files:
                    return None
                seen.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))
                return at_line

            told: list[Any] = []
            for number, item in enumerate(items):
                seen.clear()
                before = time.monotonic()
                threading.settrace(at_call)
                sys.settrace(at_call)
                _one(items, number, item)
                sys.settrace(None)
                threading.settrace(None)  # type: ignore[arg-type]
                told.append([round(time.monotonic() - before, 4), sorted(seen), self.failed])
                if self.failed:
                    break
            with os.fdopen(out, "w") as pipe:
                json.dump(told, pipe)
            os._exit(0)
        os.close(out)
        with os.fdopen(into) as pipe:
            told = json.load(pipe)
        os.waitpid(child, 0)
        if told and told[-1][2]:
            os.write(self.results, f"fails without a mutant: {told[-1][2]}\n".encode())
            os._exit(1)
        reached: dict[tuple[str, int], set[int]] = {}
        for number, (_, lines, _) in enumerate(told):
            for file, line in lines:
                reached.setdefault((file, line), set()).add(number)
        return reached, [one[0] for one in told]

    def _try(
        self,
        mutant: Mutant,
        items: list[pytest.Item],
        reached: dict[tuple[str, int], set[int]],
        took: list[float],
    ) -> dict[str, Any]:
        file = str(self.root / mutant.file)
        if mutant.file not in self.sources:
            self.sources[mutant.file] = Path(file).read_text()
        source = self.sources[mutant.file]
        mutated = mutant.applied(source)
        changed = _exchange(file, source, mutated)
        values = None if changed is not None else _values(file, source, mutated)
        if changed is None and values is None:
            return {"result": COLD}
        if changed is not None:
            lines = {line for code in changed for line in range(code.co_firstlineno, _last_line(code) + 1)}
            exact = {line for line in lines if mutant.span[0] <= line <= mutant.span[1]} or lines
            numbers = {number for line in exact for number in reached.get((file, line), ())}
        else:
            numbers = set(range(len(items)))
        if not numbers:
            return {"result": SURVIVED, "by": "", "tests": 0}
        chosen = sorted(numbers, key=lambda number: (-self.killers[items[number].nodeid], took[number]))
        limit_s = max(SECONDS_MAX, 10 * sum(took[number] for number in chosen))
        into, out = os.pipe()
        child = os.fork()
        if not child:
            os.close(into)
            os.setsid()
            for function, code in _exchanges(file, changed or []):
                function.__code__ = code
            for put in values or ():
                put()
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            with contextlib.suppress(BaseException):
                for number in chosen:
                    _one(items, number, items[number])
                    if self.failed:
                        break
                os.write(out, (self.failed or "-").encode())
            os._exit(0)
        os.close(out)
        return _judged(child, into, limit_s, len(chosen))


def _one(items: list[pytest.Item], number: int, item: pytest.Item) -> None:
    """With no next item, so that what a fixture holds is given back: the order is not the session's."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def _judged(child: int, into: int, limit_s: float, tests: int) -> dict[str, Any]:
    until = time.monotonic() + limit_s
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(into)
            return {"result": TIMED_OUT, "by": "", "tests": tests}
        time.sleep(0.005)
    with os.fdopen(into) as pipe:
        failed = pipe.read()
    if failed == "-":
        return {"result": SURVIVED, "by": "", "tests": tests}
    return {"result": KILLED, "by": failed or "the process ended", "tests": tests}


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The functions of a module and of its classes; what is inside of those comes with them."""
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            if one.co_flags & 0x02:  # a function: its variables are fast
                yield one
            else:
                yield from _codes(one)


def _exchange(file: str, source: str, mutated: str) -> list[types.CodeType] | None:
    """The functions that differ; None if something else does."""
    before = ast.parse(source)
    after = ast.parse(mutated)
    if _without_functions(before) != _without_functions(after):
        return None
    old = {code.co_qualname: code for code in _codes(compile(source, file, "exec", dont_inherit=True))}
    new = {code.co_qualname: code for code in _codes(compile(mutated, file, "exec", dont_inherit=True))}
    if old.keys() != new.keys():
        return None
    known = {function.__qualname__ for function, _ in _exchanges(file, list(new.values()))}
    changed = [code for name, code in new.items() if not _same(code, old[name])]
    if any(code.co_qualname not in known or code.co_freevars != old[code.co_qualname].co_freevars for code in changed):
        return None
    return changed


def _values(file: str, source: str, mutated: str) -> list[Callable[[], None]] | None:
    """What puts other constants, tables, defaults and values of enums in place; None if something else differs."""
    original = next((one for one in sys.modules.values() if getattr(one, "__file__", None) == file), None)
    if original is None:
        return None
    try:
        before, after = (_loaded(original.__name__, text) for text in (source, mutated))
    except Exception:  # noqa: BLE001  # it does not load: a session of its own says so
        return None
    puts: list[Callable[[], None]] = []
    for name, old in before.items():
        new = after.get(name)
        if isinstance(old, type):
            found = _values_of_class(original.__dict__[name], old, new)
            if found is None:
                return None
            puts += found
        elif isinstance(old, types.FunctionType):
            if _defaults(old) != _defaults(new):
                puts.append(partial(_put_defaults, original.__dict__[name], new))
        elif repr(old) != repr(new):
            if not _is_plain(old):
                return None
            for module in list(sys.modules.values()):
                if getattr(module, "__dict__", {}).get(name) is original.__dict__[name]:
                    puts.append(partial(setattr, module, name, new))
    return puts or None


def _is_plain(value: Any) -> bool:
    """No object of the module's own classes, which would be strangers to the classes that the tests know."""
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(one) for key, one in value.items())
    if isinstance(value, tuple | list | set | frozenset):
        return type(value) in (tuple, list, set, frozenset) and all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str, bytes, timedelta)


def _loaded(name: str, text: str) -> dict[str, Any]:
    """The module's names, of a copy that nothing else sees. Its name is there while it loads: dataclasses ask."""
    copy = types.ModuleType(name)
    known = sys.modules[name]
    sys.modules[name] = copy
    try:
        exec(compile(text, "<copy>", "exec", dont_inherit=True), copy.__dict__)
    finally:
        sys.modules[name] = known
    return {key: value for key, value in copy.__dict__.items() if key[:2] != "__" and _is_own(value, name)}


def _is_own(value: Any, name: str) -> bool:
    return not isinstance(value, types.ModuleType) and getattr(value, "__module__", name) == name


def _defaults(function: Any) -> tuple[Any, Any]:
    return function.__defaults__, function.__kwdefaults__


def _put_defaults(function: Any, other: Any) -> None:
    function.__defaults__, function.__kwdefaults__ = other.__defaults__, other.__kwdefaults__


def _values_of_class(original: Any, old: Any, new: Any) -> list[Callable[[], None]] | None:
    puts: list[Callable[[], None]] = []
    if issubclass(old, enum.Enum):
        for member, other in zip(old, new, strict=True):
            if issubclass(old, str) and member.value != other.value:
                return None
            if member.value != other.value:
                puts.append(partial(_put_value, original, member.name, other.value))
        return puts
    if repr(getattr(old, "__dataclass_params__", "")) != repr(getattr(new, "__dataclass_params__", "")):
        return None
    if getattr(old, "__struct_fields__", None) is not None and (
        repr(old.__struct_defaults__) != repr(new.__struct_defaults__)
        or repr(old.__struct_config__) != repr(new.__struct_config__)
    ):
        return None
    if dataclasses.is_dataclass(old):
        shown = [
            repr([(f.name, f.compare, f.repr, f.init, f.kw_only) for f in dataclasses.fields(c)]) for c in (old, new)
        ]
        if shown[0] != shown[1]:
            return None
    for name, function in vars(old).items():
        if isinstance(function, types.FunctionType):
            other = vars(new)[name]
            if repr(_defaults(function)) != repr(_defaults(other)):
                puts.append(partial(_put_defaults, vars(original)[name], other))
    return puts


def _put_value(original: Any, name: str, value: Any) -> None:
    member = original[name]
    del original._value2member_map_[member.value]
    original._value2member_map_[value] = member
    member._value_ = value


def _same(one: types.CodeType, other: types.CodeType) -> bool:
    return one == other and one.co_consts == other.co_consts


def _without_functions(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = []
    return ast.dump(tree)


def _exchanges(file: str, codes: list[types.CodeType]) -> list[tuple[types.FunctionType, types.CodeType]]:
    by_name = {code.co_qualname: code for code in codes}
    return [
        (one, by_name[one.__code__.co_qualname])
        for one in gc.get_objects()
        if isinstance(one, types.FunctionType)
        and one.__code__.co_filename == file
        and one.__code__.co_qualname in by_name
    ]


def _last_line(code: types.CodeType) -> int:
    return max((line for _, _, line in code.co_lines() if line is not None), default=code.co_firstlineno)


def _main() -> None:
    plan, layer = Path(sys.argv[1]), sys.argv[2:]
    mutants = [
        Mutant(**{**one, "span": tuple(one["span"]), "also": tuple(one["also"])})
        for one in json.loads(plan.read_text())
    ]
    root = plan.parent / "src" / "afterbay"
    sys.exit(pytest.main(_pytest(*layer), plugins=[_Forking(root, mutants, os.dup(1))]))


if __name__ == "__main__":
    _main()
