"""May whoever deploys do what CloudFormation does for the templates, and nothing it never does?"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from sandbox.aws.deployment import package
from sandbox.aws.services.cloudformation.template import expand
from tests.contract import project
from tests.contract.project import FORWARDING, HUB, ROOT

POLICIES = {HUB: ("deploy-hub", "deploy-hub-roles"), FORWARDING: ("deploy-forwarding",)}
# What resource types ask for on account of properties our templates do not have.
LEFT_OUT = re.compile(
    r"(ec2|elasticfilesystem|firehose|kinesis|kms|s3|s3files):.*"
    r"|dynamodb:(.*(Replica|Import.*|KinesisStreaming.*|ContributorInsights|ResourcePolicy)"
    r"|BatchWriteItem|(Delete|Get|Put|Update)Item|Query|Scan)"
    r"|iam:(Attach|Detach)(Group|User)Policy|iam:(CreateServiceLinkedRole|DeleteRolePermissionsBoundary|PassRole)"
    r"|lambda:.*(CodeSigningConfig|Concurrency|Recursion.*|Scaling.*|RuntimeManagement.*|CapacityProvider|Alias|PublishVersion)"
    r"|logs:.*(KmsKey|Stream|Streams|DataProtectionPolicy|IndexPolicy|IndexPolicies|LogEvents|Protection|Authentication"
    r"|DeleteResourcePolicy)|sns:PutDataProtectionPolicy"
)
# The forwarding role has no managed policy.
LEFT_OUT_OF = {HUB: re.compile("lambda:GetCodeSigningConfig"), FORWARDING: re.compile("iam:(Attach|Detach)RolePolicy")}
# What deploying needs besides the resources: the stack, the uploaded code, layers' and roles' ways.
BESIDES = re.compile(r"(cloudformation|s3):.*|iam:PassRole|logs:(CreateLogDelivery|DescribeIndexPolicies)")
NO_RESOURCE_TYPES = ("TemplateSummary", "LogsWithoutResourceTypes", "BusPermissions", "Unsubscribe")
SAMPLES = {"ManagementAccountId": "111122223333", "ForwardingAccounts": "111122223333", "HubBusArn": "arn:x"}


class NoUploads:
    """Code is not looked at here."""

    def of(self, _path: Path) -> dict[str, str]:
        """Anywhere."""
        return {"Bucket": "bucket", "Key": "key"}


@cache
def _handlers() -> dict[str, Any]:
    """The permissions each resource type's handlers ask for, as cfn-lint ships CloudFormation's schemas."""
    folder = Path(cfnlint.__file__).parent / "data/schemas/resources"
    schemas = (json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("*.json"))
    return {each["typeName"]: each.get("handlers", {}) for each in schemas if "typeName" in each}


def _types(name: str) -> set[str]:
    template: Any = package(ROOT / name, NoUploads())  # type: ignore[arg-type]
    values = {key: SAMPLES.get(key, slot.get("Default", "x")) for key, slot in template["Parameters"].items()}
    return {resource["Type"] for resource in expand(template, values, "eu-west-1")["Resources"].values()}


def _asked_for(name: str) -> set[str]:
    handlers = [_handlers()[each] for each in _types(name)]
    verbs = ("create", "read", "update", "delete")
    return {action for each in handlers for verb in verbs for action in each.get(verb, {}).get("permissions", [])}


def _policy(name: str) -> list[Any]:
    """What the policies of one stack's deployer allow."""
    texts = [(ROOT / f"docs/howto/policies/{each}.json").read_text(encoding="utf-8") for each in POLICIES[name]]
    assert all(len("".join(text.split())) <= 6_144 for text in texts), "a managed policy takes no more"
    found = [each for text in texts for each in json.loads(text)["Statement"]]
    return [each for each in found if each["Effect"] == "Allow"]


@pytest.mark.parametrize("name", POLICIES)
def test_whoever_deploys_may_do_what_the_resources_ask_for(name: str) -> None:
    missing = _asked_for(name) - project.actions(*_policy(name))
    asked = {action for action in missing if not LEFT_OUT.fullmatch(action)}
    assert {action for action in asked if not LEFT_OUT_OF[name].fullmatch(action)} == set()


@pytest.mark.parametrize("name", POLICIES)
def test_and_nothing_they_never_ask_for(name: str) -> None:
    more = project.actions(*_policy(name)) - _asked_for(name)
    assert {action for action in more if not BESIDES.fullmatch(action)} == set()


@pytest.mark.parametrize("name", POLICIES)
def test_a_deployer_reaches_our_names_only(name: str) -> None:
    for statement in _policy(name):
        for resource in project.as_list(statement["Resource"]):
            ours = re.search(
                r"quick-|schedule/default|layer:|stateMachine:|sam-cli-managed|transform/Serverless", resource
            )
            assert ours or statement["Sid"] in NO_RESOURCE_TYPES, statement["Sid"]


def test_every_state_machine_is_named() -> None:
    text = json.dumps(_policy(HUB))
    for machine in project.resources(HUB, "StateMachine").values():
        assert f"stateMachine:{machine['Properties']['Name']}" in text
