"""What is told of a resource that is not created here: its name, an ARN of AWS's form, and nothing else."""

from __future__ import annotations

from afterbay.core.change.partition import partition_of
from afterbay.declaration.value import Attribute, Unknown, Value

__all__ = ["inert_value", "is_custom"]

_ARNS = {
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{name}",
    "AWS::IAM::User": "arn:{partition}:iam::{account}:user/{name}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{name}:*",
    "AWS::StepFunctions::StateMachine": "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/{name}",
    "AWS::Cognito::UserPool": "arn:{partition}:cognito-idp:{region}:{account}:userpool/{name}",
}
_REF_IS_ARN = frozenset(
    {
        *("AWS::Batch::JobDefinition", "AWS::Batch::JobQueue", "AWS::CertificateManager::Certificate"),
        *("AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::ElasticLoadBalancingV2::Listener"),
        *("AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup"),
        *("AWS::IAM::ManagedPolicy", "AWS::MSK::Cluster", "AWS::SecretsManager::Secret"),
        *("AWS::StepFunctions::Activity", "AWS::StepFunctions::StateMachine"),
    }
)
"""Types of which CloudFormation's reference says that Ref returns the ARN: targets of rules and pipes among them."""

_ARN = "arn:{partition}:{service}:{region}:{account}:{name}"


def is_custom(kind: str) -> bool:
    """True for a custom resource: a function on AWS makes it, and decides what its attributes are."""
    return kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"


def inert_value(asked: Attribute, kind: str, *, stack: str, region: str, account: str) -> Value:
    """What a reference to a resource without effect stands for; ``Unknown`` where only AWS could say."""
    if is_custom(kind):
        return Unknown(f"{asked} is an attribute of a custom resource, known once it is deployed")
    name = f"{stack}-{asked.resource}"
    if asked.name == "Ref" and kind not in _REF_IS_ARN:
        return name
    if asked.name in ("Ref", "Arn"):
        service = kind.split("::")[1].lower() if kind.count("::") > 1 else kind.lower()
        form = _ARNS.get(kind, _ARN)
        return form.format(
            partition=partition_of(region).name, service=service, region=region, account=account, name=name
        )
    return Unknown(f"{asked} of {kind} is known once it is deployed")
