"""Every resource type the sandbox's CloudFormation can make, by its name in a template."""

from sandbox.services.cloudformation.resource import ResourceType
from sandbox.services.cloudformation.types import compute, events, iam, messages, operations, storage

TYPES: dict[str, ResourceType] = {
    "AWS::Athena::WorkGroup": storage.WorkGroup(),
    "AWS::CloudWatch::Alarm": operations.Alarm(),
    "AWS::CloudWatch::Dashboard": operations.Dashboard(),
    "AWS::DynamoDB::Table": storage.Table(),
    "AWS::Events::EventBus": events.EventBus(),
    "AWS::Events::EventBusPolicy": events.EventBusPolicy(),
    "AWS::Events::Rule": events.Rule(),
    "AWS::IAM::ManagedPolicy": iam.ManagedPolicy(),
    "AWS::IAM::Policy": iam.InlinePolicy(),
    "AWS::IAM::Role": iam.Role(),
    "AWS::KMS::Alias": storage.KeyAlias(),
    "AWS::KMS::Key": storage.Key(),
    "AWS::Lambda::Alias": compute.FunctionAlias(),
    "AWS::Lambda::EventInvokeConfig": compute.EventInvokeConfig(),
    "AWS::Lambda::EventSourceMapping": compute.EventSourceMapping(),
    "AWS::Lambda::Function": compute.Function(),
    "AWS::Lambda::LayerVersion": compute.LayerVersion(),
    "AWS::Lambda::Permission": compute.Permission(),
    "AWS::Lambda::Version": compute.FunctionVersion(),
    "AWS::Logs::LogGroup": operations.LogGroup(),
    "AWS::Logs::MetricFilter": operations.MetricFilter(),
    "AWS::S3::Bucket": storage.Bucket(),
    "AWS::S3::BucketPolicy": storage.BucketPolicy(),
    "AWS::SNS::Subscription": messages.Subscription(),
    "AWS::SNS::Topic": messages.Topic(),
    "AWS::SNS::TopicPolicy": messages.TopicPolicy(),
    "AWS::SQS::Queue": messages.Queue(),
    "AWS::SQS::QueuePolicy": messages.QueuePolicy(),
    "AWS::SSM::Parameter": operations.Parameter(),
    "AWS::Scheduler::Schedule": events.Schedule(),
    "AWS::Scheduler::ScheduleGroup": events.ScheduleGroup(),
    "AWS::StepFunctions::StateMachine": compute.StateMachine(),
}
