"""Break core/mapping on purpose and see whether the tests notice. See docs/mutation.md.

    python scripts/mutate.py rules                 the written mutations, one or more of each rule
    python scripts/mutate.py sample --count 420    mutants by machine, spread over all modules; --seed draws others
    python scripts/mutate.py sample --file retry.py --count 0    all mutants of a module

Works in a private copy of the tree. Exit code 1 if something survived.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

from mutation.mutants import Mutant, mutants_of, sample  # noqa: E402
from mutation.rules import as_mutants  # noqa: E402
from mutation.runner import LAYERS, copy_tree, run  # noqa: E402

LEFT_OUT = {"queue.py", "queue_commands.py", "queue_events.py", "scaling.py", "notice.py", "__init__.py"}
"""Queues are not the specification's; notice.py holds words alone."""


def main() -> int:
    options = _options()
    os.nice(options.nice)
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        tree = Path(folder).resolve()
        copy_tree(CHECKOUT, tree, at=options.at)
        mutants = _mutants(tree / "src" / "afterbay", options)
        if options.without:
            told = {json.loads(line)["name"] for line in options.without.read_text().splitlines()}
            mutants = [one for one in mutants if one.name not in told]
        part, parts = map(int, options.part.split("/"))
        mutants = mutants[part - 1 :: parts]
        out = options.out.open("w") if options.out else None
        counted: Counter[str] = Counter()
        survived: list[str] = []
        results = run(tree, mutants, LAYERS[: options.layers])
        for result in results:
            counted[result["result"]] += 1
            if result["result"] == "survived":
                survived.append(result["name"])
            if options.verbose:
                print(f"{result['result']:9}{result['name']}  [{result['by']}]", flush=True)
            if out is not None:
                print(json.dumps(result), file=out, flush=True)
    killed = counted["killed"] + counted["timeout"]
    print(f"{sum(counted.values())} mutants: {killed} killed ({counted['timeout']} by time), {len(survived)} survived")
    for name in survived:
        print(f"survived {name}")
    return 1 if survived else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["rules", "sample"])
    parser.add_argument("--only", action="append", default=[], help="a rule, as R88")
    parser.add_argument("--file", action="append", default=[], help="a module of core/mapping, as retry.py")
    parser.add_argument("--count", type=int, default=420, help="how many mutants; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--names", type=Path, help="JSON lines of an earlier run: its survivors again")
    parser.add_argument("--without", type=Path, help="JSON lines of a run that was cut: not what it told of")
    parser.add_argument("--part", default="1/1", help="2/3: the second of three parts, to run them side by side")
    parser.add_argument("--at", help="a commit; else the files as they are")
    parser.add_argument("--layers", type=int, default=len(LAYERS), help="1: the quick tests alone")
    parser.add_argument("--nice", type=int, default=10)
    parser.add_argument("--out", type=Path, help="JSON lines")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def _mutants(root: Path, options: argparse.Namespace) -> list[Mutant]:
    if options.which == "rules":
        return [one for one in as_mutants(root) if not options.only or one.rule in options.only]
    names = sorted(one.name for one in (root / "core" / "mapping").glob("*.py") if one.name not in LEFT_OUT)
    by_file = {f"core/mapping/{name}": mutants_of(root, f"core/mapping/{name}") for name in options.file or names}
    everything = [one for found in by_file.values() for one in found]
    if options.names:
        told = [json.loads(line) for line in options.names.read_text().splitlines()]
        wanted = {_text(one) for one in told if one["result"] == "survived"}
        return [one for one in everything if _text(asdict(one)) in wanted]
    return sample(by_file, options.count, options.seed) if options.count else everything


def _text(one: dict[str, Any]) -> tuple[str, str, str]:
    """A mutant by what it changes: lines move."""
    return one["file"], one["old"], one["new"]


if __name__ == "__main__":
    sys.exit(main())
