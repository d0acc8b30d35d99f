"""CloudWatch, logs and SSM resources. moto ignores alarms and metric filters in a template."""

from typing_extensions import override

from sandbox.aws.services.cloudformation.resource import (
    Made,
    Properties,
    ReplacementNeededError,
    ResourceType,
    lower_first,
    pick,
    tag_map,
)
from sandbox.aws.services.cloudformation.site import Site


class Alarm(ResourceType):
    """AWS::CloudWatch::Alarm. moto leaves it out with a warning."""

    name_property = "AlarmName"
    longest_name = 255

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """PutMetricAlarm takes the same properties."""
        site.call("cloudwatch", "put_metric_alarm", **{**properties, "AlarmName": name})
        return Made(name, {"Arn": f"arn:aws:cloudwatch:{site.region}:{site.account}:alarm:{name}"})

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Put again."""
        if old.get("AlarmName") != new.get("AlarmName"):
            raise ReplacementNeededError
        return self.create(site, made.physical_id, new)

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """By name."""
        site.call("cloudwatch", "delete_alarms", AlarmNames=[made.physical_id])


class Dashboard(ResourceType):
    """AWS::CloudWatch::Dashboard."""

    name_property = "DashboardName"
    longest_name = 255

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """PutDashboard."""
        site.call("cloudwatch", "put_dashboard", DashboardName=name, DashboardBody=properties["DashboardBody"])
        return Made(name)

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Put again."""
        if old.get("DashboardName") != new.get("DashboardName"):
            raise ReplacementNeededError
        return self.create(site, made.physical_id, new)

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """By name."""
        site.call("cloudwatch", "delete_dashboards", DashboardNames=[made.physical_id])


class LogGroup(ResourceType):
    """AWS::Logs::LogGroup."""

    name_property = "LogGroupName"
    longest_name = 512
    tagged = True

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """The group and how long it keeps."""
        key = properties.get("KmsKeyId")
        site.call("logs", "create_log_group", logGroupName=name, kmsKeyId=key, tags=tag_map(properties))
        self._retain(site, name, properties)
        return Made(name, {"Arn": f"arn:aws:logs:{site.region}:{site.account}:log-group:{name}:*"})

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Only the retention changes in place."""
        if pick(old, "LogGroupName", "KmsKeyId") != pick(new, "LogGroupName", "KmsKeyId"):
            raise ReplacementNeededError
        self._retain(site, made.physical_id, new)
        return made

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """With its streams."""
        site.call("logs", "delete_log_group", logGroupName=made.physical_id)

    @staticmethod
    def _retain(site: Site, name: str, properties: Properties) -> None:
        days = properties.get("RetentionInDays")
        if days is None:
            site.call("logs", "delete_retention_policy", logGroupName=name)
        else:
            site.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=days)


class MetricFilter(ResourceType):
    """AWS::Logs::MetricFilter. moto leaves it out with a warning."""

    name_property = "FilterName"
    longest_name = 512

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """PutMetricFilter."""
        site.call("logs", "put_metric_filter", filterName=name, **self._arguments(properties))
        return Made(name)

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Put again."""
        if pick(old, "FilterName", "LogGroupName") != pick(new, "FilterName", "LogGroupName"):
            raise ReplacementNeededError
        return self.create(site, made.physical_id, new)

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """From its log group."""
        group = properties["LogGroupName"]
        site.call("logs", "delete_metric_filter", logGroupName=group, filterName=made.physical_id)

    @staticmethod
    def _arguments(properties: Properties) -> Properties:
        arguments = lower_first(pick(properties, "LogGroupName", "FilterPattern", "MetricTransformations"))
        for transformation in arguments["metricTransformations"]:
            dimensions = transformation.get("dimensions")
            if dimensions:
                transformation["dimensions"] = {each["key"]: each["value"] for each in dimensions}
        return dict(arguments)


class Parameter(ResourceType):
    """AWS::SSM::Parameter."""

    name_property = "Name"
    longest_name = 1011

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """Refused when somebody else's parameter has the name."""
        return self._put(site, name, properties, overwrite=False)

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Overwritten in place."""
        if pick(old, "Name", "Type") != pick(new, "Name", "Type"):
            raise ReplacementNeededError
        return self._put(site, made.physical_id, new, overwrite=True)

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """By name."""
        site.call("ssm", "delete_parameter", Name=made.physical_id)

    @staticmethod
    def _put(site: Site, name: str, properties: Properties, *, overwrite: bool) -> Made:
        options = pick(properties, "Type", "Value", "Description", "AllowedPattern", "Tier")
        site.call("ssm", "put_parameter", Name=name, Overwrite=overwrite, **options)
        return Made(name, pick(properties, "Type", "Value"))
