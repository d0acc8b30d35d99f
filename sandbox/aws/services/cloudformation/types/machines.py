"""Step Functions resources. moto's model loses substitutions and definitions in S3."""

import json
from typing import Any

import yaml
from typing_extensions import override

from sandbox.aws.services.cloudformation.resource import (
    Created,
    Properties,
    ReplacementNeededError,
    ResourceType,
    lower_first,
    pick,
    tag_list,
)
from sandbox.aws.services.cloudformation.scope import Scope
from sandbox.aws.yaml_loader import SafeLoader


class StateMachine(ResourceType):
    """AWS::StepFunctions::StateMachine.

    moto's model ignores DefinitionS3Location and DefinitionSubstitutions and refuses Fn::GetAtt Arn. The machine
    goes where CreateStateMachine puts it.
    """

    name_property = "StateMachineName"
    longest_name = 80
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the ARN."""
        tags = [lower_first(tag) for tag in tag_list(properties) or []]
        options = self._options(scope, properties)
        kind = properties.get("StateMachineType")
        answer = scope.call("stepfunctions", "create_state_machine", name=name, type=kind, tags=tags or None, **options)
        return Created(answer["stateMachineArn"], {"Arn": answer["stateMachineArn"], "Name": name})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Running executions keep the definition they began with."""
        if pick(old, "StateMachineName", "StateMachineType") != pick(new, "StateMachineName", "StateMachineType"):
            raise ReplacementNeededError
        arn = made.physical_id
        scope.call("stepfunctions", "update_state_machine", stateMachineArn=arn, **self._options(scope, new))
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """By its ARN."""
        scope.call("stepfunctions", "delete_state_machine", stateMachineArn=made.physical_id)

    def _options(self, scope: Scope, properties: Properties) -> dict[str, Any]:
        options = pick(properties, "RoleArn", "LoggingConfiguration", "TracingConfiguration")
        return {**lower_first(options), "definition": self._definition(scope, properties)}

    def _definition(self, scope: Scope, properties: Properties) -> str:
        text = self._text(scope, properties)
        for key, value in properties.get("DefinitionSubstitutions", {}).items():
            text = text.replace("${" + key + "}", str(value))
        return text if text.lstrip().startswith("{") else json.dumps(yaml.load(text, SafeLoader))  # noqa: S506 - it is one

    @staticmethod
    def _text(scope: Scope, properties: Properties) -> str:
        if "DefinitionString" in properties:
            return str(properties["DefinitionString"])
        if "Definition" in properties:
            return json.dumps(properties["Definition"])
        where = properties["DefinitionS3Location"]
        answer = scope.call("s3", "get_object", Bucket=where["Bucket"], Key=where["Key"])
        return str(answer["Body"].read().decode())
