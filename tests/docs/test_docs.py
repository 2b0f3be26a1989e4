"""The documents say what is there: verbs and options, rule tables, decisions, commands of the README."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from rich.text import Text

from afterbay.cli.main import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CLI = (DOCS / "cli.md").read_text()
README = (ROOT / "README.md").read_text()
GROUP = typer.main.get_command(app)
VERBS = GROUP.list_commands(None)
RULE = re.compile(r"(?:[RSEXQB]|WR|P)\d+")
RANGE = re.compile(r"\b([RS])(\d+) to \1(\d+)\b")


def section(verb: str) -> str:
    found = re.search(rf"^## `afterbay {verb}`\n(.*?)(?=^## |\Z)", CLI, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section for {verb}"
    return found[1]


def options(verb: str) -> set[str]:
    """A verb's options, and those of the verbs below it."""
    command = GROUP.get_command(None, verb)
    params = [param for one in (command, *getattr(command, "commands", {}).values()) for param in one.params]
    return {name for param in params for name in param.opts if name.startswith("--")} - {"--help"}


# ---- the command line


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented_with_all_its_options(verb: str) -> None:
    text = section(verb)
    missing = {name for name in options(verb) if not re.search(rf"{name}\b", text)}
    assert not missing


@pytest.mark.parametrize("verb", VERBS)
def test_a_synopsis_names_no_option_that_the_verb_does_not_take(verb: str) -> None:
    lines = [line for line in section(verb).splitlines() if line.startswith(f"`afterbay {verb} ")]
    assert lines or not options(verb)
    for line in lines:
        assert set(re.findall(r"--[a-z][a-z-]+", line)) <= options(verb)


@pytest.mark.parametrize("verb", VERBS)
def test_a_help_text_is_shown_whole(verb: str) -> None:
    """Words between brackets are markup, and vanish, unless the first bracket is escaped."""
    command = GROUP.get_command(None, verb)
    commands = (command, *getattr(command, "commands", {}).values())
    texts = [one.help for one in commands] + [getattr(param, "help", None) for one in commands for param in one.params]
    for text in filter(None, texts):
        assert Text.from_markup(text).plain == text.replace("\\[", "["), text


def test_no_verb_is_documented_that_is_not_there() -> None:
    assert sorted(re.findall(r"^## `afterbay ([a-z]+)`$", CLI, re.MULTILINE)) == VERBS


# ---- the rules


def tables(page: Path) -> list[list[list[str]]]:
    """The tables of a page, each a list of rows, each a list of cells; the ruler is left out."""
    found: list[list[list[str]]] = [[]]
    for line in page.read_text().splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                found[-1].append(cells)
        elif found[-1]:
            found.append([])
    return [one for one in found if one]


def numbers(cell: str) -> list[str]:
    """The rules that a cell names, ranges written out."""
    text = RANGE.sub(lambda m: " ".join(f"{m[1]}{n}" for n in range(int(m[2]), int(m[3]) + 1)), cell)
    return RULE.findall(text)


PAGES = sorted((DOCS / "semantics").glob("*.md"))
RULE_TABLES = [
    pytest.param(table, id=f"{page.name}, table {number}")
    for page in PAGES
    for number, table in enumerate(tables(page), start=1)
    if table[0][0] == "rule"
]


def test_every_page_of_rules_has_a_table_of_them() -> None:
    assert {param.id.split(",")[0] for param in RULE_TABLES} == {page.name for page in PAGES}


@pytest.mark.parametrize("table", RULE_TABLES)
def test_a_rule_table_parses(table: list[list[str]]) -> None:
    head, *rows = table
    assert rows
    assert "source" in head
    for row in rows:
        assert len(row) == len(head), row
        assert all(row), f"an empty cell: {row}"
        assert numbers(row[0]), f"no rule number: {row}"


def test_the_engines_page_tells_each_rule_once_and_in_order() -> None:
    told = [
        number
        for table in tables(DOCS / "semantics" / "mapping-engine.md")
        for row in table[1:]
        for number in numbers(row[0])
    ]
    assert told == [f"R{n}" for n in range(45, 132)] + [f"R{n}" for n in range(139, 149)]


# ---- decisions, changes, the first page


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").iterdir()), ids=lambda page: page.name)
def test_a_decision_has_a_number_and_a_title(page: Path) -> None:
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name)
    assert re.match(r"# \S.+\n", page.read_text())


def test_decisions_are_numbered_without_repeats() -> None:
    found = [page.name[:4] for page in (DOCS / "decisions").iterdir()]
    assert len(found) == len(set(found))


def test_there_is_a_changelog_with_something_in_it() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.startswith("# ") and re.search(r"^- ", text, re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """The commands of a page's shell blocks as words, continued lines joined, comments left out."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


COMMANDS = commands(README)


def test_the_readme_shows_commands() -> None:
    assert {Path(words[0]).name for words in COMMANDS} >= {"make", "afterbay", "aws"}


@pytest.mark.parametrize("words", [one for one in COMMANDS if one[0] == "make"], ids=" ".join)
def test_a_make_target_of_the_readme_exists(words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = [word for word in words[1:] if "=" not in word]
    assert named and set(named) <= set(targets)


@pytest.mark.parametrize("words", [one for one in COMMANDS if one[0].endswith("afterbay")], ids=" ".join)
def test_a_verb_of_the_readme_exists_with_its_options(words: list[str]) -> None:
    assert words[1] in VERBS
    assert {word for word in words[2:] if word.startswith("--")} <= options(words[1])


def test_targets_that_the_readme_names_in_passing_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)", README)) <= set(targets)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:docs/|CHANGELOG)[^`\s]*)`", README))))
def test_a_page_that_the_readme_names_exists(path: str) -> None:
    assert (ROOT / path).exists()
