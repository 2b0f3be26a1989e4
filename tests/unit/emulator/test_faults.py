"""Planned faults: the next N calls, and no more (S104)."""

import pytest

from afterbay.emulator.faults import ODDITIES, Fault, FaultPlan, Oddity
from afterbay.errors import SettingsError


def test_a_fault_is_met_as_often_as_planned_and_by_its_operation_alone():
    plan = FaultPlan()
    plan.plan(Fault("dynamodbstreams", "GetRecords", "ThrottlingException", 2))
    assert plan.take("dynamodbstreams", "DescribeStream") is None and plan.take("lambda", "GetRecords") is None
    taken = [plan.take("dynamodbstreams", "GetRecords") for _ in range(3)]
    assert taken == ["ThrottlingException", "ThrottlingException", None]


def test_faults_of_one_operation_come_in_the_order_of_planning():
    plan = FaultPlan()
    plan.plan(Fault("sqs", "SendMessage", "One", 1))
    plan.plan(Fault("sqs", "SendMessage", "Two", 1))
    assert [plan.take("sqs", "SendMessage") for _ in range(3)] == ["One", "Two", None]


def test_cleared_faults_do_not_happen():
    plan = FaultPlan()
    plan.plan(Fault("sqs", "SendMessage", "One", 1))
    plan.clear()
    assert plan.take("sqs", "SendMessage") is None and plan.pending() == ()


@pytest.mark.parametrize("wrong", [("", "o", "e", 1), ("s", "", "e", 1), ("s", "o", "", 1), ("s", "o", "e", 0)])
def test_a_fault_that_cannot_be_met_is_refused(wrong):
    with pytest.raises(SettingsError):
        Fault(*wrong)


def test_a_plan_is_bounded():
    plan = FaultPlan()
    for _ in range(1000):
        plan.plan(Fault("sqs", "SendMessage", "One", 1))
    with pytest.raises(SettingsError, match="times"):
        plan.plan(Fault("sqs", "SendMessage", "One", 1))


@pytest.mark.parametrize(("operation", "oddities"), ODDITIES.items())
def test_an_oddity_is_planned_where_it_can_be_met_only(operation, oddities):
    for oddity in Oddity:
        if oddity in oddities:
            assert Fault("dynamodbstreams", operation, oddity, 1).error == oddity
        else:
            with pytest.raises(SettingsError, match=oddity):
                Fault("dynamodbstreams", operation, oddity, 1)
    with pytest.raises(SettingsError, match=f"dynamodbstreams {operation}"):
        Fault("kinesis", operation, min(oddities), 1)


def test_an_error_that_is_not_wanted_is_left_for_who_takes_any():
    plan = FaultPlan()
    plan.plan(Fault("sqs", "SendMessage", "Slow", 1))
    plan.plan(Fault("sqs", "SendMessage", "Denied", 1))
    assert plan.take_if("sqs", "SendMessage", lambda code: code == "Denied") is None
    assert plan.take("sqs", "SendMessage") == "Slow"
    assert plan.take_if("sqs", "SendMessage", lambda code: code == "Denied") == "Denied"
    assert not plan.waits_for("sqs") and plan.take_if("sqs", "SendMessage", bool) is None
