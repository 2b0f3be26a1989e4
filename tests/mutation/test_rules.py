"""Each rule of sections 5 to 12 can be broken in the code, and a broken one is noticed (docs/mutation.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutation.rules import NO_MUTATION, RULES, RuleMutation, as_mutants
from mutation.runner import copy_tree, run

CHECKOUT = Path(__file__).parents[2]
ROOT = CHECKOUT / "src" / "afterbay"

NOT_NOTICED: frozenset[str] = frozenset()
"""What a mutation breaks where nobody can see it; docs/mutation.md argues each."""


@pytest.mark.parametrize("one", RULES, ids=lambda one: f"{one.rule} {one.broken}")
def test_a_mutation_still_applies(one: RuleMutation) -> None:
    """The code moved on: say anew in ``rules.py`` which text is to be spoilt, so that the rule stays proven."""
    source = (ROOT / one.file).read_text()
    assert source.count(one.old) == 1, f"{one.rule} ({one.broken}): its text does not stand once in {one.file}"
    compile(source.replace(one.old, one.new), one.file, "exec", dont_inherit=True)


def test_every_rule_has_a_mutation_or_a_reason() -> None:
    broken = {one.rule for one in RULES}
    assert not broken & set(NO_MUTATION)
    assert broken | set(NO_MUTATION) == {f"R{number}" for number in range(61, 121)}


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_broken_rule_is_noticed(tmp_path: Path) -> None:
    copy_tree(CHECKOUT, tmp_path / "tree")
    survived = [one["name"] for one in run(tmp_path / "tree", as_mutants(ROOT)) if one["result"] == "survived"]
    assert sorted(survived) == sorted(NOT_NOTICED)
