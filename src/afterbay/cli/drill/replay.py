"""Changes that come again: whatever is replayed, in whatever order, nothing may move (E5, E6).

The function is called with the very records that its mapping sent before. What cannot be seen on the address (a server
elsewhere, a file) is not judged, and said so.
"""

from __future__ import annotations

from collections.abc import Sequence

from afterbay.cli.drill.report import Steps
from afterbay.cli.drill.subject import Subject, payload_of
from afterbay.cli.drill.trace import Traced
from afterbay.cli.drill.witness import SeenRecord, error_text
from afterbay.cli.drill.world import few, moved
from afterbay.core.change.view import ChangeKind

__all__ = ["NAMES", "replay"]

AGAIN = "replay: the same change"
BEHIND = "replay: an old change behind a newer one"
GONE = "replay: old changes behind a delete"
NAMES = {
    AGAIN: "a change that is delivered twice has its effect once",
    BEHIND: "an old change that comes late does not undo a newer one",
    GONE: "an old change that comes late does not bring a deleted item back",
}

UNGUARDED = (
    "keep each key's last token and write only what is newer (afterbay.into writes to a guarded sink), or count each"
    " change once (afterbay.once)"
)


async def replay(subject: Subject, traced: Traced, steps: Steps) -> None:
    """Deliver what was traced again, then behind a newer version of its item, then behind its delete."""
    draft, number = subject.draft, traced.number
    reason = _why_not(subject, traced)
    first = subject.record(number, draft.kind)
    if reason or first is None:
        for name, promise in NAMES.items():
            steps.not_applicable(name, promise, reason)
        return
    await _again(subject, [first], AGAIN, steps)
    records = [first]
    if draft.kind is ChangeKind.REMOVE or not draft.lets(ChangeKind.MODIFY, number, version=2, before=1):
        steps.not_applicable(BEHIND, NAMES[BEHIND], "the mapping's filter lets no later change of such an item through")
    else:
        await subject.ground.put(subject.table, [draft.item(number, 2)])
        if not await subject.arrived(number, ChangeKind.MODIFY):
            steps.not_applicable(BEHIND, NAMES[BEHIND], "the newer change did not get through the function")
        else:
            second = subject.record(number, ChangeKind.MODIFY)
            await _again(subject, records, BEHIND, steps)
            records += [] if second is None else [second]
    if draft.kind is ChangeKind.REMOVE or not draft.lets(ChangeKind.REMOVE, number, version=2):
        steps.not_applicable(GONE, NAMES[GONE], "the mapping's filter lets no removal through")
        return
    await subject.ground.delete(subject.table, [draft.key(number)])
    if not await subject.arrived(number, ChangeKind.REMOVE):
        steps.not_applicable(GONE, NAMES[GONE], "the removal did not get through the function")
        return
    await _again(subject, records, GONE, steps)


async def _again(subject: Subject, records: Sequence[SeenRecord], name: str, steps: Steps) -> None:
    ground = subject.ground
    before = await ground.look()
    steps.begin(ground.now())
    for one in records:
        answer = await ground.invoke(subject.settings.function_arn, payload_of([one]))
        told = "ok" if answer.function_error is None else f"failed, {error_text(answer)}"
        steps.see(ground.now(), f"{one.record.event_name} {one.record.position} delivered again: {told}")
    after = await ground.look()
    found = moved(before, after)
    steps.see(ground.now(), f"compared before and after: {before}")
    for line in few(found):
        steps.see(ground.now(), line)
    if found:
        steps.broken(name, NAMES[name], f"{few(found)[0]}: {UNGUARDED}")
    else:
        steps.held(name, NAMES[name])


def _why_not(subject: Subject, traced: Traced) -> str:
    """Why nothing can be said about replays; empty where something can."""
    if not traced.taken:
        return "the function did not take the change in the first place"
    if subject.settings.tumbling_window_s:
        return "a tumbling window's state is its mapping's: a record alone cannot be delivered again as it was"
    if not traced.visible:
        return "the change had no effect that can be seen here: no table, bucket or queue of the address moved"
    return ""
