"""What becomes of each resource of a template: made, later, without effect, unknown, left out, skipped, refused."""

from __future__ import annotations

import pytest

from afterbay.declaration.resources import Alias, InlineCode, LocalCode
from afterbay.declaration.template import NoteKind
from afterbay.declaration.value import Attribute, Call
from unit.declaration.reading import MAPPING, STREAM, TABLE, WORKER, notes, properties, read, refusal, resource

BASE = "Resources:" + TABLE + WORKER + MAPPING


def ids(template) -> list[str]:
    return [one.declared.id for one in template.resources]


def queue(more: str) -> str:
    return f"Resources:\n  Q:\n    Type: AWS::SQS::Queue\n{more}\n"


def test_resources_are_typed_with_their_lines_and_know_what_they_need():
    template = read(BASE)
    assert ids(template) == ["Orders", "Worker", "Changes"]
    mapping = resource(template, "Changes")
    assert (mapping.source, mapping.function) == (Attribute("Orders", "StreamArn"), Attribute("Worker"))
    assert mapping.declared.needs == {"Orders", "Worker"}
    assert str(mapping.declared.place) == "template.yaml:18"
    assert str(mapping.declared.place_of("EventSourceArn")) == "template.yaml:22"
    assert resource(template, "Orders").stream_view == "NEW_AND_OLD_IMAGES"
    assert isinstance(resource(template, "Worker").code, InlineCode)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (
            BASE.replace("StreamSpecification", "StreamSpecificaton"),
            8,
            "Orders has no StreamSpecificaton (did you mean",
        ),
        (BASE.replace("StreamViewType", "StreamVewType"), 8, "Orders.StreamSpecification has no StreamVewType"),
        (
            BASE.replace("LATEST", "LATEST\n      BatchSise: 1"),
            24,
            "Changes has no BatchSise (did you mean BatchSize?)",
        ),
        (
            BASE.replace("Type: AWS::DynamoDB::Table", "Type: AWS::DynamoDB::Tabel"),
            3,
            "did you mean AWS::DynamoDB::Table?",
        ),
        (BASE.replace("Type: AWS::DynamoDB::Table", "Type: AWS::DynamoDB::TableV2"), 3, "AWS::DynamoDB::TableV2"),
        (
            BASE.replace("Properties:", "Propertes:", 1),
            4,
            "Propertes is no part of a resource (did you mean Properties?)",
        ),
        ("Resorces: {}\n" + BASE, 1, "Resorces is no section of a template (did you mean Resources?)"),
        (BASE.replace("!Ref Worker", "!Ref Wroker"), 21, "no resource or parameter Wroker (did you mean Worker?)"),
        (queue("    Properties: {VisibilityTimeout: long}"), 4, "must be a whole number, not 'long'"),
        (queue("    Properties: [1]"), 4, "Q must be an object, not a list"),
        (queue("    Properties: {QueueName: [a]}"), 4, "Q.QueueName must be text, not a list"),
        ("Resources:\n  Q: {Properties: {}}\n", 2, "Q: a resource is an object with a Type"),
        ("Resources:\n  Q-1: {Type: AWS::SQS::Queue}\n", 2, "a logical id has letters and digits only"),
        ("Globals: {Function: {Timeout: 9}}\n" + BASE, 1, "the template needs Transform: AWS::Serverless-2016-10-31"),
        ("Transform: Shout\n" + BASE, 1, "the macro Shout is not carried out"),
        ("Transform: {Name: AWS::Include, Parameters: {Location: s3://b/k}}\n" + BASE, 1, "AWS::Include"),
        ("Resources:\n  S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: x}}\n", 2, "nested stack"),
        ("Resources:\n  Fn::ForEach::T: [N, [a], {}]\n", 2, "not carried out"),
        (queue("    Condition: Nope"), 4, "there is no condition Nope"),
    ],
)
def test_a_wrong_template_is_refused_by_name_and_line(text, line, told):
    lines = refusal(text)
    assert lines[0].startswith(f"template.yaml:{line}: ") and told in lines[0], lines


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file():
    text = BASE.replace("BillingMode", "BilingMode").replace("Handler", "Handlre").replace("StartingPosition", "Start")
    assert [line.split(": ")[0] for line in refusal(text)] == [f"template.yaml:{n}" for n in (7, 14, 23)]


def test_a_document_without_resources_is_no_template():
    assert "no Resources" in refusal("Parameters: {}\n")[0]


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        (BASE.replace("AWS::DynamoDB::Table", "AWS::DynamoDB::Tabel"), "Orders"),
        (BASE.replace("BillingMode", "BilingMode"), "Orders"),
        ("Resources:" + WORKER + "  Orders: {Type: AWS::CloudFormation::Stack}\n" + MAPPING, "Orders"),
    ],
)
def test_skip_unknown_goes_on_without_a_resource_and_what_hangs_on_it(text, skipped):
    template = read(text, skip_unknown=True)
    assert ids(template) == ["Worker"]
    (note,) = notes(template, NoteKind.SKIPPED)
    assert note.startswith(skipped) and "--skip-unknown" not in note
    (left,) = notes(template, NoteKind.LEFT_OUT)
    assert left == "Changes no mapping is made: Orders is skipped"


def test_what_moves_records_and_is_not_implemented_is_refused_by_property():
    text = BASE.replace("      BillingMode", "      ImportSourceSpecification: {}\n      BillingMode")
    assert "Orders.ImportSourceSpecification is not imported" in refusal(text)[0]


def test_what_is_without_effect_is_told_once_by_type_and_by_property():
    text = BASE + "  R: {Type: AWS::IAM::Role}\n" + "  L: {Type: AWS::Logs::LogGroup}\n"
    template = read(
        text.replace("      Runtime", "      Tags: [{Key: a, Value: b}]\n      VpcConfig: {}\n      Runtime")
    )
    told = [(note.group, note.subject) for note in template.notes if note.kind is NoteKind.WITHOUT_EFFECT]
    assert set(told) == {
        ("properties", "Worker.Tags, VpcConfig"),
        ("AWS::IAM::Role", "R"),
        ("AWS::Logs::LogGroup", "L"),
    }


def test_the_cdks_own_metadata_does_nothing():
    template = read(BASE + "  M: {Type: AWS::CDK::Metadata, Properties: {Analytics: x}}\n")
    assert ids(template) == ["Orders", "Worker", "Changes"]


def test_what_nothing_fires_is_told():
    text = BASE + "".join(
        f"  {name}: {{Type: {kind}, Properties: {given}}}\n"
        for name, kind, given in (
            ("Api", "AWS::ApiGateway::RestApi", "{}"),
            ("Nightly", "AWS::Events::Rule", "{ScheduleExpression: rate(1 day)}"),
            ("Url", "AWS::Lambda::Url", "{TargetFunctionArn: x, AuthType: NONE}"),
        )
    )
    told = notes(read(text), NoteKind.NOT_FIRED)
    assert [one.split()[0] for one in told] == ["Api", "Nightly", "Url"] and "rate(1 day)" in told[1]


def test_pipes_buses_and_rules_are_read():
    text = BASE + (
        "  Bus: {Type: AWS::Events::EventBus, Properties: {Name: shop}}\n"
        "  Rule: {Type: AWS::Events::Rule, Properties: {EventBusName: !Ref Bus, EventPattern: {source: [a]}}}\n"
        "  Pipe: {Type: AWS::Pipes::Pipe, Properties: {Source: !GetAtt Orders.StreamArn, Target: !GetAtt Bus.Arn}}\n"
    )
    template = read(text)
    assert resource(template, "Pipe").source == Attribute("Orders", "StreamArn")
    assert resource(template, "Rule").pattern == {"source": ["a"]}
    assert "has no Suorce" in refusal(text.replace("{Source:", "{Suorce:"))[0]


# ---- what real templates hold


def test_a_condition_that_removes_a_function_removes_its_mappings():
    text = "Conditions:\n  On: !Equals [a, b]\n" + BASE.replace(
        "    Type: AWS::Lambda::Function", "    Type: AWS::Lambda::Function\n    Condition: On"
    )
    template = read(text)
    assert ids(template) == ["Orders"]
    assert notes(template, NoteKind.LEFT_OUT) == [
        "Worker condition On is false",
        "Changes no mapping is made: Worker is left out by its condition On",
    ]


def test_a_reference_to_what_a_condition_removed_is_left_out_elsewhere():
    text = (
        "Conditions:\n  On: !Equals [a, b]\nResources:\n  Q: {Type: AWS::SQS::Queue, Condition: On}\n"
        + WORKER.replace("      Runtime", "      Environment: {Variables: {Q: !Ref Q, KEPT: x}}\n      Runtime")
    )
    template = read(text)
    assert resource(template, "Worker").variables == {"KEPT": "x"}
    assert any("Worker.Environment.Variables.Q" in one for one in notes(template, NoteKind.LEFT_OUT))


def test_booleans_and_numbers_as_text_are_what_they_say():
    text = BASE.replace(
        "LATEST", "LATEST\n      BatchSize: '10'\n      Enabled: 'false'\n      BisectBatchOnFunctionError: yes"
    )
    found = properties(read(text), "Changes")
    assert (found["BatchSize"], found["Enabled"], found["BisectBatchOnFunctionError"]) == (10, False, True)
    variables = WORKER.replace(
        "      Runtime", "      Environment: {Variables: {A: 1, B: true, C: 1.5}}\n      Runtime"
    )
    assert resource(read("Resources:" + variables), "Worker").variables == {"A": "1", "B": "true", "C": "1.5"}


def test_no_value_in_an_if_leaves_the_property_or_the_element_out():
    text = "Conditions:\n  On: !Equals [a, b]\n" + queue(
        "    Properties:\n"
        "      QueueName: !If [On, x, !Ref AWS::NoValue]\n"
        "      VisibilityTimeout: !If [On, !Ref AWS::NoValue, 7]\n"
    )
    assert properties(read(text), "Q") == {"VisibilityTimeout": 7}
    alarm = "  A:\n    Type: AWS::CloudWatch::Alarm\n    Properties: {AlarmActions: [a, !Ref AWS::NoValue]}\n"
    assert properties(read("Resources:\n" + alarm), "A") == {"AlarmActions": ["a"]}


def test_both_branches_of_an_if_are_checked_for_misspelt_names():
    text = "Conditions:\n  On: !Equals [a, b]\n" + BASE.replace(
        "{StreamViewType: NEW_AND_OLD_IMAGES}", "!If [On, {StreamVewType: x}, {StreamViewType: KEYS_ONLY}]"
    )
    assert "has no StreamVewType" in refusal(text)[0]


def test_a_global_table_is_a_table():
    text = BASE.replace("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable").replace(
        "      BillingMode", "      Replicas: [{Region: !Ref AWS::Region}]\n      BillingMode"
    )
    template = read(text)
    assert resource(template, "Orders").stream_view == "NEW_AND_OLD_IMAGES"
    assert properties(template, "Orders")["Replicas"] == [{"Region": "eu-west-1"}]


def test_a_stream_of_a_custom_resource_is_unknown_until_deployed_and_the_rest_goes_on():
    text = BASE.replace("!GetAtt Orders.StreamArn", "!GetAtt Lookup.StreamArn") + (
        "  Lookup: {Type: Custom::StreamOf, Properties: {ServiceToken: x, Table: y}}\n"
    )
    template = read(text)
    assert ids(template) == ["Orders", "Worker"]
    (note,) = notes(template, NoteKind.UNKNOWN)
    assert note.startswith("Changes no mapping is made: Lookup.StreamArn is an attribute of a custom resource")


def test_a_stream_that_is_a_parameter_is_read_as_it_is_given():
    text = "Parameters:\n  Stream: {Type: String}\n" + BASE.replace("!GetAtt Orders.StreamArn", "!Ref Stream")
    assert resource(read(text, Stream=STREAM), "Changes").source == STREAM


def test_a_stream_that_another_stack_exports_is_unknown_until_deployed():
    template = read(BASE.replace("!GetAtt Orders.StreamArn", "!ImportValue orders-stream"))
    (note,) = notes(template, NoteKind.UNKNOWN)
    assert "orders-stream is exported by another stack" in note and "--imports" in note


def test_a_dynamic_reference_is_unknown_until_deployed():
    secret = "{{resolve:secretsmanager:shop:SecretString:key}}"
    text = WORKER + f"      Environment: {{Variables: {{KEY: 'a{secret}b', KEPT: x}}}}\n"
    template = read("Resources:" + text)
    assert resource(template, "Worker").variables == {"KEPT": "x"}
    (note,) = notes(template, NoteKind.UNKNOWN)
    assert "Worker.Environment.Variables.KEY left out" in note and secret in note


def test_a_macro_is_gone_without_where_that_was_asked_for():
    template = read("Transform: Shout\n" + BASE, skip_unknown=True)
    assert len(template.resources) == 3 and "macro Shout" in notes(template, NoteKind.SKIPPED)[0]


def test_a_setting_of_a_mapping_that_is_unknown_is_refused():
    text = BASE.replace("LATEST", "LATEST\n      BatchSize: !ImportValue size")
    assert "Changes.BatchSize is not known" in refusal(text)[0]
    template = read(text, skip_unknown=True)
    assert ids(template) == ["Orders", "Worker"] and notes(template, NoteKind.SKIPPED)


def test_a_function_reached_through_its_alias():
    text = BASE.replace("!Ref Worker", "!Ref Live") + (
        "  V: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Worker}}\n"
        "  Live:\n    Type: AWS::Lambda::Alias\n"
        "    Properties: {Name: live, FunctionName: !Ref Worker, FunctionVersion: !GetAtt V.Version}\n"
    )
    template = read(text)
    alias = resource(template, "Live")
    assert isinstance(alias, Alias) and alias.version == Attribute("V", "Version")
    assert resource(template, "Changes").function == Attribute("Live")


def test_a_filter_made_by_functions_and_a_pattern_inside_sub_keep_their_braces():
    filters = (
        "LATEST\n      FilterCriteria:\n        Filters:\n"
        '          - Pattern: !Sub \'{"dynamodb": {"NewImage": {"stage": {"S": ["${AWS::Region}"]}}}}\'\n'
        '          - Pattern: !Join ["", ["{\\"eventName\\": [\\"", !Ref AWS::Partition, "\\"]}"]]\n'
        "          - Pattern: !ToJsonString {eventName: [REMOVE]}\n"
    )
    found = properties(read(BASE.replace("LATEST", filters)), "Changes")["FilterCriteria"]["Filters"]
    assert [one["Pattern"] for one in found] == [
        '{"dynamodb": {"NewImage": {"stage": {"S": ["eu-west-1"]}}}}',
        '{"eventName": ["aws"]}',
        '{"eventName":["REMOVE"]}',
    ]


def test_a_template_knows_the_partition_of_its_region():
    variables = (
        "      Environment:\n        Variables:\n"
        '          Cloud: !Sub "${AWS::Partition} ${AWS::URLSuffix} ${AWS::StackId}"\n'
        "          Log: !GetAtt Log.Arn\n          Who: !GetAtt Who.Arn\n"
    )
    text = f"Resources:\n{WORKER}{variables}  Log: {{Type: AWS::Logs::LogGroup}}\n  Who: {{Type: AWS::IAM::Role}}\n"
    assert properties(read(text, region="cn-north-1"), "Worker")["Environment"]["Variables"] == {
        "Cloud": "aws-cn amazonaws.com.cn arn:aws-cn:cloudformation:cn-north-1:000000000000:stack/shop/local",
        "Log": "arn:aws-cn:logs:cn-north-1:000000000000:log-group:shop-Log:*",
        "Who": "arn:aws-cn:iam::000000000000:role/shop-Who",
    }


def test_null_where_a_map_is_expected_is_an_empty_one():
    text = "Parameters:\nConditions:\nMappings:\nOutputs:\n" + queue("    Properties:\n    Metadata:\n")
    assert properties(read(text), "Q") == {}
    variables = WORKER.replace("      Runtime", "      Environment:\n      Runtime")
    assert resource(read("Resources:" + variables), "Worker").variables == {}


def test_a_logical_id_of_a_hundred_characters():
    name = "A" * 100
    assert ids(read(BASE.replace("Worker", name))) == ["Orders", name, "Changes"]


def test_yaml_anchors_share_properties():
    text = (
        "Resources:\n  A: {Type: AWS::SQS::Queue, Properties: &p {VisibilityTimeout: 9}}\n"
        "  B: {Type: AWS::SQS::Queue, Properties: *p}\n"
        "  C: {Type: AWS::SQS::Queue, Properties: {<<: *p, DelaySeconds: 1}}\n"
    )
    template = read(text)
    assert properties(template, "B") == {"VisibilityTimeout": 9}
    assert properties(template, "C") == {"VisibilityTimeout": 9, "DelaySeconds": 1}


def test_a_file_of_fifteen_hundred_lines_keeps_its_lines():
    text = "Resources:\n" + "".join(
        f"  Q{n}:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: q{n}\n      DelaySeconds: 1\n"
        for n in range(300)
    )
    template = read(text)
    assert len(template.resources) == 300 and str(resource(template, "Q299").declared.place) == "template.yaml:1497"
    assert refusal(text.replace("QueueName: q299", "QueueNam: q299"))[0].startswith("template.yaml:1500: ")


def test_what_needs_a_role_gets_an_arn_of_awss_form():
    text = BASE.replace("arn:aws:iam::000000000000:role/any", "!GetAtt R.Arn") + "  R: {Type: AWS::IAM::Role}\n"
    assert properties(read(text), "Worker")["Role"] == "arn:aws:iam::000000000000:role/shop-R"


def test_a_state_machine_is_named_by_its_arn_as_the_target_of_a_rule_must_be():
    text = """
    Resources:
      Machine: {Type: AWS::StepFunctions::StateMachine}
      R:
        Type: AWS::Events::Rule
        Properties:
          EventPattern: {source: [a]}
          Targets: [{Id: a, Arn: !Ref Machine}, {Id: b, Arn: !GetAtt Machine.Arn}]
    """
    targets = properties(read(text), "R")["Targets"]
    assert {one["Arn"] for one in targets} == {"arn:aws:states:eu-west-1:000000000000:stateMachine:shop-Machine"}


def test_a_text_of_what_will_exist_waits_for_it():
    text = queue("    Properties: {QueueName: !Sub 'x-${O}'}") + "  O: {Type: AWS::SNS::Topic}\n"
    assert properties(read(text), "Q")["QueueName"] == Call("Fn::Join", ["", ["x-", Attribute("O")]])


def test_a_dependency_that_is_only_written_is_kept():
    assert resource(
        read(queue("    DependsOn: [O, R]") + "  O: {Type: AWS::SNS::Topic}\n  R: {Type: AWS::IAM::Role}\n"), "Q"
    ).declared.needs == {"O"}


def test_code_beside_the_template_and_assets_of_the_cdk():
    local = WORKER.replace('{ZipFile: "def handler(event, context): pass"}', "./src")
    assert resource(read("Resources:" + local), "Worker").code == LocalCode("./src")
    asset = WORKER.replace('{ZipFile: "def handler(event, context): pass"}', "{S3Bucket: b, S3Key: abc.zip}")
    named = asset + "    Metadata: {'aws:asset:path': asset.abc, 'aws:asset:property': Code}\n"
    assert resource(read("Resources:" + named), "Worker").code == LocalCode("asset.abc")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Resources:\n  Q: {Type: AWS::SQS::Queue, DependsOn: Qq}",
            "2: Q: DependsOn: there is no resource Qq (did you mean Q?)",
        ),
        ("Resources:\n  R: {Type: AWS::IAM::Role, DependsOn: [R, Q]}", "2: R: DependsOn: there is no resource Q"),
        (
            "Resources:\n  Q: {Type: AWS::SQS::Queue, DependsOn: {a: b}}",
            "2: Q: DependsOn is a logical id, or a list of them",
        ),
        ("Resources:\n  Q: {Type: AWS::SQS::Queue, Condition: [A]}", "2: Q: Condition must be the name of a condition"),
        ("Resources:\n  Q: {Type: AWS::SQS::Queue, DeletionPolicy: Retian}", "(did you mean Retain?)"),
        (
            "Resources:\n  R: {Type: AWS::IAM::Role, Properties: {RoleName: !Ref Q}}",
            "2: there is no resource or parameter Q",
        ),
        (
            "Resources:\n  R: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub '${Q.Arn}'}}",
            "2: there is no resource Q",
        ),
        (
            "Resources:\n  R: {Type: AWS::IAM::Role, Properties: {RoleName: !If [C, a, b]}}",
            "2: there is no condition C",
        ),
        ("Resources:\n  Q: {Type: AWS::SQS::Queue}\nOutputs: {O: {Value: !GetAtt P.Arn}}", "3: there is no resource P"),
        ("Resources:\n  Q: {Type: AWS::SQS::Queue}\nOutputs: {O: {Vaule: x}}", "3: O: Vaule is no member of an output"),
        ("Resources:\n  Q: {Type: AWS::SQS::Queue}\nOutputs: [O]", "3: Outputs must be an object"),
        ("Resources:\n  Q: {Type: AWS::SQS::Queue}\nConditions: [C]", "3: Conditions must be an object"),
        ("Resources:\n  Q: {Type: AWS::SQS::Queue}\nConditions: {C: !Equals [a]}", "3: Fn::Equals is no condition"),
        (
            "Resources:\n  Q: {Type: AWS::SQS::Queue}\nConditions: {C: !Not [!Condition C]}",
            "3: condition C depends on itself",
        ),
        (
            "Resources:\n  Q: {Type: AWS::SQS::Queue}\nConditions: {C: !And [!Equals [a, b]]}",
            "3: Fn::And is no condition",
        ),
        (
            "AWSTemplateFormatVersion: 2010-09-10\nResources:\n  Q: {Type: AWS::SQS::Queue}",
            "1: AWSTemplateFormatVersion must be",
        ),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  Fn::ForEach::Q: [X, [a], {}]",
            "Fn::ForEach::Q is not carried out",
        ),
    ],
)
def test_what_no_value_is_read_from_is_checked_as_well(text, told):
    (line,) = refusal(text)
    assert line.startswith("template.yaml:") and told in line


def test_what_is_named_rightly_passes_wherever_it_stands():
    text = """
    AWSTemplateFormatVersion: 2010-09-09
    Parameters: {P: {Type: String, Default: p}, Held: {Type: "AWS::SSM::Parameter::Value<String>", Default: /held}}
    Conditions: {No: !Equals [a, b], Late: !Equals [!Ref Held, x]}
    Rules: {R: {Assertions: [{Assert: !Equals [a, b]}]}}
    Resources:
      Gone: {Type: AWS::SQS::Queue, Condition: No}
      Q: {Type: AWS::SQS::Queue, DependsOn: [Gone, R], DeletionPolicy: RetainExceptOnCreate}
      R:
        Type: AWS::IAM::Role
        DependsOn: Gone
        Properties:
          RoleName: !Sub ["${P}-${Own}-${Q.Arn}-${AWS::Region}-${!Text}-${Gone}", {Own: !Ref Q}]
          Path: !If [No, !GetAtt Gone.Arn, !Ref AWS::NoValue]
    Outputs:
      O: {Condition: No, Description: d, Value: !GetAtt Gone.Arn, Export: {Name: !Sub "${AWS::StackName}-x"}}
    """
    template = read(text)
    assert [one.declared.id for one in template.resources] == ["Q"]
    assert "Rules" in notes(template, NoteKind.WITHOUT_EFFECT)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            queue("    Properties: !If [C, {QueueName: a}, {QueueName: b}]"),
            "Q: Fn::If cannot stand for properties here",
        ),
        (queue("    Properties: {Fn::Transform: {Name: AWS::Include}, QueueName: q}"), "Q: Fn::Transform cannot stand"),
        ("Resources:\n  F: {Type: AWS::Serverless::Function}", "needs Transform: AWS::Serverless-2016-10-31"),
        ("Transform: AWS::Serverless-2016-10-31\nResources:\n  F: [a]", "F: a resource is an object with a Type"),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function, Propertes: {}}",
            "F: Propertes is no part of a resource (did you mean Properties?)",
        ),
    ],
)
def test_what_would_be_passed_over_is_refused(text, told):
    (line,) = [one for one in refusal(text) if "there is no condition" not in one]
    assert told in line
