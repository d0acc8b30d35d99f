"""Step Functions resources. moto's model loses substitutions and definitions in S3."""

import json
from typing import Any

import yaml
from typing_extensions import override

from sandbox.services.cloudformation.resource import (
    Made,
    Properties,
    ReplacementNeededError,
    ResourceType,
    lower_first,
    pick,
    tag_list,
)
from sandbox.services.cloudformation.site import Site
from sandbox.yaml_loader import SafeLoader


class StateMachine(ResourceType):
    """AWS::StepFunctions::StateMachine.

    moto's model ignores DefinitionS3Location and DefinitionSubstitutions and refuses Fn::GetAtt Arn. The machine
    goes where CreateStateMachine puts it.
    """

    name_property = "StateMachineName"
    longest_name = 80
    tagged = True

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """Ref is the ARN."""
        tags = [lower_first(tag) for tag in tag_list(properties) or []]
        options = self._options(site, properties)
        kind = properties.get("StateMachineType")
        answer = site.call("stepfunctions", "create_state_machine", name=name, type=kind, tags=tags or None, **options)
        return Made(answer["stateMachineArn"], {"Arn": answer["stateMachineArn"], "Name": name})

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Running executions keep the definition they began with."""
        if pick(old, "StateMachineName", "StateMachineType") != pick(new, "StateMachineName", "StateMachineType"):
            raise ReplacementNeededError
        arn = made.physical_id
        site.call("stepfunctions", "update_state_machine", stateMachineArn=arn, **self._options(site, new))
        return made

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """By its ARN."""
        site.call("stepfunctions", "delete_state_machine", stateMachineArn=made.physical_id)

    def _options(self, site: Site, properties: Properties) -> dict[str, Any]:
        options = pick(properties, "RoleArn", "LoggingConfiguration", "TracingConfiguration")
        return {**lower_first(options), "definition": self._definition(site, properties)}

    def _definition(self, site: Site, properties: Properties) -> str:
        text = self._text(site, properties)
        for key, value in properties.get("DefinitionSubstitutions", {}).items():
            text = text.replace("${" + key + "}", str(value))
        return text if text.lstrip().startswith("{") else json.dumps(yaml.load(text, SafeLoader))  # noqa: S506 - it is one

    @staticmethod
    def _text(site: Site, properties: Properties) -> str:
        if "DefinitionString" in properties:
            return str(properties["DefinitionString"])
        if "Definition" in properties:
            return json.dumps(properties["Definition"])
        where = properties["DefinitionS3Location"]
        answer = site.call("s3", "get_object", Bucket=where["Bucket"], Key=where["Key"])
        return str(answer["Body"].read().decode())
