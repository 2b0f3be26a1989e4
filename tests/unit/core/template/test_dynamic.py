"""Which parameters of a target take a path, and what may come of it (X60 to X62): what the vectors do not show."""

from __future__ import annotations

import botocore.session
import pytest

from afterbay import TemplateError
from afterbay.core.template import Event, Parameter
from afterbay.core.template.dynamic import ENUMS

EVENT = Event(
    {"id": "o-1", "n": 1.5, "yes": True, "nil": None, "empty": "", "tags": ["a", "b"], "obj": {"a": 1}, "path": "$.id"}
)
GROUP = "SqsQueueParameters.MessageGroupId"


def resolved(value: object, name: str = GROUP) -> object:
    return Parameter(name, value).resolve(EVENT)


def test_scalars_become_text():
    assert [resolved(f"$.{name}") for name in ("id", "n", "yes", "empty", "tags[1]")] == ["o-1", "1.5", "true", "", "b"]


def test_digits_of_a_number_survive():
    assert Parameter(GROUP, "$.n").resolve(Event.read(b'{"n": 1.50}')) == "1.50"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("$.nope", "MissingPath"),
        ("$.id.x", "MissingPath"),
        ("$.nil", "InvalidValue"),
        ("$.obj", "InvalidValue"),
        ("$.tags", "InvalidValue"),
        ("$.tags[*]", "InvalidValue"),
        ("$", "InvalidValue"),
    ],
)
def test_what_is_no_text_fails_the_record(path, code):
    with pytest.raises(TemplateError, match=r"^SqsQueueParameters\.MessageGroupId: ") as failed:
        resolved(path)
    assert failed.value.code == code


@pytest.mark.parametrize(
    "text", ["orders", "", "$5", "$.", "$..id", "$.id ", "x$.id", "$.id-$.n x", "<$.id>", "$.obj['a']"]
)
def test_what_is_no_path_as_a_whole_is_literal(text):
    assert resolved(text) == text
    assert not Parameter(GROUP, text).is_dynamic


def test_a_value_that_is_itself_a_path_is_not_resolved_again():
    assert resolved("$.path") == "$.id"


def test_structures_and_lists_are_looked_through_but_for_keys():
    parameters = {
        "InputTemplate": "$.id",
        "HttpParameters": {
            "HeaderParameters": {"$.id": "$.id", "X-Static": "s"},
            "PathParameterValues": ["$.n", "fixed"],
        },
        "EcsTaskParameters": {"TaskCount": 2, "EnableExecuteCommand": False, "Group": None, "Tags": [{"Key": "$.id"}]},
        "CloudWatchLogsParameters": {"LogStreamName": "$.id", "Timestamp": "$.n"},
    }
    whole = Parameter("", parameters)
    assert whole.is_dynamic
    assert whole.resolve(EVENT) == {
        "InputTemplate": "$.id",
        "HttpParameters": {
            "HeaderParameters": {"$.id": "o-1", "X-Static": "s"},
            "PathParameterValues": ["1.5", "fixed"],
        },
        "EcsTaskParameters": {"TaskCount": 2, "EnableExecuteCommand": False, "Group": None, "Tags": [{"Key": "o-1"}]},
        "CloudWatchLogsParameters": {"LogStreamName": "$.id", "Timestamp": "1.5"},
    }
    assert parameters["HttpParameters"]["PathParameterValues"] == ["$.n", "fixed"], "the setting itself stays"


def test_a_structure_without_a_path_is_handed_on_as_it_is():
    static = {"HttpParameters": {"PathParameterValues": ["a"]}, "EcsTaskParameters": {"TaskCount": 1}}
    assert Parameter("", static).resolve(EVENT) is static


@pytest.mark.parametrize("name", ["EventBridgeEventBusParameters.Time", "CloudWatchLogsParameters.Timestamp"])
def test_some_take_nothing_but_a_path(name):
    """X61."""
    assert resolved("$.id", name) == "o-1"
    with pytest.raises(TemplateError, match="is no path") as refused:
        Parameter(name, "2026-01-02T03:04:05Z")
    assert refused.value.code == "ValidationException"


def test_a_path_cannot_stand_where_one_of_a_set_is_wanted():
    """X61; in lists too."""
    assert resolved("REQUEST_RESPONSE", "LambdaFunctionParameters.InvocationType") == "REQUEST_RESPONSE"
    for name in ("BatchJobParameters.DependsOn[3].Type", "EcsTaskParameters.LaunchType"):
        with pytest.raises(TemplateError) as refused:
            Parameter(name, "$.id")
        assert refused.value.code == "ValidationException"
    with pytest.raises(TemplateError, match=r"^BatchJobParameters\.DependsOn\.Type: "):
        Parameter("BatchJobParameters", {"DependsOn": [{"JobId": "$.id", "Type": "$.id"}]})


def test_the_closed_sets_are_those_of_the_services_model():
    model = botocore.session.get_session().get_service_model("pipes")
    found: set[str] = set()

    def look(shape, name: str) -> None:
        if shape.type_name == "structure":
            for member, inner in shape.members.items():
                look(inner, f"{name}.{member}" if name else member)
        elif shape.type_name == "list":
            look(shape.member, name)
        elif getattr(shape, "enum", None):
            found.add(name)

    look(model.shape_for("PipeTargetParameters"), "")
    look(model.shape_for("PipeEnrichmentParameters"), "")
    assert found == ENUMS
