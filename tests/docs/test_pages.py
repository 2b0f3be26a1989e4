"""Every page for users: its commands parse, its names and files are there, its JSON is JSON, its rules are told."""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.__main__ import BENCHMARKS

from afterbay.emulator.faults import ODDITIES
from afterbay.engine.wanted import read_mappings, read_pipes
from afterbay.stores.journal_rows import BYTES_MAX, ROWS_MAX
from afterbay.stores.memory import JOURNAL_BYTES_MAX, JOURNAL_ROWS_MAX
from docs.test_docs import DOCS, GROUP, README, ROOT, RULE_TABLES, numbers, options

PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(DOCS.glob("*.md"))}
PAGES |= {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(ROOT.glob("examples/**/README.md"))}
PAGES["README.md"] = README
FENCE = re.compile(r"^```([a-z]*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
RULE = re.compile(r"\b(?:[RSEXQB]|WR|P)\d+\b(?<!\bS3)")
"""S3 is the store's name."""
HAD = {"DATABASE_URL", "DLQ", "ENDPOINT", "PATH", "PWD"}
"""Variables that a reader has."""
MADE = {"benchmarks/latest.json"}
"""What a command leaves behind."""
PLACEHOLDERS = {"$DLQ": "http://127.0.0.1:4566/000000000000/orders-dlq"}


def fences(text: str, *languages: str) -> Iterator[str]:
    return (body for language, body in FENCE.findall(text) if language in languages)


def typed(text: str) -> Iterator[list[str]]:
    """The commands of afterbay in a page's blocks, as words behind ``afterbay``."""
    for block in fences(text, "", "sh", "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.split(r" && | \| ", line.removeprefix("$ ")):
                with contextlib.suppress(ValueError):  # a sentence with an apostrophe, in output
                    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(command, comments=True)]
                    while words and re.match(r"[A-Z_]+=", words[0]):
                        words = words[1:]
                    if words and words[0] in ("afterbay", ".venv/bin/afterbay"):
                        yield words[1:]


TYPED = sorted({(page, tuple(words)) for page, text in PAGES.items() for words in typed(text)})


@pytest.mark.parametrize(("page", "words"), TYPED, ids=lambda one: one if isinstance(one, str) else " ".join(one))
def test_a_command_of_a_page_is_one_that_the_command_line_takes(page: str, words: tuple[str, ...]) -> None:
    command, rest = GROUP, list(words)
    while True:
        context = command.make_context("afterbay", rest)
        if not hasattr(command, "resolve_command"):
            return
        _, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])


@pytest.mark.parametrize("page", PAGES)
def test_a_command_named_in_a_sentence_is_a_verb_with_such_options(page: str) -> None:
    for told in INLINE.findall(PAGES[page]):
        if found := re.match(r"afterbay ([a-z]+)\b", told):
            assert found[1] in GROUP.list_commands(None), told
            named = set(re.findall(r"--[a-z][a-z-]+", re.sub(r"/--no-[a-z-]+", "", told)))
            assert named <= options(found[1]) | {"--help"}, told


@pytest.mark.parametrize("page", PAGES)
def test_the_shell_of_a_page_makes_what_it_uses(page: str) -> None:
    text = "".join(fences(PAGES[page], "sh", "bash"))
    used = set(re.findall(r"\$\{?([A-Z_]+)", text))
    assert not {name for name in used - HAD if f"{name}=" not in text}
    assert all(f"zipfile -c {name}" in text for name in re.findall(r"fileb://(\S+)", text))


def there(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    module, _, rest = name.partition(".")
    found: object = importlib.import_module(module)
    for part in filter(None, rest.split(".")):
        module = f"{module}.{part}"
        if not hasattr(found, part):
            try:
                importlib.import_module(module)
            except ModuleNotFoundError:
                return False
        found = getattr(found, part)
    return True


@pytest.mark.parametrize("page", PAGES)
def test_a_python_name_of_a_page_is_there(page: str) -> None:
    text = PAGES[page]
    imported = re.findall(r"from (afterbay[\w.]*) import ([\w, ]+)", text)
    named = {f"{module}.{name.strip()}" for module, names in imported for name in names.split(",")}
    code = list(fences(text, "python"))
    named |= {one for body in code for one in re.findall(r"\bafterbay\.\w+", body) if "import afterbay\n" in text}
    named |= {found[0] for told in INLINE.findall(text) if (found := re.match(r"afterbay(\.\w+)+(?=\(|$)", told))}
    assert not {name for name in named if not name.endswith(".sqlite3") and not there(name)}


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_compiles(page: str) -> None:
    for number, body in enumerate(fences(PAGES[page], "python")):
        compile(body, f"{page}, block {number}", "exec")


@pytest.mark.parametrize("page", PAGES)
def test_the_json_of_a_page_is_json(page: str) -> None:
    for body in fences(PAGES[page], "json"):
        json.loads(body)


def test_the_mapping_and_the_pipe_of_the_page_are_taken_by_run(tmp_path: Path) -> None:
    mapping, pipe = fences(PAGES["docs/cli.md"], "json")
    (tmp_path / "mapping.json").write_text(mapping)
    (tmp_path / "pipe.json").write_text(pipe)
    assert read_mappings([tmp_path / "mapping.json"]) and read_pipes([tmp_path / "pipe.json"])


@pytest.mark.parametrize("page", PAGES)
def test_a_file_that_a_page_names_is_there(page: str) -> None:
    text = PAGES[page]
    named = set(re.findall(r"\b((?:docs|tests|scripts|examples|benchmarks)/[\w./-]*\w)", text))
    home = (ROOT / page).parent
    named = {one for one in named - MADE if not (ROOT / one).exists() and not (home / one).exists()}
    assert not {one for one in named if not list(ROOT.glob(f"{one}-*.md"))}  # a decision may be named by its number
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert (home / target).exists(), target


TOLD = {number for param in RULE_TABLES for row in param.values[0][1:] for number in numbers(row[0])}


@pytest.mark.parametrize("page", PAGES)
def test_a_rule_that_a_page_cites_is_told_in_semantics(page: str) -> None:
    assert not set(RULE.findall(PAGES[page])) - TOLD


# ---- tables and lists of what there is


def test_the_calls_of_the_address_are_told() -> None:
    rows = [line for line in PAGES["docs/cli.md"].splitlines() if re.match(r"\| `(GET|POST|DELETE) ", line)]
    told = {call for line in rows for call in re.findall(r"`((?:GET|POST|DELETE) [a-z/]+)", line)}
    sources = (path.read_text() for path in (ROOT / "src/afterbay/endpoint").glob("*.py"))
    served = {" ".join(call) for text in sources for call in re.findall(r'\("(GET|POST|DELETE)", "([a-z/]+)"\)', text)}
    assert told == served


def is_there(layer: str) -> bool:
    return any((ROOT / "src/afterbay" / name).exists() for name in (layer, f"{layer}.py"))


def test_the_layers_are_those_that_import_linter_holds() -> None:
    held = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    there_are = [" | ".join(name for one in layer.split("|") if is_there(name := one.strip(" ()"))) for layer in held]
    (block,) = re.findall(r"^## Layers\n.*?^```\n(.*?)^```", PAGES["docs/architecture.md"], re.MULTILINE | re.DOTALL)
    told = [line.partition("(")[0].strip() for line in block.splitlines()]
    assert told == [layer for layer in there_are if layer]


def test_every_benchmark_is_told() -> None:
    told = PAGES["docs/benchmarks.md"]
    assert not [one.names[0] for one in BENCHMARKS if f"`{one.names[0]}`" not in told]


def test_every_odd_answer_is_told_with_its_operation() -> None:
    told = set(re.findall(r"`(\w+)`, `error`: `(\w+)`", PAGES["docs/faults.md"]))
    assert {(operation, one.value) for operation, odd in ODDITIES.items() for one in odd} <= told


def test_the_bounds_of_the_journal_are_told() -> None:
    told = PAGES["docs/journal.md"]
    for rows, size in ((ROWS_MAX, BYTES_MAX), (JOURNAL_ROWS_MAX, JOURNAL_BYTES_MAX)):
        assert f"| {rows:,} rows, {size // 2**20} MiB of entries |" in told
