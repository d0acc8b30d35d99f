"""Packaging and deploying as `sam` does, in process."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.cloud import Cloud
from sandbox.aws.deployment import DeploymentError, deploy
from sandbox.aws.services.cloudformation import CloudFormation

HUB = "444455556666"
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String, Default: hello}
Globals:
  Function:
    Runtime: python3.13
    Handler: greet.handler
    CodeUri: functions/
    Layers: [!Ref Layer]
Resources:
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {GREETING: !Ref Greeting}}
  Layer:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: makefile}
    Properties: {ContentUri: layers/words/, CompatibleRuntimes: [python3.13]}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: statemachines/greet.asl.yaml
      DefinitionSubstitutions: {Greet: !GetAtt Greet.Arn}
      Policies: [LambdaInvokePolicy: {FunctionName: !Ref Greet}]
Outputs:
  Function: {Value: !Ref Greet}
  Machine: {Value: !Ref Machine}
"""
MACHINE = """
StartAt: Greet
States:
  Greet: {Type: Task, Resource: "${Greet}", End: true}
"""


class Project:
    """A small SAM project on disk, and the account it is deployed to."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self.folder, self.cloud = folder, cloud
        CloudFormation(cloud)
        self.write("template.yaml", TEMPLATE)
        self.write("functions/greet.py", "def handler(event, context): return event")
        self.write("functions/__pycache__/greet.pyc", "compiled")
        self.write("layers/words/Makefile", "build-Layer:")
        self.write("statemachines/greet.asl.yaml", MACHINE)

    def write(self, path: str, text: str) -> None:
        """A file of the project."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def deploy(self, **parameters: str) -> dict[str, str]:
        """Its outputs, after deployment to the hub."""
        return deploy(self.cloud, HUB, "eu-west-1", self.folder / "template.yaml", "greetings", parameters)

    def __call__(self, service: str, operation: str, **given: Any) -> Any:
        """One API call of an administrator."""
        with self.cloud.administering(HUB):
            return getattr(self.cloud.client(service), operation)(**given)

    def archive_of(self, prefix: str) -> list[str]:
        """File names in the one uploaded archive that has a file beginning so."""
        for entry in self("s3", "list_objects_v2", Bucket=f"artifacts-{HUB}-eu-west-1")["Contents"]:
            content = self("s3", "get_object", Bucket=f"artifacts-{HUB}-eu-west-1", Key=entry["Key"])["Body"].read()
            if zipfile.is_zipfile(io.BytesIO(content)):
                names = zipfile.ZipFile(io.BytesIO(content)).namelist()
                if any(name.startswith(prefix) for name in names):
                    return names
        return []


@pytest.fixture
def project(tmp_path: Path, cloud: Cloud) -> Project:
    return Project(tmp_path, cloud)


def test_a_template_is_deployed_as_it_is_and_answers_its_outputs(project: Project) -> None:
    outputs = project.deploy(Greeting="good morning")
    function = project("lambda", "get_function_configuration", FunctionName=outputs["Function"])
    machine = project("stepfunctions", "describe_state_machine", stateMachineArn=outputs["Machine"])

    assert function["Environment"]["Variables"] == {"GREETING": "good morning"}
    assert json.loads(machine["definition"])["States"]["Greet"]["Resource"] == function["FunctionArn"]


def test_code_is_zipped_without_caches_and_a_layer_as_it_lies(project: Project) -> None:
    project.deploy()

    assert project.archive_of("greet.py") == ["greet.py"]
    assert project.archive_of("Makefile") == ["Makefile"]


def test_the_same_files_are_no_change(project: Project) -> None:
    first = project.deploy()
    second = project.deploy()
    stack = project("cloudformation", "describe_stacks", StackName="greetings")["Stacks"][0]

    assert first == second
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_changed_code_reaches_the_same_function(project: Project) -> None:
    before = project("lambda", "get_function_configuration", FunctionName=project.deploy()["Function"])
    project.write("functions/greet.py", "def handler(event, context): return None")
    after = project("lambda", "get_function_configuration", FunctionName=project.deploy()["Function"])

    assert after["FunctionArn"] == before["FunctionArn"]
    assert after["CodeSha256"] != before["CodeSha256"]


def test_a_deployment_that_fails_says_which_resource_and_why(project: Project) -> None:
    bad = (
        "  Bad: {Type: AWS::SQS::QueuePolicy, Properties: {Queues: [https://sqs/1/none], PolicyDocument: {}}}\nOutputs:"
    )
    project.write("template.yaml", TEMPLATE.replace("Outputs:", bad))
    with pytest.raises(DeploymentError, match=r"greetings is ROLLBACK_COMPLETE: .*failed to create: \[Bad\]"):
        project.deploy()


def test_a_template_sam_cannot_read_is_an_error(project: Project) -> None:
    project.write("template.yaml", TEMPLATE.replace("Handler: greet.handler", "Handlr: greet.handler"))
    with pytest.raises(DeploymentError, match="failed with: Invalid Serverless Application Specification document"):
        project.deploy()


def test_each_account_and_region_has_its_own_artifacts(project: Project) -> None:
    template = project.folder / "plain.yaml"
    template.write_text("Resources: {Queue: {Type: AWS::SQS::Queue}}", encoding="utf-8")
    deploy(project.cloud, "111122223333", "us-east-1", template, "plain", {})
    with project.cloud.administering("111122223333"):
        buckets = project.cloud.client("s3", "us-east-1").list_buckets()["Buckets"]
        queues = project.cloud.client("sqs", "us-east-1").list_queues()["QueueUrls"]

    assert [bucket["Name"] for bucket in buckets] == ["artifacts-111122223333-us-east-1"]
    assert len(queues) == 1
