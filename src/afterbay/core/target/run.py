"""Work that one call starts and nobody waits for: ECS tasks, Batch jobs, SQL statements, SageMaker pipelines,
assessments of Amazon Inspector (X69).

``parameters`` are those of the pipe's target, in the words of the pipes API; the event is in them alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.wire import JsonValue
from afterbay.core.target.call import AwsCall, Fault, Rejected

__all__ = ["execute_statements", "failures", "run_task", "start_assessment", "start_pipeline", "submit_job"]

Parameters = Mapping[str, JsonValue]

_OF_TASKS = {"TaskDefinitionArn": "taskDefinition", "TaskCount": "count"}


def run_task(cluster_arn: str, parameters: Parameters) -> AwsCall:
    """RunTask; the answer is read by ``failures``."""
    told = {_OF_TASKS.get(name, _camel(name)): _renamed(value) for name, value in parameters.items()}
    return _call("ecs", "run_task", cluster_arn, {"cluster": cluster_arn, **told})


def failures(members: Mapping[str, JsonValue]) -> tuple[Rejected, ...]:
    """What RunTask answered well and did not start: the one record failed, though some of its tasks may run (ours)."""
    told = members.get("failures")
    first = told[0] if isinstance(told, list) and told else None
    if not isinstance(first, dict):
        return ()
    reason = str(first.get("reason") or "Unknown")
    return (Rejected(0, reason, str(first.get("detail") or first.get("arn") or ""), Fault.REFUSED),)


def submit_job(queue_arn: str, parameters: Parameters) -> AwsCall:
    """SubmitJob. The names in ``Parameters`` are the job's own."""
    told = {_camel(name): value if name == "Parameters" else _renamed(value) for name, value in parameters.items()}
    return _call("batch", "submit_job", queue_arn, {"jobQueue": queue_arn, **told})


def execute_statements(database_arn: str, parameters: Parameters) -> AwsCall:
    """BatchExecuteStatement of the Redshift Data API, for one statement too, as the pipes API says: one transaction."""
    arn = parse_arn(database_arn)
    serverless = arn.service == "redshift-serverless"
    place = {"WorkgroupName": database_arn} if serverless else {"ClusterIdentifier": arn.resource.rpartition(":")[2]}
    told = {"SecretArn" if name == "SecretManagerArn" else name: value for name, value in parameters.items()}
    return _call("redshift-data", "batch_execute_statement", database_arn, {**place, **told})


def start_pipeline(pipeline_arn: str, parameters: Parameters) -> AwsCall:
    """StartPipelineExecution."""
    given = parameters.get("PipelineParameterList")
    told = {} if given is None else {"PipelineParameters": given}
    return _call("sagemaker", "start_pipeline_execution", pipeline_arn, {"PipelineName": pipeline_arn, **told})


def start_assessment(template_arn: str) -> AwsCall:
    """StartAssessmentRun."""
    return _call("inspector", "start_assessment_run", template_arn, {"assessmentTemplateArn": template_arn})


def _renamed(value: JsonValue) -> object:
    """The same with members named as these services do: the first letter is small."""
    if isinstance(value, dict):
        return {_camel(name): _renamed(one) for name, one in value.items()}
    return [_renamed(one) for one in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _call(service: str, operation: str, arn: str, parameters: dict[str, object]) -> AwsCall:
    return AwsCall(service, operation, parse_arn(arn).region, parameters)
