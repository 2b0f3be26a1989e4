"""The pipes of an account in a Region, by name: every operation of the API but the running (X1, X4, X7, X8).

Keeps what was asked for and in which state each pipe is; a driver does the work and says what came of it
(``settle``). Each change makes a new ``PipeResource``: who stores or runs pipes compares the old one with the new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from afterbay.core.change.wire import JsonValue
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.errors import Field, invalid, not_found, quota_exceeded
from afterbay.core.pipe.lifecycle import DesiredState, LifecycleEvent, step
from afterbay.core.pipe.listing import ListQuery, page
from afterbay.core.pipe.model import NAMED, RESOURCE, TAG, UNTAG, UPDATE
from afterbay.core.pipe.reason import shortened
from afterbay.core.pipe.request import CheckTemplate, check, parse_create, parse_tags, parse_update
from afterbay.core.pipe.resource import PipeResource

__all__ = ["PIPES_MAX", "TAGS_MAX", "PipeRegistry"]

PIPES_MAX = 1000
"""X73: AWS's quota of an account."""

TAGS_MAX = 50


class PipeRegistry:
    """``check_template`` is asked about every input template (X40), ``check_settings`` about a whole pipe that is right
    in itself: it refuses what is not served. Times are epoch seconds.

    Refusals are ``PipeError``, with the code, the status and the body that the API answers.
    """

    def __init__(
        self,
        *,
        account: str,
        region: str,
        check_template: CheckTemplate | None = None,
        check_settings: Callable[[PipeSettings], None] | None = None,
        pipes_max: int = PIPES_MAX,
    ) -> None:
        self.account = account
        self.region = region
        self._check_template = check_template
        self._check_settings = check_settings
        self._pipes_max = pipes_max
        self._pipes: dict[str, PipeResource] = {}

    def __iter__(self) -> Iterator[PipeResource]:
        """All pipes, in the order of their creation."""
        return iter(tuple(self._pipes.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._pipes

    def __len__(self) -> int:
        return len(self._pipes)

    def restore(self, pipe: PipeResource) -> None:
        """Take up a stored pipe."""
        self._pipes[pipe.name] = pipe

    def get(self, name: str) -> PipeResource:
        """Rules: X2, X6 what is no name is told so, before that no pipe has it."""
        pipe = self._pipes.get(name)
        if pipe is None:
            check(NAMED, {"Name": name})
            raise not_found(name)
        return pipe

    def create(self, params: Mapping[str, JsonValue], now_s: float) -> PipeResource:
        """Rules: a request that is wrong in itself is told first, then that the name is taken (X7), then the quota."""
        settings = parse_create(params, account=self.account, region=self.region, check_template=self._check_template)
        self._check(settings)
        tags = parse_tags(params, "Tags")
        there = self._pipes.get(settings.name)
        state = step(None if there is None else there.state, LifecycleEvent.CREATE, name=settings.name)
        assert state is not None, "a pipe begins in a state"
        if len(self._pipes) >= self._pipes_max:
            raise quota_exceeded(settings.name, self._pipes_max)
        return self._keep(PipeResource(settings=settings, state=state, created_s=now_s, modified_s=now_s, tags=tags))

    def update(self, name: str, params: Mapping[str, JsonValue], now_s: float) -> PipeResource:
        """Rules: X6 what the model says comes first, before that there is no such pipe."""
        check(UPDATE, params)
        pipe = self.get(name)
        settings = parse_update(pipe.settings, params, check_template=self._check_template)
        self._check(settings)
        return self._asked(pipe, LifecycleEvent.UPDATE, settings, now_s)

    def start(self, name: str, now_s: float) -> PipeResource:
        pipe = self.get(name)
        running = replace(pipe.settings, desired_state=DesiredState.RUNNING)
        return self._asked(pipe, LifecycleEvent.START, running, now_s)

    def stop(self, name: str, now_s: float) -> PipeResource:
        pipe = self.get(name)
        stopped = replace(pipe.settings, desired_state=DesiredState.STOPPED)
        return self._asked(pipe, LifecycleEvent.STOP, stopped, now_s)

    def delete(self, name: str, now_s: float) -> PipeResource:
        """The pipe goes once the driver has told STOPPED."""
        pipe = self.get(name)
        return self._asked(pipe, LifecycleEvent.DELETE, pipe.settings, now_s)

    def settle(self, name: str, event: LifecycleEvent, reason: str | None = None) -> PipeResource | None:
        """What the driver tells of a pipe: STARTED, STOPPED, FAILED or HALTED, the last two with a reason. None: the
        pipe is gone."""
        pipe = self.get(name)
        state = step(pipe.state, event, name=name)
        if state is None:
            del self._pipes[name]
            return None
        return self._keep(replace(pipe, state=state, reason=None if reason is None else shortened(reason)))

    def list(self, query: Mapping[str, str], now_s: float) -> dict[str, JsonValue]:
        """The answer of ListPipes (X11)."""
        return page(self._pipes.values(), ListQuery.read(query), now_s)

    def tags(self, arn: str) -> dict[str, str]:
        return dict(self._by_arn(arn).tags)

    def tag(self, arn: str, params: Mapping[str, JsonValue]) -> None:
        """Add tags and replace those of the same key; ``params`` has the member ``tags`` (X8)."""
        check(TAG, params)
        pipe = self._by_arn(arn)
        tags = {**pipe.tags, **parse_tags(params, "tags")}
        if len(tags) > TAGS_MAX:
            raise invalid([Field("tags", f"The pipe would have {len(tags)} tags; at most {TAGS_MAX} are allowed")])
        self._keep(replace(pipe, tags=tags))

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Take tags away; a key that is not there is passed over (X8)."""
        check(UNTAG, {"tagKeys": list(keys)})
        pipe = self._by_arn(arn)
        self._keep(replace(pipe, tags={key: value for key, value in pipe.tags.items() if key not in keys}))

    def _asked(self, pipe: PipeResource, event: LifecycleEvent, settings: PipeSettings, now_s: float) -> PipeResource:
        state = step(pipe.state, event, name=pipe.name)
        assert state is not None, "a pipe goes by what the driver tells, not by a request"
        reason = pipe.reason if state is pipe.state else None
        return self._keep(replace(pipe, settings=settings, state=state, modified_s=now_s, reason=reason))

    def _check(self, settings: PipeSettings) -> None:
        if self._check_settings is not None:
            self._check_settings(settings)

    def _by_arn(self, arn: str) -> PipeResource:
        name = arn.rpartition("pipe/")[2]
        pipe = self._pipes.get(name)
        if pipe is None or pipe.settings.arn != arn:
            check(RESOURCE, {"resourceArn": arn})
            raise not_found(name)
        return pipe

    def _keep(self, pipe: PipeResource) -> PipeResource:
        self._pipes[pipe.name] = pipe
        return pipe
