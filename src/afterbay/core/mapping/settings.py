"""Every knob of a mapping, checked (R1 to R20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

__all__ = ["MappingSettings", "StartingPosition"]


class StartingPosition(Enum):
    """Where a mapping's first start begins (R7)."""

    TRIM_HORIZON = "TRIM_HORIZON"
    LATEST = "LATEST"
    AT_TIMESTAMP = "AT_TIMESTAMP"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSettings:
    """The settings of one mapping as the machine acts on them; ``None`` stands for AWS's -1, "without limit"."""

    event_source_arn: str
    function_arn: str
    starting_position: StartingPosition
    starting_at: datetime | None = None
    batch_size: int = 100
    batching_window_s: int = 0
    parallelization_factor: int = 1
    record_age_max_s: int | None = None
    retry_attempts_max: int | None = None
    bisect: bool = False
    report_batch_item_failures: bool = False
    tumbling_window_s: int = 0
    on_failure: str | None = None
    filters: tuple[str, ...] = ()
