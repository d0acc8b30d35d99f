"""CloudWatch, logs and SSM resources. moto ignores alarms and metric filters in a template."""

from typing_extensions import override

from sandbox.aws.services.cloudformation.resource import (
    Created,
    Properties,
    ReplacementNeededError,
    ResourceType,
    lower_first,
    pick,
    tag_map,
)
from sandbox.aws.services.cloudformation.scope import Scope


class Alarm(ResourceType):
    """AWS::CloudWatch::Alarm. moto leaves it out with a warning."""

    name_property = "AlarmName"
    longest_name = 255

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """PutMetricAlarm takes the same properties."""
        scope.call("cloudwatch", "put_metric_alarm", **{**properties, "AlarmName": name})
        return Created(name, {"Arn": f"arn:aws:cloudwatch:{scope.region}:{scope.account}:alarm:{name}"})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Put again."""
        if old.get("AlarmName") != new.get("AlarmName"):
            raise ReplacementNeededError
        return self.create(scope, made.physical_id, new)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """By name."""
        scope.call("cloudwatch", "delete_alarms", AlarmNames=[made.physical_id])


class Dashboard(ResourceType):
    """AWS::CloudWatch::Dashboard."""

    name_property = "DashboardName"
    longest_name = 255

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """PutDashboard."""
        scope.call("cloudwatch", "put_dashboard", DashboardName=name, DashboardBody=properties["DashboardBody"])
        return Created(name)

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Put again."""
        if old.get("DashboardName") != new.get("DashboardName"):
            raise ReplacementNeededError
        return self.create(scope, made.physical_id, new)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """By name."""
        scope.call("cloudwatch", "delete_dashboards", DashboardNames=[made.physical_id])


class LogGroup(ResourceType):
    """AWS::Logs::LogGroup."""

    name_property = "LogGroupName"
    longest_name = 512
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """The group and how long it keeps."""
        key = properties.get("KmsKeyId")
        scope.call("logs", "create_log_group", logGroupName=name, kmsKeyId=key, tags=tag_map(properties))
        self._retain(scope, name, properties)
        return Created(name, {"Arn": f"arn:aws:logs:{scope.region}:{scope.account}:log-group:{name}:*"})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Only the retention changes in place."""
        if pick(old, "LogGroupName", "KmsKeyId") != pick(new, "LogGroupName", "KmsKeyId"):
            raise ReplacementNeededError
        self._retain(scope, made.physical_id, new)
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """With its streams."""
        scope.call("logs", "delete_log_group", logGroupName=made.physical_id)

    @staticmethod
    def _retain(scope: Scope, name: str, properties: Properties) -> None:
        days = properties.get("RetentionInDays")
        if days is None:
            scope.call("logs", "delete_retention_policy", logGroupName=name)
        else:
            scope.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=days)


class MetricFilter(ResourceType):
    """AWS::Logs::MetricFilter. moto leaves it out with a warning."""

    name_property = "FilterName"
    longest_name = 512

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """PutMetricFilter."""
        scope.call("logs", "put_metric_filter", filterName=name, **self._arguments(properties))
        return Created(name)

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Put again."""
        if pick(old, "FilterName", "LogGroupName") != pick(new, "FilterName", "LogGroupName"):
            raise ReplacementNeededError
        return self.create(scope, made.physical_id, new)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """From its log group."""
        group = properties["LogGroupName"]
        scope.call("logs", "delete_metric_filter", logGroupName=group, filterName=made.physical_id)

    @staticmethod
    def _arguments(properties: Properties) -> Properties:
        arguments = lower_first(pick(properties, "LogGroupName", "FilterPattern", "MetricTransformations"))
        for transformation in arguments["metricTransformations"]:
            dimensions = transformation.get("dimensions")
            if dimensions:
                transformation["dimensions"] = {each["key"]: each["value"] for each in dimensions}
        return dict(arguments)


class QueryDefinition(ResourceType):
    """AWS::Logs::QueryDefinition. Ref is the id that CloudWatch Logs gives it."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """PutQueryDefinition takes the same properties."""
        return Created(scope.call("logs", "put_query_definition", **lower_first(properties))["queryDefinitionId"])

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Put again under its id."""
        scope.call("logs", "put_query_definition", queryDefinitionId=made.physical_id, **lower_first(new))
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """By its id."""
        scope.call("logs", "delete_query_definition", queryDefinitionId=made.physical_id)


class Parameter(ResourceType):
    """AWS::SSM::Parameter."""

    name_property = "Name"
    longest_name = 1011

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Refused when somebody else's parameter has the name."""
        return self._put(scope, name, properties, overwrite=False)

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Overwritten in place."""
        if pick(old, "Name", "Type") != pick(new, "Name", "Type"):
            raise ReplacementNeededError
        return self._put(scope, made.physical_id, new, overwrite=True)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """By name."""
        scope.call("ssm", "delete_parameter", Name=made.physical_id)

    @staticmethod
    def _put(scope: Scope, name: str, properties: Properties, *, overwrite: bool) -> Created:
        options = pick(properties, "Type", "Value", "Description", "AllowedPattern", "Tier")
        scope.call("ssm", "put_parameter", Name=name, Overwrite=overwrite, **options)
        return Created(name, pick(properties, "Type", "Value"))
