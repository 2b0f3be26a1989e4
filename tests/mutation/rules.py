"""The core broken on purpose: mutations of every rule of sections 5 to 12 of the mapping's specification (R61 to R120).

Written from the rules and the code, before any test was looked at. A mutation breaks its rule and as little else as the
code allows. ``test_rules.py`` holds that each still applies and is caught; ``scripts/mutate.py`` runs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mutation.mutants import Mutant

__all__ = ["NO_MUTATION", "RULES", "RuleMutation", "as_mutants"]


class RuleMutation(NamedTuple):
    """``old``, which stands exactly once in ``file`` (below src/afterbay), becomes ``new``; ``broken`` says what is
    wrong then. ``also``: tests of the module, to be run where the core's own cannot see it."""

    rule: str
    broken: str
    file: str
    old: str
    new: str
    also: tuple[str, ...] = ()


SHARD = "core/mapping/shard.py"
DISPATCH = "core/mapping/dispatch.py"
RETRY = "core/mapping/retry.py"
NOT_REACHED = "        case NotReached():\n            return _not_reached(batch, outcome)"
RESPONSE = "core/mapping/response.py"
LETTER = "core/mapping/deadletter.py"
FILTERS = "core/mapping/filters.py"
LANE = "core/mapping/lane.py"
PATTERN_TESTS = ("tests/unit/core/pattern", "tests/vectors")
ENGINE_TESTS = ("tests/unit/engine",)
TARGET_TESTS = ("tests/contract/test_targets.py",)

NO_MUTATION = {
    "R70": "a permission, not a duty: what must come again is said by R50, R89 and R98",
    "R87": "extensions are not run by any function of this project; the next batch waits for the answer alone (R61)",
    "R116": "permissions are AWS's to check; the local address has none, and no code of ours reads a policy",
}
"""Rules of which nothing can be broken here, and why."""

_LANES = (
    RuleMutation(
        "R61",
        "a shard has one lane more than the factor",
        SHARD,
        "marks = (Position(0),) * factor",
        "marks = (Position(0),) * (factor + 1)",
    ),
    RuleMutation(
        "R61",
        "a lane does not wait for the batch that is in flight",
        DISPATCH,
        "            if lane.state is LaneState.IDLE:\n"
        "                commands += self._next_in_lane(lane, number, now)",
        "            if lane.state in (LaneState.IDLE, LaneState.INVOKING):\n"
        "                commands += self._next_in_lane(lane, number, now)",
    ),
    RuleMutation(
        "R62",
        "items that share their partition key share a lane, whatever their sort keys",
        LANE,
        "zlib.crc32(key) % factor",
        'zlib.crc32(key.partition(b"},")[0]) % factor',
    ),
    RuleMutation(
        "R62",
        "a record's lane follows from the record, not from its item",
        SHARD,
        "lane = lanes[lane_of(record.key, factor)]",
        "lane = lanes[position % factor]",
    ),
    RuleMutation(
        "R63",
        "BatchSize is shared out among the lanes",
        DISPATCH,
        "records = lane.take(count_max, PAYLOAD_BYTES_MAX - told_bytes)",
        "records = lane.take(max(1, count_max // len(self.lanes)), PAYLOAD_BYTES_MAX - told_bytes)",
    ),
    RuleMutation(
        "R63",
        "the end of any lane's invocation starts the batching window of all",
        DISPATCH,
        "        lane.window_ends = now + timedelta(seconds=self._context.settings.batching_window_s)\n",
        "        for one in self.lanes:\n"
        "            one.window_ends = now + timedelta(seconds=self._context.settings.batching_window_s)\n",
    ),
    RuleMutation(
        "R64",
        "a lane that rests before a retry holds up the others",
        DISPATCH,
        "            if lane.state is LaneState.IDLE:\n"
        "                commands += self._next_in_lane(lane, number, now)",
        "            resting = any(one.state is LaneState.RESTING for one in self.lanes)\n"
        "            if lane.state is LaneState.IDLE and not resting:\n"
        "                commands += self._next_in_lane(lane, number, now)",
    ),
    RuleMutation(
        "R65",
        "the position goes up to the lane that is furthest",
        SHARD,
        "self._watermark.advance(min(open_positions, default=None))",
        "self._watermark.advance(max(open_positions, default=None))",
    ),
    RuleMutation(
        "R66",
        "a change of settings does not wait for what is in flight",
        "core/mapping/machine.py",
        "return not self._saving and not self._dirty and all(shard.idle for shard in self.shards.values())",
        "return not self._saving and not self._dirty",
    ),
    RuleMutation(
        "R66",
        "what lanes of another factor finished ahead is delivered once more",
        SHARD,
        "(before and position <= before[lane_of(record.key, len(before))])",
        "False",
    ),
    RuleMutation(
        "R67",
        "a shard is finished once its first lane is empty",
        SHARD,
        "self.ended and all(lane.empty for lane in self.lanes) and",
        "self.ended and self.lanes[0].empty and",
    ),
)

_ORDER = (
    RuleMutation(
        "R68",
        "new records go before the batch that failed",
        DISPATCH,
        "while lane.batches or self._close_batch(lane, now):",
        "while self._close_batch(lane, now) or lane.batches:",
    ),
    RuleMutation(
        "R68", "records wait in reverse order", LANE, "self.waiting.append(record)", "self.waiting.appendleft(record)"
    ),
    RuleMutation(
        "R69",
        "the right half goes first",
        DISPATCH,
        "lane.batches.extend(reversed(batches))",
        "lane.batches.extend(batches)",
    ),
    RuleMutation(
        "R69",
        "the right half waits behind all that is waiting already",
        DISPATCH,
        "lane.batches.extend(reversed(batches))",
        "lane.batches.append(batches[0])\n"
        "                lane.waiting.extend(record for part in batches[1:] for record in part.records)",
    ),
)

_FILTERING = (
    RuleMutation(
        "R71",
        "a record must match every filter",
        FILTERS,
        "return PatternSet(compiled).on_bytes() if member is None",
        "return (lambda body: all(one.matches(body) for one in compiled)) if member is None",
    ),
    RuleMutation(
        "R71",
        "of the fields of a pattern only the first counts",
        "core/pattern/compile.py",
        "    lines: list[str] = []\n    by_path = _by_path(places)\n    for path, leaves in alternative.items():",
        "    lines: list[str] = []\n    by_path = _by_path(places)\n"
        "    for path, leaves in list(alternative.items())[:1]:",
        PATTERN_TESTS,
    ),
    RuleMutation(
        "R71",
        "the members of an array must all hold",
        "core/pattern/compile.py",
        'return " or ".join(parts)',
        'return " and ".join(parts)',
        PATTERN_TESTS,
    ),
    RuleMutation(
        "R72",
        "300 and 300.0 differ",
        "core/pattern/number.py",
        "return value if exact else Uncomparable(text)",
        'return value if exact and "." not in text else Uncomparable(text)',
        PATTERN_TESTS,
    ),
    RuleMutation(
        "R73",
        "patterns see the member dynamodb alone",
        FILTERS,
        "return PatternSet(compiled).on_bytes() if member is None",
        "return (\n"
        "        lambda body: PatternSet(compiled).matches(\n"
        """            b'{"dynamodb":' + bytes(_members.decode(body)["dynamodb"]) + b"}"\n"""
        "        )\n"
        "    ) if member is None",
    ),
    RuleMutation(
        "R74",
        "attribute values lose their type tags before they are matched",
        FILTERS,
        "return PatternSet(compiled).on_bytes() if member is None",
        "return (\n"
        "        lambda body: PatternSet(compiled).matches(\n"
        """            __import__("re").sub(rb'[{]"[SN]": ?("[^"]*")[}]', rb"\\1", body)\n"""
        "        )\n"
        "    ) if member is None",
    ),
    RuleMutation(
        "R75",
        "an object counts as present where a leaf is asked for",
        "core/pattern/compile.py",
        'f"    {here} = MISSING",',
        "f\"    {here} = ''\",",
        PATTERN_TESTS,
    ),
    RuleMutation(
        "R76",
        "numeric works on numbers that are spelt as text",
        "core/pattern/operators.py",
        "        if not isinstance(value, int | float) or isinstance(value, bool):\n            return False\n"
        "        if self.low",
        "        if isinstance(value, str) and value.isdigit():\n            value = int(value)\n"
        "        if not isinstance(value, int | float) or isinstance(value, bool):\n            return False\n"
        "        if self.low",
        PATTERN_TESTS,
    ),
    RuleMutation(
        "R77",
        "Kinesis data are matched as they are, in base64",
        FILTERS,
        "payload = base64.b64decode(msgspec.json.decode(record[member], type=str))",
        "payload = msgspec.json.decode(record[member], type=str).encode()",
    ),
    RuleMutation(
        "R77",
        "Kinesis patterns see the members of kinesis below kinesis",
        FILTERS,
        'record |= _members.decode(record.pop("kinesis"))',
        'record |= {"data": _members.decode(record["kinesis"])["data"]}',
    ),
    RuleMutation(
        "R77",
        "a pattern for plain text in Kinesis data is taken",
        FILTERS,
        'if kind is SourceKind.KINESIS and "data" in pattern.needs:',
        'if kind is None and "data" in pattern.needs:',
    ),
    RuleMutation(
        "R78",
        "a record that is filtered out does not move the position",
        SHARD,
        "            read.append(position)\n            if factor > 1:",
        "            if passes is None or passes(record.body):\n                read.append(position)\n"
        "            if factor > 1:",
    ),
    RuleMutation(
        "R78",
        "a record that is filtered out moves the position past an unfinished batch",
        SHARD,
        "                filtered_out += 1\n",
        "                filtered_out += 1\n                self._watermark._done = position\n",
    ),
    RuleMutation(
        "R78",
        "a record that is filtered out takes its place in the batch",
        DISPATCH,
        "records = lane.take(count_max, PAYLOAD_BYTES_MAX - told_bytes)",
        "records = lane.take(\n"
        "            max(1, count_max - self._context.counters.filtered_out), PAYLOAD_BYTES_MAX - told_bytes\n"
        "        )",
    ),
)

_OUTCOMES = (
    RuleMutation(
        "R79",
        "a delivered batch is delivered again",
        RETRY,
        "            return Done()",
        "            return Again(0.0)",
    ),
    RuleMutation(
        "R80",
        "a batch that is too large is halved",
        RETRY,
        "return _failed(batch, splittable, told, settings, shard, ids)",
        "return _failed(batch, True, told, settings, shard, ids)",
    ),
    RuleMutation(
        "R80",
        "a record that is too large uses no attempt",
        RETRY,
        "            told = None if cause is Cause.TOO_LARGE else response\n",
        "            told = None if cause is Cause.TOO_LARGE else response\n"
        "            batch.attempts -= cause is Cause.TOO_LARGE\n",
    ),
    RuleMutation(
        "R80",
        "what the service finds too large counts as not reached",
        "engine/deliver.py",
        "return Failed(Cause.TOO_LARGE, splittable=False)",
        'return NotReached("too large")',
        ENGINE_TESTS,
    ),
    RuleMutation(
        "R81",
        "a function error is not halved",
        RESPONSE,
        "return Failed(Cause.FUNCTION_ERROR, splittable=True, response=response, said=",
        "return Failed(Cause.FUNCTION_ERROR, splittable=False, response=response, said=",
    ),
    RuleMutation(
        "R81",
        "a function error counts as delivered where failures are reported by record",
        RESPONSE,
        "if function_error is not None:",
        "if function_error is not None and not partial:",
    ),
    RuleMutation(
        "R82",
        "what is left after progress keeps the attempts",
        RETRY,
        "return Replace((make_batch(rest, shard, ids, generation=generation),))",
        "return Replace((make_batch(rest, shard, ids, generation=generation, attempts=batch.attempts + 1),))",
    ),
    RuleMutation(
        "R83",
        "a failure from the first record on costs no attempt and is repeated at once",
        RETRY,
        "if len(rest) == len(batch.records):",
        "if len(rest) > len(batch.records):",
    ),
    RuleMutation(
        "R83",
        "a failure from the first record on is not halved",
        RETRY,
        "return _failed(batch, True, response, settings, shard, ids)",
        "return _failed(batch, False, response, settings, shard, ids)",
    ),
    RuleMutation(
        "R83",
        "a malformed answer is not halved",
        RESPONSE,
        "return Failed(Cause.INVALID_RESPONSE, response=response, warned=diagnosis.malformed(answer, positions))",
        "return Failed(\n"
        "            Cause.INVALID_RESPONSE, False, response=response, warned=diagnosis.malformed(answer, positions)\n"
        "        )",
    ),
    RuleMutation(
        "R84",
        "an answer without a state is a success in window mode",
        RESPONSE,
        "if window and state is None:",
        "if window and state is None and function_error is not None:",
    ),
    RuleMutation(
        "R85",
        "a batch that did not reach the function uses an attempt",
        RETRY,
        "batch.not_reached += 1",
        "batch.not_reached += 1\n    batch.attempts += 1",
    ),
    RuleMutation(
        "R85",
        "a batch that did not reach the function is halved",
        RETRY,
        NOT_REACHED,
        "        case NotReached():\n            if settings.bisect and len(batch.records) > 1:\n"
        "                return Replace(halves(batch, shard, ids), split=True)\n"
        "            return _not_reached(batch, outcome)",
    ),
    RuleMutation(
        "R85",
        "a batch that never reached the function is given up with its retries",
        RETRY,
        NOT_REACHED,
        "        case NotReached():\n"
        "            if settings.retry_attempts_max is not None and batch.not_reached >= settings.retry_attempts_max:\n"
        "                return GiveUp(None)\n"
        "            return _not_reached(batch, outcome)",
    ),
    RuleMutation(
        "R85",
        "the service's errors count as the function's",
        "engine/deliver.py",
        "return NotReached(error.told, advice)",
        "return Failed(Cause.FUNCTION_ERROR)",
        ENGINE_TESTS,
    ),
    RuleMutation(
        "R86",
        "reported failures count where nobody asked for them",
        RESPONSE,
        "    if not partial:\n",
        "    if not partial and _FAILURES not in payload:\n",
    ),
    RuleMutation(
        "R86",
        "an empty answer is malformed",
        RESPONSE,
        "    if not payload:\n        return Delivered(state)",
        "    if not payload:\n        return Failed(Cause.INVALID_RESPONSE, response=response)",
    ),
)

_RETRIES = (
    RuleMutation("R88", "the last retry is left out", RETRY, "batch.attempts > limit:", "batch.attempts >= limit:"),
    RuleMutation("R88", "there is one retry more", RETRY, "batch.attempts > limit:", "batch.attempts > limit + 1:"),
    RuleMutation(
        "R88",
        "without a limit a batch is given up after a hundred attempts",
        RETRY,
        "    limit = settings.retry_attempts_max\n",
        "    limit = 100 if settings.retry_attempts_max is None else settings.retry_attempts_max\n",
    ),
    RuleMutation(
        "R89",
        "each attempt has a request id of its own",
        RETRY,
        "    batch.attempts += 1\n",
        "    batch.attempts += 1\n    batch.request_id = ids.derive(shard, 0, 0, 0, batch.attempts)\n",
    ),
    RuleMutation(
        "R89",
        "what is left after progress keeps the request id",
        RETRY,
        "return Replace((make_batch(rest, shard, ids, generation=generation),))",
        "return Replace((Batch(rest, batch.request_id, generation),))",
    ),
    RuleMutation(
        "R89",
        "the left half keeps the request id",
        "core/mapping/bisect.py",
        "make_batch(batch.records[:middle], shard, ids, generation=batch.generation)",
        "Batch(batch.records[:middle], batch.request_id, batch.generation)",
    ),
    RuleMutation(
        "R89",
        "a retry goes out with one record less",
        DISPATCH,
        "        self.lanes[number].state = LaneState.IDLE\n        self._context.counters.retries += 1",
        "        lane = self.lanes[number]\n"
        "        lane.state = LaneState.IDLE\n"
        "        lane.batches[-1].records = lane.batches[-1].records[:-1] or lane.batches[-1].records\n"
        "        self._context.counters.retries += 1",
    ),
    RuleMutation(
        "R90",
        "the right half inherits the attempts",
        "core/mapping/bisect.py",
        "make_batch(batch.records[middle:], shard, ids, generation=batch.generation)",
        "make_batch(batch.records[middle:], shard, ids, generation=batch.generation, attempts=batch.attempts)",
    ),
    RuleMutation(
        "R91",
        "the pause does not grow",
        RETRY,
        "first_s * 2.0 ** min(failures - 1, 16)",
        "first_s * 1.0 ** min(failures - 1, 16)",
    ),
    RuleMutation("R91", "the pause grows without end", RETRY, "BACKOFF_MAX_S = 30.0", "BACKOFF_MAX_S = 3000.0"),
    RuleMutation(
        "R91",
        "what was not reached is tried again without a pause",
        RETRY,
        "return Again(max(backoff_s(batch.not_reached), outcome.retry_after_s or 0.0))",
        "return Again(outcome.retry_after_s or 0.0)",
    ),
    RuleMutation(
        "R91",
        "what is left after progress waits before it is invoked",
        DISPATCH,
        "                if split:\n",
        "                lane.state = LaneState.RESTING\n"
        "                commands.append(\n"
        "                    Rest(self._shard, number, self._context.run, lane.batches[-1].request_id, 0.25)\n"
        "                )\n"
        "                if split:\n",
    ),
    RuleMutation("R91", "delays are not spread", "engine/jitter.py", "SPREAD = 0.25", "SPREAD = 0.0", ENGINE_TESTS),
    RuleMutation(
        "R92",
        "a failed batch is retried once before it is halved",
        RETRY,
        "if splittable and settings.bisect and len(batch.records) > 1:",
        "if splittable and settings.bisect and len(batch.records) > 1 and batch.attempts > 1:",
    ),
    RuleMutation(
        "R93",
        "the left half is the larger one",
        "core/mapping/bisect.py",
        "middle = len(batch.records) // 2",
        "middle = (len(batch.records) + 1) // 2",
    ),
    RuleMutation(
        "R94",
        "without retries nothing is halved",
        RETRY,
        "if splittable and settings.bisect and len(batch.records) > 1:",
        "if splittable and settings.bisect and len(batch.records) > 1 and settings.retry_attempts_max != 0:",
    ),
    RuleMutation(
        "R94",
        "the budget counts down for every batch, and an exhausted one is not halved",
        RETRY,
        "if splittable and settings.bisect and len(batch.records) > 1:",
        "if splittable and settings.bisect and len(batch.records) > 2:",
    ),
    RuleMutation(
        "R95",
        "after a split batches stay small",
        DISPATCH,
        "records = lane.take(count_max, PAYLOAD_BYTES_MAX - told_bytes)",
        "records = lane.take(\n"
        "            max(1, count_max // 2) if self._context.counters.bisects else count_max,\n"
        "            PAYLOAD_BYTES_MAX - told_bytes,\n"
        "        )",
    ),
    RuleMutation(
        "R95",
        "the right half is filled up with what is waiting",
        DISPATCH,
        "lane.batches.extend(reversed(batches))",
        "lane.batches.append(batches[0])\n"
        "                later = [record for part in batches[1:] for record in part.records]\n"
        "                lane.waiting.extendleft(reversed(later))",
    ),
    RuleMutation(
        "R96",
        "a lone record is given up where retries have no limit and batches are halved",
        RETRY,
        "    limit = settings.retry_attempts_max\n",
        "    limit = 0 if settings.bisect and settings.retry_attempts_max is None else settings.retry_attempts_max\n",
    ),
)

_PARTIAL = (
    RuleMutation(
        "R97",
        'the answer "" is malformed',
        RESPONSE,
        'if answer in (None, "", [], {}):',
        "if answer in (None, [], {}):",
    ),
    RuleMutation(
        "R97",
        "batchItemFailures null is malformed",
        RESPONSE,
        "if failures is None or failures == []:",
        "if failures == []:",
    ),
    RuleMutation(
        "R97",
        "an empty batchItemFailures is malformed",
        RESPONSE,
        "if failures is None or failures == []:",
        "if failures is None:",
    ),
    RuleMutation(
        "R97",
        "an identifier that names no record is passed over",
        RESPONSE,
        "        if position is None:\n            return None",
        "        if position is None:\n            continue",
    ),
    RuleMutation(
        "R97",
        "an answer whose identifiers name no record is a success",
        RESPONSE,
        "    if named is None:\n        return Failed(",
        "    if named is None and isinstance(failures, list):\n        return Delivered(state)\n"
        "    if named is None:\n        return Failed(",
    ),
    RuleMutation(
        "R97",
        "a number names a record like its text",
        RESPONSE,
        "positions.get(named) if isinstance(named, str) else None",
        "positions.get(str(named))",
    ),
    RuleMutation(
        "R97",
        "an answer that is no JSON is a success",
        RESPONSE,
        "return Failed(Cause.INVALID_RESPONSE, response=response, warned=diagnosis.not_json())",
        "return Delivered(state)",
    ),
    RuleMutation(
        "R97",
        "a list is taken for batchItemFailures",
        RESPONSE,
        "_named(failures, positions) if isinstance(answer, dict) and isinstance(failures, list) else None",
        "_named(failures, positions) if isinstance(failures, list) else None",
    ),
    RuleMutation("R98", "the highest failure wins", RESPONSE, "FailedFrom(min(named), ", "FailedFrom(max(named), "),
    RuleMutation(
        "R98", "the first failure that is named wins", RESPONSE, "FailedFrom(min(named), ", "FailedFrom(named[0], "
    ),
    RuleMutation(
        "R98",
        "sequence numbers are compared as text",
        RESPONSE,
        "FailedFrom(min(named), ",
        "FailedFrom(min(named, key=str), ",
    ),
    RuleMutation(
        "R98",
        "only the lowest failed record comes again",
        RETRY,
        "rest = tuple(r for r in batch.records if r.position >= position)",
        "rest = tuple(r for r in batch.records if r.position == position)",
    ),
    RuleMutation(
        "R98",
        "the lowest failed record counts as done",
        RETRY,
        "rest = tuple(r for r in batch.records if r.position >= position)",
        "rest = tuple(r for r in batch.records if r.position > position) or batch.records[-1:]",
    ),
    RuleMutation(
        "R98",
        "a valid partial response is a problem",
        "core/mapping/result.py",
        "case Delivered() | FailedFrom() | FailedSome():",
        "case Delivered() | FailedSome():",
    ),
    RuleMutation(
        "R99",
        "only the first record of an exhausted batch is discarded",
        DISPATCH,
        "lane, number, count, Condition.RETRY_ATTEMPTS_EXHAUSTED, response",
        "lane, number, 1, Condition.RETRY_ATTEMPTS_EXHAUSTED, response",
    ),
    RuleMutation(
        "R100",
        "with bisect on, progress is not kept: the whole batch is halved",
        RETRY,
        "if len(rest) == len(batch.records):",
        "if len(rest) == len(batch.records) or settings.bisect:",
    ),
    RuleMutation(
        "R101",
        "where failures are reported by record nothing is halved",
        RETRY,
        "if splittable and settings.bisect and len(batch.records) > 1:",
        "if splittable and settings.bisect and not settings.report_batch_item_failures and len(batch.records) > 1:",
    ),
    RuleMutation(
        "R102",
        "a document without a function error lacks the key",
        LETTER,
        '            "functionError": letter.response.function_error,\n',
        '            **({"functionError": e} if (e := letter.response.function_error) is not None else {}),\n',
    ),
    RuleMutation(
        "R102",
        "a partial failure is told as an unhandled error",
        RESPONSE,
        "response = ResponseContext(executed_version, None)",
        'response = ResponseContext(executed_version, "Unhandled")',
    ),
)

_AGE = (
    RuleMutation(
        "R103",
        "age is not looked at before the first invocation",
        DISPATCH,
        "        if expired:\n",
        "        if expired and (batch.attempts or batch.not_reached):\n",
    ),
    RuleMutation(
        "R103",
        "age is not looked at before a retry",
        DISPATCH,
        "        if expired:\n",
        "        if expired and not batch.attempts:\n",
    ),
    RuleMutation(
        "R103",
        "age is not looked at for a batch that did not reach the function",
        DISPATCH,
        "        if expired:\n",
        "        if expired and not batch.not_reached:\n",
    ),
    RuleMutation(
        "R104",
        "the whole batch goes with its expired records",
        RETRY,
        "            return index\n",
        "            return len(records) if index else 0\n",
    ),
    RuleMutation(
        "R105",
        "a batch that was never invoked tells of no invocation",
        DISPATCH,
        "            invoke_count=max(1, batch.attempts),",
        "            invoke_count=batch.attempts,",
    ),
    RuleMutation(
        "R106",
        "a batch that expires after failures tells of one attempt",
        DISPATCH,
        "            invoke_count=max(1, batch.attempts),",
        "            invoke_count=max(1, batch.attempts) if condition is Condition.RETRY_ATTEMPTS_EXHAUSTED else 1,",
    ),
    RuleMutation(
        "R106",
        "a batch that expires after failures has a responseContext",
        DISPATCH,
        "self._discard(lane, number, expired, Condition.RECORD_AGE_EXCEEDED, None)",
        "self._discard(\n"
        "                lane,\n"
        "                number,\n"
        "                expired,\n"
        "                Condition.RECORD_AGE_EXCEEDED,\n"
        '                ResponseContext("$LATEST", "Unhandled") if batch.attempts else None,\n'
        "                now,\n"
        "            )",
    ),
    RuleMutation(
        "R107",
        "a record of exactly the limit's age is delivered",
        RETRY,
        "now_s - record.created_s < age_max_s",
        "now_s - record.created_s <= age_max_s",
    ),
    RuleMutation(
        "R108",
        "without an age limit records expire after a day",
        RETRY,
        "    if age_max_s is None:\n        return 0\n",
        "    if age_max_s is None:\n        age_max_s = 86_400\n",
    ),
    RuleMutation(
        "R108",
        "where there is an age limit the retries do not count",
        RETRY,
        "    limit = settings.retry_attempts_max\n",
        "    limit = None if settings.record_age_max_s is not None else settings.retry_attempts_max\n",
    ),
)

_DOCUMENTS = (
    RuleMutation(
        "R109",
        "there is no document for expired records",
        DISPATCH,
        "        destination = self._context.settings.on_failure\n",
        "        destination = self._context.settings.on_failure if condition.name[:5] == 'RETRY' else None\n",
    ),
    RuleMutation(
        "R109",
        "there is no document for exhausted batches",
        DISPATCH,
        "        destination = self._context.settings.on_failure\n",
        "        destination = self._context.settings.on_failure if condition.name[:5] != 'RETRY' else None\n",
    ),
    RuleMutation(
        "R109",
        "a success has a document too",
        DISPATCH,
        "                self._done(lane, len(batch.records), _state_of(outcome))\n",
        "                commands += self._discard(\n"
        "                    lane, number, len(batch.records), Condition.RETRY_ATTEMPTS_EXHAUSTED, None, now\n"
        "                )\n",
    ),
    RuleMutation("R110", "version is a number", LETTER, 'whole["version"] = "1.0"', 'whole["version"] = 1.0'),
    RuleMutation(
        "R110",
        "timestamp has no milliseconds",
        LETTER,
        'whole["timestamp"] = _instant(now, "milliseconds")',
        'whole["timestamp"] = _instant(now, "seconds")',
    ),
    RuleMutation(
        "R110",
        "requestId is another than the handler saw",
        DISPATCH,
        "            request_id=batch.request_id,\n",
        "            request_id=self._context.ids.derive(self._shard, 0, 0, 0, batch.attempts),\n",
    ),
    RuleMutation(
        "R110",
        "functionArn loses its qualifier",
        LETTER,
        '"functionArn": letter.function_arn,',
        '"functionArn": ":".join(letter.function_arn.split(":")[:7]),',
    ),
    RuleMutation(
        "R110",
        "condition has another spelling",
        LETTER,
        '"condition": letter.condition.value,',
        '"condition": letter.condition.name,',
    ),
    RuleMutation(
        "R110",
        "approximateInvokeCount counts the retries",
        LETTER,
        '"approximateInvokeCount": letter.invoke_count,',
        '"approximateInvokeCount": letter.invoke_count - 1,',
    ),
    RuleMutation(
        "R110",
        "approximateInvokeCount counts throttles",
        DISPATCH,
        "            invoke_count=max(1, batch.attempts),",
        "            invoke_count=max(1, batch.attempts + batch.not_reached),",
    ),
    RuleMutation(
        "R110",
        "statusCode is left out",
        LETTER,
        '            "statusCode": letter.response.status_code,\n',
        "",
    ),
    RuleMutation(
        "R110",
        "executedVersion is always $LATEST",
        LETTER,
        '"executedVersion": letter.response.executed_version,',
        '"executedVersion": "$LATEST",',
    ),
    RuleMutation(
        "R110",
        "functionError is told as null",
        RESPONSE,
        "response = ResponseContext(executed_version, function_error)",
        "response = ResponseContext(executed_version, None)",
    ),
    RuleMutation(
        "R110",
        "a Kinesis batch is told as DynamoDB's",
        LETTER,
        '"KinesisBatchInfo" if kinesis else "DDBStreamBatchInfo"',
        '"DDBStreamBatchInfo"',
    ),
    RuleMutation("R110", "shardId is left out", LETTER, '        "shardId": letter.shard,\n', ""),
    RuleMutation(
        "R110",
        "endSequenceNumber is the first record's",
        LETTER,
        '"endSequenceNumber": str(letter.last),',
        '"endSequenceNumber": str(letter.first),',
    ),
    RuleMutation(
        "R110",
        "startSequenceNumber is that of the batch, not of what is discarded",
        DISPATCH,
        "first=Position(records[0].position) if records",
        "first=Position(batch.records[-1].position) if records",
    ),
    RuleMutation(
        "R110",
        "sequence numbers are numbers",
        LETTER,
        '"startSequenceNumber": str(letter.first),',
        '"startSequenceNumber": letter.first,',
    ),
    RuleMutation(
        "R110",
        "approximateArrivalOfLastRecord is the first record's",
        LETTER,
        '"approximateArrivalOfLastRecord": _instant(_moment(letter.last_created_s), precision),',
        '"approximateArrivalOfLastRecord": _instant(_moment(letter.first_created_s), precision),',
    ),
    RuleMutation(
        "R110",
        "the arrivals of first and last record are exchanged",
        DISPATCH,
        "first_created_s=records[0].created_s if records",
        "first_created_s=records[-1].created_s if records",
    ),
    RuleMutation("R110", "batchSize is left out", LETTER, '        "batchSize": letter.count,\n', ""),
    RuleMutation("R110", "streamArn is left out", LETTER, '        "streamArn": letter.stream_arn,\n', ""),
    RuleMutation(
        "R110",
        "a notification has a subject",
        "targets/topic.py",
        "TopicArn=str(self._topic), Message=message",
        'TopicArn=str(self._topic), Subject="dead letter", Message=message',
        TARGET_TESTS,
    ),
    RuleMutation(
        "R111",
        "exhausted batches have no responseContext",
        RETRY,
        "return GiveUp(response)",
        "return GiveUp(None)",
    ),
    RuleMutation(
        "R111",
        "what is too large has a responseContext",
        RETRY,
        "told = None if cause is Cause.TOO_LARGE else response",
        "told = response",
    ),
    RuleMutation(
        "R112",
        "DynamoDB's arrival times have a fraction",
        LETTER,
        'precision = "milliseconds" if kinesis else "seconds"',
        'precision = "milliseconds"',
    ),
    RuleMutation(
        "R112",
        "Kinesis' arrival times have no fraction",
        LETTER,
        'precision = "milliseconds" if kinesis else "seconds"',
        'precision = "seconds"',
    ),
    RuleMutation(
        "R113",
        "a document for a queue holds the records",
        LETTER,
        "if letter.event and is_bucket(letter.destination):",
        "if letter.event:",
    ),
    RuleMutation(
        "R113",
        "batchSize counts the batch, not what is discarded of it",
        DISPATCH,
        "            count=count,\n",
        "            count=len(batch.records),\n",
    ),
    RuleMutation(
        "R114",
        "payload is an object",
        LETTER,
        'whole["payload"] = letter.event.decode()',
        'whole["payload"] = msgspec.Raw(letter.event)',
    ),
    RuleMutation(
        "R114",
        "payload is the whole batch, not what is discarded of it",
        DISPATCH,
        'event=event_of(records, call) if self._context.keeps_bodies or is_bucket(destination) else b"",',
        'event=event_of(batch.records, call) if self._context.keeps_bodies or is_bucket(destination) else b"",',
    ),
    RuleMutation(
        "R114",
        "an object's content type is JSON's",
        "targets/bucket.py",
        'ContentType="application/octet-stream"',
        'ContentType="application/json"',
        TARGET_TESTS,
    ),
    RuleMutation("R115", "days have no folders", LETTER, '"%Y/%m/%d"', '"%Y-%m-%d"'),
    RuleMutation("R115", "times have colons", LETTER, "%H.%M.%S", "%H:%M:%S"),
    RuleMutation("R115", "an object's name has an extension", LETTER, "{moment}-{unique}", "{moment}-{unique}.json"),
    RuleMutation(
        "R115", "an object's name begins with the function's folder", LETTER, "aws/lambda/{letter", "lambda/{letter"
    ),
    RuleMutation(
        "R117",
        "a letter that is not delivered counts as delivered",
        "core/mapping/metrics.py",
        '"OnFailureDestinationDeliveredEventCount" if delivered else "DroppedEventCount"',
        '"OnFailureDestinationDeliveredEventCount"',
    ),
    RuleMutation(
        "R117",
        "a letter that is not delivered counts once for each record",
        "core/mapping/metrics.py",
        '"DestinationDeliveryFailures", COUNT), 1, at)',
        '"DestinationDeliveryFailures", COUNT), letter.count, at)',
    ),
    RuleMutation(
        "R118",
        "the position passes a discarded batch before its letter is stored",
        LANE,
        "if self.batches and not self.batches[-1].final:",
        "if self.batches and not self.batches[-1].final and self.state is not LaneState.STORING_LETTER:",
    ),
    RuleMutation(
        "R118",
        "the next batch waits until the letter is sent",
        "engine/outbox.py",
        "            self._waiting_for_room -= 1\n        self._news.set()",
        "            self._waiting_for_room -= 1\n        await self.flush()",
        ENGINE_TESTS,
    ),
    RuleMutation(
        "R119",
        "a Kafka topic is taken as a destination",
        "core/mapping/admission.py",
        "if any(form.fullmatch(arn) for form in _DESTINATIONS):",
        "if arn.startswith(_KAFKA) or any(form.fullmatch(arn) for form in _DESTINATIONS):",
    ),
    RuleMutation(
        "R120",
        "without a destination a batch that is given up stops its lane",
        DISPATCH,
        "            self._done(lane, count)\n            return [Tell(Notice.DROPPED",
        "            lane.state = LaneState.RESTING\n            return [Tell(Notice.DROPPED",
    ),
    RuleMutation(
        "R120",
        "without a destination a letter is asked for all the same",
        DISPATCH,
        "        if destination is None:\n",
        '        destination = destination or ""\n        if destination is None:\n',
    ),
)

RULES: tuple[RuleMutation, ...] = (
    *_LANES,
    *_ORDER,
    *_FILTERING,
    *_OUTCOMES,
    *_RETRIES,
    *_PARTIAL,
    *_AGE,
    *_DOCUMENTS,
)


def as_mutants(root: Path) -> list[Mutant]:
    """The list against the modules below ``root`` (src/afterbay). Raises ``ValueError`` for what does not apply."""
    found: list[Mutant] = []
    for one in RULES:
        source = (root / one.file).read_text()
        if source.count(one.old) != 1:
            raise ValueError(f"{one.rule} {one.broken}: its text stands {source.count(one.old)} times in {one.file}")
        start = len(source[: source.index(one.old)].encode())
        line = source[: source.index(one.old)].count("\n") + 1
        span = line, line + one.old.count("\n")
        end = start + len(one.old.encode())
        found.append(Mutant(one.file, start, end, one.new, "rule", line, span, one.old, one.rule, one.broken, one.also))
    return found
