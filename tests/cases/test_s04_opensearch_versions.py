"""s04: four changes within one second, redelivered also after a restart and after a delete that is long past."""

from __future__ import annotations

import json
from pathlib import Path

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from contract.opensearch_server import opensearch_place

CASE = json.loads((Path(__file__).parent / "s04-opensearch-versions.json").read_text())
RECORDS = {one["label"]: ChangeRecord(one) for one in CASE["records"]}
VERSION_MAX = 2**63 - 1


def test_late_changes_lose_whenever_they_come():
    wanted = {
        "first": {"K1": {"pk": "K1", "v": 4}, "K7": {"pk": "K7", "v": 1}},
        "second": {"K1": {"pk": "K1", "v": 4}, "K7": {"pk": "K7", "v": 1}},
        "third": {"K1": {"pk": "K1", "v": 4}, "K7": {"pk": "K7", "v": 1}},
        "fourth": {"K7": {"pk": "K7", "v": 1}},
    }
    with opensearch_place() as place:
        sink, checked = place.sink(), []
        told: list[Kind] = []
        for step in CASE["steps"]:
            ((what, said),) = step.items()
            if what == "deliver":
                told = [one.kind for one in sink.apply([RECORDS[label] for label in said])]
            elif what == "restart_engine":
                sink.close()
                sink = place.sink()
            elif what == "advance_clock_seconds":
                # As if they had passed for the server: it forgets the deletes that it knows of at once.
                place.client.indices.put_settings(index=place.index, body={"index.gc_deletes": "0s"})
                place.client.indices.refresh(index=place.index)
            else:
                checked.append(said)
                assert {one.item["pk"]: one.item for one in sink.read_live()} == wanted[said]
                assert {name: source["pk"] for name, source in place.hits().items()} == {k: k for k in wanted[said]}
                assert told == [Kind.APPLIED] * 5 if said == "first" else set(told) == {Kind.STALE}
        assert checked == list(wanted)
        assert place.document("K1")["_version"] <= VERSION_MAX
        sink.close()
