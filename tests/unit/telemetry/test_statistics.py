"""Metric data gathered into statistic sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from afterbay.core.mapping.metrics import Datum, Series
from afterbay.telemetry.statistics import Gathered, as_metric_data

T0 = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
AGE = Series("eu-west-1", "IteratorAge", (("FunctionName", "f"),), "Milliseconds")
OTHER = AGE._replace(region="us-east-1")


def test_values_of_one_minute_are_one_set() -> None:
    gathered = Gathered()
    for value, offset_s in ((5.0, 10), (2.0, 0), (8.0, 29), (1.0, 30)):
        gathered.add(Datum(AGE, value, T0 + timedelta(seconds=offset_s)))
    first, second = as_metric_data(gathered.take())
    assert first == {
        "MetricName": "IteratorAge",
        "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
        "Timestamp": T0,
        "Unit": "Milliseconds",
        "StatisticValues": {"SampleCount": 3.0, "Sum": 15.0, "Minimum": 2.0, "Maximum": 8.0},
    }
    assert second["Timestamp"] == T0 + timedelta(seconds=30)
    assert gathered.take() == []


def test_series_of_a_region_stand_together() -> None:
    gathered = Gathered()
    for series in (OTHER, AGE, OTHER._replace(metric="Errors")):
        gathered.add(Datum(series, 1.0, T0))
    assert [series.region for series, _ in gathered.take()] == ["eu-west-1", "us-east-1", "us-east-1"]


def test_what_is_put_back_is_added_to_what_came_since() -> None:
    gathered = Gathered()
    gathered.add(Datum(AGE, 1.0, T0))
    taken = gathered.take()
    gathered.add(Datum(AGE, 3.0, T0 + timedelta(seconds=5)))
    gathered.put_back(taken)
    ((_, one),) = gathered.take()
    assert (one.at, one.count, one.total, one.least, one.most) == (T0, 2, 4.0, 1.0, 3.0)


def test_beyond_the_bound_the_oldest_go_and_are_counted() -> None:
    gathered = Gathered(sets_max=2)
    for minute in range(4):
        gathered.add(Datum(AGE, float(minute), T0 + timedelta(minutes=minute)))
    assert gathered.lost == 2 and len(gathered) == 2
    assert [one.total for _, one in gathered.take()] == [2.0, 3.0]
