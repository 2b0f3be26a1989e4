"""Small faults made by machine: every place of a module where an operator, a constant or a statement can be spoilt.

Decides what the mutants are and which of them a sample holds. Running them is ``runner.py``'s.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "mutants_of", "sample"]


@dataclass(frozen=True)
class Mutant:
    """``new`` takes the place of the bytes from ``start`` to ``end`` of ``file`` (below src/afterbay). ``span`` are the
    lines of the statement around, ``kind`` is the operator's name, ``rule`` the rule that a written one breaks."""

    file: str
    start: int
    end: int
    new: str
    kind: str
    line: int
    span: tuple[int, int]
    old: str
    rule: str = ""
    broken: str = ""
    also: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        if self.rule:
            return f"{self.rule} {self.broken}"
        return f"{self.file}:{self.line} {self.kind}: {_one_line(self.old)} -> {_one_line(self.new)}"

    def applied(self, source: str) -> str:
        text = source.encode()
        return (text[: self.start] + self.new.encode() + text[self.end :]).decode()


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 90 else flat[:87] + "..."


TEXTS_OF = frozenset(
    {
        *("admission.py", "batch.py", "body.py", "constraints.py", "deadletter.py", "filters.py", "metrics.py"),
        *("response.py", "result.py", "settings.py", "window.py"),
    }
)
"""Modules whose texts are AWS's, or names in what is sent. Elsewhere they are words for people, and names of states."""

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "popleft": "pop", "sorted": "list"}


class _Finder:
    """Walks a module and gathers its mutants."""

    def __init__(self, file: str, source: str) -> None:
        self.file = file
        self.text = source.encode()
        self.starts = [0]
        for line in source.encode().splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.found: list[Mutant] = []
        self.span = (1, 1)

    def place(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    def add(self, node: ast.expr | ast.stmt, new: str, kind: str) -> None:
        start, end = self.place(node)
        old = self.text[start:end].decode()
        if old != new:
            self.found.append(Mutant(self.file, start, end, new, kind, node.lineno, self.span, old))

    # Statements

    def body(self, statements: list[ast.stmt], *, top: bool = False) -> None:
        for number, one in enumerate(statements):
            is_docstring = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
            if is_docstring or _says_what_cannot_be(one) or isinstance(one, ast.Import | ast.ImportFrom | ast.Pass):
                continue
            self.statement(one, lonely=len(statements) == 1 and number == 0, top=top)

    def statement(self, one: ast.stmt, *, lonely: bool, top: bool) -> None:
        self.span = (one.lineno, one.end_lineno or one.lineno)
        match one:
            case ast.FunctionDef():
                for default in [*one.args.defaults, *(d for d in one.args.kw_defaults if d is not None)]:
                    self.expression(default)
                self.body(one.body)
            case ast.ClassDef():
                self.body(one.body, top=True)
            case ast.If() | ast.While():
                self.head(one, one.test)
                self.negate(one.test, "negated condition")
                self.expression(one.test)
                self.body(one.body)
                self.body(one.orelse)
            case ast.For():
                self.head(one, one.iter)
                self.expression(one.iter)
                self.body(one.body)
            case ast.Try():
                self.body(one.body)
                for handler in one.handlers:
                    self.body(handler.body)
            case ast.Match():
                self.head(one, one.subject)
                self.expression(one.subject)
                for case in one.cases:
                    self.body(case.body)
            case ast.Return():
                self.returned(one)
            case ast.Assign() | ast.AnnAssign():
                target = one.targets[0] if isinstance(one, ast.Assign) else one.target
                if (isinstance(target, ast.Name) and target.id.startswith("__")) or (top and _is_union(one.value)):
                    return
                if not top and one.value is not None:
                    self.add(one, "pass", "removed statement")
                if one.value is not None:
                    self.expression(one.value)
            case ast.AugAssign():
                self.add(one, "pass", "removed statement")
                if type(one.op) in _CALCULATED:
                    other = ast.AugAssign(one.target, _CALCULATED[type(one.op)](), one.value)
                    self.add(one, ast.unparse(other), "arithmetic")
                self.expression(one.value)
            case ast.Expr():
                self.add(one, "pass", "removed statement")
                self.expression(one.value)
            case ast.Raise():
                self.add(one, "pass", "removed statement")
            case ast.Continue() | ast.Break() | ast.Delete():
                self.add(one, "pass", "removed statement")
            case _:
                pass

    def head(self, one: ast.stmt, inner: ast.expr) -> None:
        self.span = (one.lineno, inner.end_lineno or one.lineno)

    def returned(self, one: ast.Return) -> None:
        if one.value is None:
            self.add(one, "pass", "removed statement")
            return
        if isinstance(one.value, ast.Compare | ast.BoolOp) or _is_not(one.value):
            self.negate(one.value, "return value")
        elif not (isinstance(one.value, ast.Constant) and one.value.value in (None, True, False)):
            self.add(one, "return None", "return value")
        self.expression(one.value)

    # Expressions

    def negate(self, node: ast.expr, kind: str) -> None:
        if not _is_not(node):
            self.add(node, f"(not ({ast.unparse(node)}))", kind)

    def expression(self, node: ast.expr) -> None:
        if isinstance(node, ast.JoinedStr | ast.Lambda):
            return  # 3.11 does not say where the parts of a text are
        self.spoil(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expression(child)
            elif isinstance(child, ast.comprehension):
                self.expression(child.iter)
                for test in child.ifs:
                    self.negate(test, "negated condition")
                    self.expression(test)
            elif isinstance(child, ast.keyword):
                self.expression(child.value)

    def spoil(self, node: ast.expr) -> None:
        match node:
            case ast.Compare():
                for place, op in enumerate(node.ops):
                    for other in _COMPARED[type(op)]:
                        ops: list[ast.cmpop] = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                        self.add(node, f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})", "comparison")
            case ast.BinOp() if type(node.op) in _CALCULATED:
                other_op = ast.BinOp(node.left, _CALCULATED[type(node.op)](), node.right)
                self.add(node, f"({ast.unparse(other_op)})", "arithmetic")
            case ast.BoolOp():
                swapped = ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
                self.add(node, f"({ast.unparse(swapped)})", "boolean")
                for place in range(len(node.values)):
                    rest = [*node.values[:place], *node.values[place + 1 :]]
                    new = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
                    self.add(node, f"({ast.unparse(new)})", "removed operand")
            case ast.UnaryOp(op=ast.Not()):
                self.add(node, f"({ast.unparse(node.operand)})", "removed not")
            case ast.UnaryOp(op=ast.USub()):
                self.add(node, f"({ast.unparse(node.operand)})", "removed minus")
            case ast.IfExp():
                self.negate(node.test, "negated condition")
            case ast.Constant():
                self.constant(node)
            case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
                self.add(node.func, _CALLED[name], "other function")
            case ast.Call(func=ast.Attribute(attr=name)) if name in _CALLED:
                func = ast.Attribute(node.func.value, _CALLED[name], ast.Load())
                self.add(node.func, ast.unparse(func), "other function")
            case _:
                pass

    def constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self.add(node, str(not value), "constant")
        elif isinstance(value, int | float):
            self.add(node, repr(value + 1), "constant")
        elif isinstance(value, str | bytes) and self.file.rpartition("/")[2] in TEXTS_OF:
            self.add(node, repr(value + ("?" if isinstance(value, str) else b"?")), "text")


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def _says_what_cannot_be(one: ast.stmt) -> bool:
    """An assertion, or a text for one: taking it out, or wording it anew, changes nothing."""
    match one:
        case ast.Assert() | ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))):
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            return True
        case _:
            return False


def _is_union(node: ast.expr | None) -> bool:
    """``A | B`` of types: spoilt, the module does not even load."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)


def mutants_of(root: Path, file: str) -> list[Mutant]:
    """All mutants of one module; every one of them compiles. ``root`` is the folder src/afterbay."""
    source = (root / file).read_text()
    finder = _Finder(file, source)
    finder.body(ast.parse(source).body, top=True)
    return [one for one in dict.fromkeys(finder.found) if _compiles(one.applied(source))]


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def sample(by_file: dict[str, list[Mutant]], count: int, seed: int) -> list[Mutant]:
    """``count`` mutants spread evenly: one of each file in turn, in an order that ``seed`` draws. Of a file's small
    wordings (``text``) at most every fourth place is one."""
    drawn: list[Iterator[Mutant]] = []
    for file in sorted(by_file):
        dice = random.Random(f"{seed}/{file}")
        texts = [one for one in by_file[file] if one.kind == "text"]
        others = [one for one in by_file[file] if one.kind != "text"]
        dice.shuffle(texts)
        dice.shuffle(others)
        mixed: list[Mutant] = []
        while others or texts:
            mixed += [others.pop() for _ in range(min(3, len(others)))]
            if texts:
                mixed.append(texts.pop())
        drawn.append(iter(mixed))
    found: list[Mutant] = []
    while drawn and len(found) < count:
        for one in list(drawn):
            mutant = next(one, None)
            if mutant is None:
                drawn.remove(one)
            elif len(found) < count:
                found.append(mutant)
    return found
