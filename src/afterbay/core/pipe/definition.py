"""Everything that one pipe does, and what its parts make of one another (X10, X30, X70, X71).

How a request becomes this is ``request.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from afterbay.core.change.source import SourceKind, source_kind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.pipe.errors import Field, invalid
from afterbay.core.pipe.group import shown
from afterbay.core.pipe.lifecycle import DesiredState
from afterbay.core.pipe.log_settings import LogSettings
from afterbay.core.pipe.shape import MISSING
from afterbay.core.pipe.source_parameters import QueueParameters, SourceParameters, StreamParameters
from afterbay.core.pipe.source_service import SourceService, source_service
from afterbay.core.pipe.target_parameters import HttpParameters, TargetParameters, missing
from afterbay.core.pipe.target_parameters import shown as shown_parameters
from afterbay.core.pipe.target_service import TargetKind, TargetService, target_service

__all__ = ["PipeSettings"]

RECEIVED_AT_ONCE_MAX = 10
"""Messages that one receive of SQS gives: more of them make a batch only where a window gathers them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipeSettings:
    """One pipe as it was asked for. What is None was not given or has been cleared (X10).

    ``filters`` are the patterns byte for byte. ``enrichment_parameters`` and ``target_parameters`` are those of the
    service that is called. ``desired_state`` is RUNNING or STOPPED.
    """

    name: str
    arn: str
    role_arn: str
    source: str
    source_parameters: SourceParameters
    target: str
    filters: tuple[str, ...] = ()
    enrichment: str | None = None
    enrichment_template: str | None = None
    enrichment_parameters: HttpParameters | None = None
    target_template: str | None = None
    target_parameters: TargetParameters | None = None
    description: str | None = None
    log: LogSettings | None = None
    desired_state: DesiredState = DesiredState.RUNNING
    kms_key: str | None = None

    def __post_init__(self) -> None:
        wrong = [
            *missing(self.target_service, self.target, self.target_parameters),
            *self._size_faults(),
            *self._retry_faults(),
        ]
        if wrong:
            raise invalid(wrong)

    @property
    def kind(self) -> SourceKind:
        """What is read."""
        return source_kind(self.source)

    @property
    def source_service(self) -> SourceService:
        service = source_service(self.source)
        assert service is not None, "checked when the pipe was made"
        return service

    @property
    def target_service(self) -> TargetService:
        service = target_service(self.target)
        assert service is not None, "checked when the pipe was made"
        return service

    @property
    def enrichment_service(self) -> TargetService | None:
        return None if self.enrichment is None else target_service(self.enrichment)

    @property
    def batch_size(self) -> int:
        """Records of a batch at most: what was given, or the smaller of the source's default and what the target and
        the enrichment take (X71)."""
        given = self.source_parameters.batch_size
        if given is not None:
            return given
        return min([self.source_service.batch_size, *(most for _, most in self._batch_maxima())])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know of settings that are accepted (X70)."""
        told: list[str] = []
        most = self.target_service.batch_max
        if most is not None and self.batch_size > most:
            told.append(
                f"BatchSize {self.batch_size} is more than {self.target_service.kind.value} takes in one call: "
                f"a batch is sent in pieces of {most}"
            )
        if self._unwindowed and self.batch_size > RECEIVED_AT_ONCE_MAX:
            told.append(
                f"BatchSize {self.batch_size} is more than one receive from a queue gives: without a batching window "
                f"a batch has at most {RECEIVED_AT_ONCE_MAX} messages"
            )
        return tuple(told)

    def source_settings(self) -> MappingSettings:
        """The settings of the mapping that reads the source; ``function_arn`` is the pipe's own ARN.

        Answers that name failed records always count (X80). The filters are a pipe's: ``filters.compile_filters``
        reads them, not a mapping's.
        """
        source = self.source_parameters
        if isinstance(source, QueueParameters):
            size = min(self.batch_size, RECEIVED_AT_ONCE_MAX) if self._unwindowed else self.batch_size
            return MappingSettings(
                event_source_arn=self.source,
                function_arn=self.arn,
                starting_position=None,
                batch_size=size,
                batching_window_s=source.batching_window_s,
                report_batch_item_failures=True,
                filters=self.filters,
            )
        return MappingSettings(
            event_source_arn=self.source,
            function_arn=self.arn,
            starting_position=source.starting_position,
            starting_at=source.starting_at,
            batch_size=self.batch_size,
            batching_window_s=source.batching_window_s,
            parallelization_factor=source.parallelization_factor,
            record_age_max_s=source.record_age_max_s,
            retry_attempts_max=source.retry_attempts_max,
            bisect=source.bisect,
            report_batch_item_failures=True,
            on_failure=source.dead_letter_arn,
            filters=self.filters,
        )

    def request(self) -> dict[str, JsonValue]:
        """The CreatePipe request that makes these settings, without members that were not given."""
        return self._shown(self.source_parameters.batch_size)

    def described(self) -> dict[str, JsonValue]:
        """The same as DescribePipe shows it: the source's parameters with their defaults (inferred)."""
        return self._shown(self.batch_size)

    def _shown(self, batch_size: int | None) -> dict[str, JsonValue]:
        reading: dict[str, JsonValue] = {}
        own = self.source_parameters.shown(batch_size)
        if own:
            reading[self.source_service.groups[0]] = own
        if self.filters:
            reading["FilterCriteria"] = {"Filters": [{"Pattern": one} for one in self.filters]}
        enrichment = self.enrichment_service
        whole: dict[str, JsonValue | None] = {
            "Name": self.name,
            "Description": self.description,
            "DesiredState": self.desired_state.value,
            "Source": self.source,
            "SourceParameters": reading or None,
            "Enrichment": self.enrichment,
            "EnrichmentParameters": _calling(enrichment, self.enrichment_template, self.enrichment_parameters),
            "Target": self.target,
            "TargetParameters": _calling(self.target_service, self.target_template, self.target_parameters),
            "RoleArn": self.role_arn,
            "LogConfiguration": None if self.log is None else shown(self.log),
            "KmsKeyIdentifier": self.kms_key,
        }
        return {name: value for name, value in whole.items() if value is not None}

    @property
    def _unwindowed(self) -> bool:
        return isinstance(self.source_parameters, QueueParameters) and not self.source_parameters.batching_window_s

    def _batch_maxima(self) -> Iterator[tuple[TargetService, int]]:
        """What bounds a batch: the target's calls, and an enrichment that takes one record (X70)."""
        if self.target_service.batch_max is not None:
            yield self.target_service, self.target_service.batch_max
        enrichment = self.enrichment_service
        if enrichment is not None and enrichment.takes_one:
            yield enrichment, 1

    def _size_faults(self) -> Iterator[Field]:
        """X70: what takes one record at a time refuses a larger batch; other calls are made in pieces."""
        for service, most in self._batch_maxima():
            if service.takes_one and self.batch_size > most:
                yield Field(
                    f"SourceParameters.{self.source_service.groups[0]}.BatchSize",
                    f"{service.kind.value} takes one record at a time: BatchSize must be 1, not {self.batch_size}",
                )

    def _retry_faults(self) -> Iterator[Field]:
        """X69: a stream that writes to Timestream must bound its retries."""
        source = self.source_parameters
        unbounded = isinstance(source, StreamParameters) and source.retry_attempts_max is None
        if unbounded and self.target_service.kind is TargetKind.TIMESTREAM:
            yield Field(f"SourceParameters.{self.source_service.groups[0]}.MaximumRetryAttempts", MISSING)


def _calling(
    service: TargetService | None, template: str | None, parameters: TargetParameters | None
) -> dict[str, JsonValue] | None:
    whole: dict[str, JsonValue] = {}
    if template is not None:
        whole["InputTemplate"] = template
    if parameters is not None:
        assert service is not None and service.group is not None, "they are somebody's"
        whole[service.group] = shown_parameters(parameters)
    return whole or None
