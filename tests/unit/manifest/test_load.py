"""A template's files, in the forms that AWS's tools have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterbay.declaration.resources import LocalCode
from afterbay.errors import SettingsError
from afterbay.manifest.load import load

TEMPLATES = Path(__file__).parents[2] / "data/templates"
TEXT = """
Parameters:
  A: {Type: String}
  L: {Type: CommaDelimitedList, Default: x}
Resources:
  Q:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "${A}-${AWS::StackName}"}
  R:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Join ["-", !Ref L]}
  S:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !ImportValue base}
"""


@pytest.fixture
def file(tmp_path) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(TEXT)
    return file


def names(template) -> list[object]:
    return [one.declared.properties.get("QueueName") for one in template.resources]


@pytest.mark.parametrize(
    "content",
    [
        {"A": "a", "L": "p,q"},
        {"A": "a", "L": ["p", "q"]},
        {"Parameters": {"A": "a", "L": "p,q"}},
        [{"ParameterKey": "A", "ParameterValue": "a"}, {"ParameterKey": "L", "ParameterValue": "p,q"}],
        ["A=a", "L=p,q"],
    ],
)
def test_parameters_come_from_a_file_in_any_of_awss_forms(file, content):
    given = file.with_name("parameters.json")
    given.write_text(json.dumps(content))
    template = load(file, region="eu-west-1", parameters_file=given)
    assert names(template)[:2] == ["a-shop", "p-q"]
    assert names(load(file, region="eu-west-1", parameters={"A": "b"}, parameters_file=given))[0] == "b-shop"


def test_a_file_of_parameters_may_be_yaml(file):
    given = file.with_name("parameters.yaml")
    given.write_text("A: 012345678901\nL: [1, true]\n")
    assert names(load(file, region="eu-west-1", parameters_file=given))[:2] == ["012345678901-shop", "1-true"]


@pytest.mark.parametrize(
    "content", [{"base": "b"}, {"Exports": [{"Name": "base", "Value": "b", "ExportingStackId": "s"}]}]
)
def test_imports_come_from_a_file(file, content):
    given = file.with_name("exports.json")
    given.write_text(json.dumps(content))
    assert names(load(file, region="eu-west-1", parameters={"A": "a"}, imports_file=given))[2] == "b"


@pytest.mark.parametrize("content", ['{"A": {"x": 1}}', "[{}]", "{", '"A"', '["A=a", "L"]'])
def test_a_wrong_file_of_parameters_is_refused_by_its_name(file, content):
    given = file.with_name("parameters.json")
    given.write_text(content)
    with pytest.raises(SettingsError, match=r"parameters\.json"):
        load(file, region="eu-west-1", parameters_file=given)


@pytest.mark.parametrize("content", ['"base"', "[]", "7"])
def test_a_wrong_file_of_imports_is_refused_by_its_name(file, content):
    given = file.with_name("exports.json")
    given.write_text(content)
    with pytest.raises(SettingsError, match=r"exports\.json: this is no object of names and values"):
        load(file, region="eu-west-1", parameters={"A": "a"}, imports_file=given)


def test_a_file_that_cannot_be_read_is_refused_by_its_name(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: there is no such file"):
        load(tmp_path / "nowhere.yaml", region="eu-west-1")
    for folder in (tmp_path, Path(), Path("/")):
        with pytest.raises(SettingsError, match="this is a folder"):
            load(folder, region="eu-west-1")
    (tmp_path / "latin.yaml").write_bytes(b"Description: caf\xe9\n")
    with pytest.raises(SettingsError, match="no text in UTF-8"):
        load(tmp_path / "latin.yaml", region="eu-west-1")


def test_the_cdks_assets_are_found_through_its_list_of_them(tmp_path):
    source = TEMPLATES / "cdk/GlobalTable"
    text = (source / "GlobalTable.template.json").read_text().replace("aws:asset:path", "not:the:path")
    (tmp_path / "GlobalTable.template.json").write_text(text)
    (tmp_path / "GlobalTable.assets.json").write_text((source / "GlobalTable.assets.json").read_text())
    template = load(tmp_path / "GlobalTable.template.json", region="eu-west-1")
    (code,) = [one.code for one in template.resources if one.declared.kind == "AWS::Lambda::Function"]
    assert isinstance(code, LocalCode) and code.path.startswith("asset.bf7fc20c")
