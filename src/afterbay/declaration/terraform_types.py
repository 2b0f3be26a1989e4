"""Terraform's AWS resources in CloudFormation's terms: types, attributes that others refer to, names that differ."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ATTRIBUTES", "INERT_ATTRIBUTES", "KINDS", "MERGED", "NOT_FIRED", "REFUSED", "RENAMED"]

KINDS: Mapping[str, str] = {
    "aws_dynamodb_table": "AWS::DynamoDB::Table",
    "aws_lambda_function": "AWS::Lambda::Function",
    "aws_lambda_alias": "AWS::Lambda::Alias",
    "aws_lambda_layer_version": "AWS::Lambda::LayerVersion",
    "aws_lambda_event_source_mapping": "AWS::Lambda::EventSourceMapping",
    "aws_sqs_queue": "AWS::SQS::Queue",
    "aws_sns_topic": "AWS::SNS::Topic",
    "aws_sns_topic_subscription": "AWS::SNS::Subscription",
    "aws_s3_bucket": "AWS::S3::Bucket",
    "aws_kinesis_stream": "AWS::Kinesis::Stream",
    "aws_kinesis_firehose_delivery_stream": "AWS::KinesisFirehose::DeliveryStream",
    "aws_cloudwatch_metric_alarm": "AWS::CloudWatch::Alarm",
    "aws_pipes_pipe": "AWS::Pipes::Pipe",
    "aws_cloudwatch_event_bus": "AWS::Events::EventBus",
    "aws_cloudwatch_event_rule": "AWS::Events::Rule",
    "aws_cloudwatch_event_archive": "AWS::Events::Archive",
    "aws_cloudwatch_event_api_destination": "AWS::Events::ApiDestination",
    "aws_cloudwatch_event_connection": "AWS::Events::Connection",
}

MERGED: Mapping[str, tuple[str, str, str]] = {
    "aws_cloudwatch_event_target": ("rule", "AWS::Events::Rule", "Targets"),
    "aws_dynamodb_kinesis_streaming_destination": ("table_name", "AWS::DynamoDB::Table", "KinesisStreamSpecification"),
    "aws_sqs_queue_redrive_policy": ("queue_url", "AWS::SQS::Queue", "RedrivePolicy"),
    "aws_s3_bucket_notification": ("bucket", "AWS::S3::Bucket", "NotificationConfiguration"),
}
"""Properties of another resource in CloudFormation: the attribute that names that one, its type, the property."""

_NAMED = {"id": "Ref", "name": "Ref", "arn": "Arn"}

ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "aws_dynamodb_table": {**_NAMED, "stream_arn": "StreamArn"},
    "aws_lambda_function": {"id": "Ref", "function_name": "Ref", "arn": "Arn", "qualified_arn": "Arn"},
    "aws_lambda_alias": {"arn": "Ref", "id": "Ref"},
    "aws_lambda_layer_version": {"arn": "Ref", "id": "Ref"},
    "aws_lambda_event_source_mapping": {"uuid": "Ref", "id": "Ref", "arn": "EventSourceMappingArn"},
    "aws_sqs_queue": {"id": "Ref", "url": "Ref", "arn": "Arn", "name": "QueueName"},
    "aws_sns_topic": {"id": "Ref", "arn": "Ref", "name": "TopicName"},
    "aws_sns_topic_subscription": {"id": "Ref", "arn": "Ref"},
    "aws_s3_bucket": {"id": "Ref", "bucket": "Ref", "arn": "Arn"},
    "aws_kinesis_stream": {"id": "Arn", "arn": "Arn", "name": "Ref"},
    "aws_kinesis_firehose_delivery_stream": {"id": "Arn", "arn": "Arn", "name": "Ref"},
    "aws_cloudwatch_metric_alarm": {"id": "Ref", "alarm_name": "Ref", "arn": "Arn"},
    **{one: _NAMED for one in KINDS if one.startswith(("aws_pipes_", "aws_cloudwatch_event_"))},
}
"""What others may refer to, as CloudFormation's Ref and Fn::GetAtt call it."""

RENAMED: Mapping[str, Mapping[str, str]] = {
    "aws_lambda_function": {},
    "aws_sqs_queue": {
        "QueueName": "name",
        "MaximumMessageSize": "max_message_size",
        "MessageRetentionPeriod": "message_retention_seconds",
        "ReceiveMessageWaitTimeSeconds": "receive_wait_time_seconds",
        "VisibilityTimeout": "visibility_timeout_seconds",
    },
    "aws_sns_topic": {"TopicName": "name"},
    "aws_s3_bucket": {"BucketName": "bucket"},
    "aws_kinesis_stream": {"RetentionPeriodHours": "retention_period"},
    "aws_kinesis_firehose_delivery_stream": {
        "DeliveryStreamName": "name",
        "ExtendedS3DestinationConfiguration": "extended_s3_configuration",
        "AmazonOpenSearchServerlessDestinationConfiguration": "opensearchserverless_configuration",
        "AmazonopensearchserviceDestinationConfiguration": "opensearch_configuration",
        "ElasticsearchDestinationConfiguration": "elasticsearch_configuration",
        "HttpEndpointDestinationConfiguration": "http_endpoint_configuration",
        "IcebergDestinationConfiguration": "iceberg_configuration",
        "RedshiftDestinationConfiguration": "redshift_configuration",
        "SnowflakeDestinationConfiguration": "snowflake_configuration",
        "SplunkDestinationConfiguration": "splunk_configuration",
        "KinesisStreamSourceConfiguration": "kinesis_source_configuration",
        "MSKSourceConfiguration": "msk_source_configuration",
    },
    "aws_lambda_layer_version": {"LayerName": "layer_name"},
    "aws_cloudwatch_metric_alarm": {"EvaluateLowSampleCountPercentile": "evaluate_low_sample_count_percentiles"},
    "aws_pipes_pipe": {"PipelineParameterList": "pipeline_parameter"},
    "aws_cloudwatch_event_rule": {},
    "aws_cloudwatch_event_target": {"Id": "target_id", "Arn": "arn", "InputPathsMap": "input_paths"},
    "aws_cloudwatch_event_archive": {"ArchiveName": "name", "SourceArn": "event_source_arn"},
    "aws_cloudwatch_event_connection": {},
}
"""Attributes whose names are not CloudFormation's in another spelling."""

REFUSED: Mapping[str, str] = {
    "aws_cloudformation_stack": "a stack is not read: start its own template",
    "aws_dynamodb_global_table": "global tables of 2017 are not implemented",
    "aws_kinesis_stream_consumer": "enhanced fan-out is not implemented",
    "aws_lambda_function_event_invoke_config": "destinations of asynchronous invocations are not implemented",
    "aws_cloudwatch_log_subscription_filter": "log subscriptions are not implemented",
    "aws_s3_bucket_replication_configuration": "replication is not implemented",
}
NOT_FIRED: Mapping[str, str] = {
    "aws_api_gateway_rest_api": "an HTTP API",
    "aws_apigatewayv2_api": "an HTTP API",
    "aws_appsync_graphql_api": "an HTTP API",
    "aws_lambda_function_url": "a function URL",
    "aws_scheduler_schedule": "a schedule",
    "aws_iot_topic_rule": "a rule of IoT",
}

INERT_ATTRIBUTES = frozenset({"tags", "tags_all", "source_code_hash", "filename", "role", "s3_bucket", "s3_key"})
"""Written often, and not told: they do nothing, or are read another way."""
