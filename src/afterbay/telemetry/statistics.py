"""Metric data gathered into statistic sets, as PutMetricData takes them.

Decides how data are put together: by series and minute, CloudWatch's finest standard period.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from afterbay.core.mapping.metrics import Datum, Series

__all__ = ["Gathered", "StatisticSet", "as_metric_data"]

SETS_MAX = 20_000
"""Kept while the service takes none: about a day of a dozen series, some MB."""


@dataclass(slots=True)
class StatisticSet:
    """Values of one series in one minute. ``at`` is the moment of the first."""

    at: datetime
    count: int
    total: float
    least: float
    most: float

    def add(self, other: StatisticSet) -> None:
        self.at = min(self.at, other.at)
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)


class Gathered:
    """Statistic sets by series and minute; beyond ``sets_max`` the oldest go, and ``lost`` counts them."""

    def __init__(self, sets_max: int = SETS_MAX) -> None:
        self._sets: dict[tuple[Series, datetime], StatisticSet] = {}
        self._sets_max = sets_max
        self.lost = 0

    def __len__(self) -> int:
        return len(self._sets)

    def add(self, datum: Datum) -> None:
        self._put(datum.series, StatisticSet(datum.at, 1, datum.value, datum.value, datum.value))

    def take(self) -> list[tuple[Series, StatisticSet]]:
        """Everything gathered so far, by region and then as it came; it is gathered here no more."""
        sets, self._sets = self._sets, {}
        return sorted(((series, one) for (series, _), one in sets.items()), key=lambda pair: pair[0].region)

    def put_back(self, sets: list[tuple[Series, StatisticSet]]) -> None:
        """What could not be sent is added to what came since."""
        for series, one in sets:
            self._put(series, one)

    def _put(self, series: Series, one: StatisticSet) -> None:
        key = (series, one.at.replace(second=0, microsecond=0))
        known = self._sets.get(key)
        if known is not None:
            known.add(one)
            return
        if len(self._sets) >= self._sets_max:
            del self._sets[min(self._sets, key=lambda kept: kept[1])]
            self.lost += 1
        self._sets[key] = one


def as_metric_data(sets: list[tuple[Series, StatisticSet]]) -> list[dict[str, object]]:
    """Members of PutMetricData's ``MetricData``."""
    return [
        {
            "MetricName": series.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
            "Timestamp": one.at,
            "Unit": series.unit,
            "StatisticValues": {
                "SampleCount": float(one.count),
                "Sum": one.total,
                "Minimum": one.least,
                "Maximum": one.most,
            },
        }
        for series, one in sets
    ]
