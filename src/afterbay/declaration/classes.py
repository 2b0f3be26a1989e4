"""What becomes of each type and property: honoured, without effect here, or refused because it moves records.

Every property that CloudFormation publishes for a type of ours is in one of the three sets (a test).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLASSES", "NOT_FIRED", "REFUSED_TYPES", "Classes"]


@dataclass(frozen=True, slots=True)
class Classes:
    """The properties of one type. ``refused`` says of each why, as a clause behind its name."""

    honoured: frozenset[str]
    without_effect: frozenset[str] = frozenset()
    refused: tuple[tuple[str, str], ...] = ()


def _classes(honoured: str, without: str = "", **refused: str) -> Classes:
    return Classes(frozenset(honoured.split()), frozenset(without.split()), tuple(refused.items()))


_TABLE = (
    "AttributeDefinitions BillingMode GlobalSecondaryIndexes LocalSecondaryIndexes KeySchema StreamSpecification"
    " TableName TimeToLiveSpecification"
)

_S3_ONLY = "is not delivered to: delivery streams write to S3 only"
_PUT_ONLY = "is not read: a delivery stream gets what is put into it"

CLASSES: dict[str, Classes] = {
    "AWS::DynamoDB::Table": _classes(
        _TABLE + " KinesisStreamSpecification ProvisionedThroughput",
        "ContributorInsightsSpecification DeletionProtectionEnabled OnDemandThroughput PointInTimeRecoverySpecification"
        " ResourcePolicy SSESpecification TableClass Tags VectorIndexes WarmThroughput",
        ImportSourceSpecification="is not imported: the table would start empty",
    ),
    "AWS::DynamoDB::GlobalTable": _classes(
        _TABLE + " Replicas",
        "GlobalTableWitnesses MultiRegionConsistency ReadOnDemandThroughputSettings ReadProvisionedThroughputSettings"
        " SSESpecification TableType VectorIndexes WarmThroughput WriteOnDemandThroughputSettings"
        " WriteProvisionedThroughputSettings",
        GlobalTableSourceArn="is not copied from: the table would start empty",
    ),
    "AWS::Lambda::Function": _classes(
        "Architectures Code DeadLetterConfig Description Environment EphemeralStorage FunctionName Handler Layers"
        " LoggingConfig MemorySize PackageType ReservedConcurrentExecutions Role Runtime Timeout",
        "CapacityProviderConfig CodeSigningConfigArn FunctionScalingConfig KmsKeyArn PublishToLatestPublished"
        " RecursiveLoop RuntimeManagementConfig SnapStart Tags TenancyConfig TracingConfig VpcConfig",
        ImageConfig="belongs to container images, which are not run",
        FileSystemConfigs="is not mounted",
        DurableConfig="is not implemented",
    ),
    "AWS::Lambda::Version": _classes(
        "FunctionName",
        "CodeSha256 Description FunctionScalingConfig ProvisionedConcurrencyConfig RuntimePolicy",
    ),
    "AWS::Lambda::Alias": _classes(
        "FunctionName FunctionVersion Name",
        "Description ProvisionedConcurrencyConfig",
        RoutingConfig="is not implemented: it sends a part of the records to another version",
    ),
    "AWS::Lambda::LayerVersion": _classes(
        "CompatibleArchitectures CompatibleRuntimes Content Description LayerName LicenseInfo"
    ),
    "AWS::Lambda::EventSourceMapping": _classes(
        "AmazonManagedKafkaEventSourceConfig BatchSize BisectBatchOnFunctionError DestinationConfig"
        " DocumentDBEventSourceConfig Enabled EventSourceArn FilterCriteria FunctionName FunctionResponseTypes"
        " KmsKeyArn MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts MetricsConfig"
        " ParallelizationFactor ProvisionedPollerConfig Queues ScalingConfig SelfManagedEventSource"
        " SelfManagedKafkaEventSourceConfig SourceAccessConfigurations StartingPosition StartingPositionTimestamp Tags"
        " Topics TumblingWindowInSeconds",
        "LoggingConfig",
    ),
    "AWS::SQS::Queue": _classes(
        "ContentBasedDeduplication DeduplicationScope DelaySeconds FifoQueue FifoThroughputLimit MaximumMessageSize"
        " MessageRetentionPeriod QueueName ReceiveMessageWaitTimeSeconds RedriveAllowPolicy RedrivePolicy"
        " VisibilityTimeout",
        "KmsDataKeyReusePeriodSeconds KmsMasterKeyId SqsManagedSseEnabled Tags",
    ),
    "AWS::SNS::Topic": _classes(
        "ContentBasedDeduplication DisplayName FifoTopic Subscription TopicName",
        "ArchivePolicy DataProtectionPolicy DeliveryStatusLogging FifoThroughputScope KmsMasterKeyId"
        " MaximumMessageSize SignatureVersion Tags TracingConfig",
    ),
    "AWS::SNS::Subscription": _classes(
        "Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery RedrivePolicy TopicArn",
        "DeliveryPolicy Region SubscriptionRoleArn",
        ReplayPolicy="is not implemented",
    ),
    "AWS::S3::Bucket": _classes(
        "BucketName NotificationConfiguration VersioningConfiguration",
        "AbacStatus AccelerateConfiguration AccessControl AnalyticsConfigurations BucketEncryption BucketNamePrefix"
        " BucketNamespace CorsConfiguration IntelligentTieringConfigurations InventoryConfigurations"
        " LifecycleConfiguration LoggingConfiguration MetadataConfiguration MetadataTableConfiguration"
        " MetricsConfigurations ObjectLockConfiguration ObjectLockEnabled OwnershipControls"
        " PublicAccessBlockConfiguration Tags WebsiteConfiguration",
        ReplicationConfiguration="is not implemented: objects would not reach the other bucket",
    ),
    "AWS::Kinesis::Stream": _classes(
        "Name RetentionPeriodHours ShardCount StreamModeDetails",
        "DesiredShardLevelMetrics MaxRecordSizeInKiB RecordDistributionStrategy StreamEncryption Tags"
        " WarmThroughputMiBps",
    ),
    "AWS::KinesisFirehose::DeliveryStream": _classes(
        "DeliveryStreamName DeliveryStreamType ExtendedS3DestinationConfiguration S3DestinationConfiguration",
        "DeliveryStreamEncryptionConfigurationInput Tags",
        AmazonOpenSearchServerlessDestinationConfiguration=_S3_ONLY,
        AmazonopensearchserviceDestinationConfiguration=_S3_ONLY,
        ElasticsearchDestinationConfiguration=_S3_ONLY,
        HttpEndpointDestinationConfiguration=_S3_ONLY,
        IcebergDestinationConfiguration=_S3_ONLY,
        RedshiftDestinationConfiguration=_S3_ONLY,
        SnowflakeDestinationConfiguration=_S3_ONLY,
        SplunkDestinationConfiguration=_S3_ONLY,
        DatabaseSourceConfiguration=_PUT_ONLY,
        DirectPutSourceConfiguration="is not implemented",
        KinesisStreamSourceConfiguration=_PUT_ONLY,
        MSKSourceConfiguration=_PUT_ONLY,
    ),
    "AWS::CloudWatch::Alarm": _classes(
        "ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator DatapointsToAlarm Dimensions"
        " EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName"
        " Metrics Namespace OKActions Period Statistic Threshold ThresholdMetricId TreatMissingData Unit",
        "ActionConfiguration EvaluationCriteria EvaluationInterval EvaluationWindow Tags WarmUpConfiguration",
    ),
    "AWS::Pipes::Pipe": _classes(
        "Description DesiredState Enrichment EnrichmentParameters Name RoleArn Source SourceParameters Target"
        " TargetParameters LogConfiguration",
        "KmsKeyIdentifier Tags",
    ),
    "AWS::Events::EventBus": _classes(
        "DeadLetterConfig Description EventSourceName Name", "KmsKeyIdentifier LogConfig Policy Tags"
    ),
    "AWS::Events::Rule": _classes(
        "Description EventBusName EventPattern Name RoleArn ScheduleExpression State Targets", "Tags"
    ),
    "AWS::Events::Archive": _classes(
        "ArchiveName Description EventPattern RetentionDays SourceArn", "KmsKeyIdentifier"
    ),
    "AWS::Events::ApiDestination": _classes(
        "ConnectionArn Description HttpMethod InvocationEndpoint InvocationRateLimitPerSecond Name"
    ),
    "AWS::Events::Connection": _classes(
        "AuthParameters AuthorizationType Description Name", "InvocationConnectivityParameters KmsKeyIdentifier"
    ),
}

NOT_FIRED = {
    "AWS::ApiGateway::RestApi": "an HTTP API",
    "AWS::ApiGatewayV2::Api": "an HTTP API",
    "AWS::AppSync::GraphQLApi": "an HTTP API",
    "AWS::Lambda::Url": "a function URL",
    "AWS::Scheduler::Schedule": "a schedule",
    "AWS::IoT::TopicRule": "a rule of IoT",
}
"""What calls functions on AWS and not here; nothing else of it matters to records."""

REFUSED_TYPES = {
    "AWS::CloudFormation::Stack": "a nested stack is not read: start its own template, or put it into this one",
    "AWS::CloudFormation::StackSet": "a stack set is not read",
    "AWS::Serverless::Application": "a nested application is not read: start its own template",
    "AWS::CloudFormation::ModuleDefaultVersion": "modules are not read",
    "AWS::Lambda::EventInvokeConfig": "destinations and retries of asynchronous invocations are not implemented",
    "AWS::Kinesis::StreamConsumer": "enhanced fan-out is not implemented",
    "AWS::Logs::SubscriptionFilter": "log subscriptions are not implemented",
}
"""What would change which records arrive where, and is not implemented."""
