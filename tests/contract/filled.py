"""A template's policies as CloudFormation would fill them in, with sample values: no AWS, no sandbox."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.account import Hub
from control_plane.profiles import Profile, parameters
from tests.contract import project
from tests.contract.project import FORWARDING, HUB

REGION, HUB_ACCOUNT, MANAGEMENT, MEMBER = "eu-west-1", "444455556666", "111122223333", "777788889999"
ORGANIZATION, ROOT_UNIT = "o-exampleorgid", "r-ab12"
BODY = "layers/consumer/consumer_role.yaml"
RUN_AS = f"arn:aws:iam::{HUB_ACCOUNT}:role/quick-athena-run-as"
BUS = f"arn:aws:events:{REGION}:{HUB_ACCOUNT}:event-bus/quick-onboarding"
GIVEN = {
    HUB: {
        "ManagementAccountId": MANAGEMENT,
        "ForwardingAccounts": MANAGEMENT,
        "OrganizationId": ORGANIZATION,
        "OrganizationRootId": ROOT_UNIT,
    },
    FORWARDING: {"HubBusArn": BUS, "NotificationEmail": "ops@example.com"},
}
# The ARN of a resource of ours, by the last words of its type; {} is its name, or its logical id.
ARNS = {
    "Athena::WorkGroup": "athena:{region}:{account}:workgroup/{name}",
    "DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "Events::Rule": "events:{region}:{account}:rule/{name}",
    "IAM::ManagedPolicy": "iam::{account}:policy{path}{name}",
    "IAM::Role": "iam::{account}:role/{name}",
    "Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "S3::Bucket": "s3:::{name}",
    "SNS::Topic": "sns:{region}:{account}:{name}",
    "SQS::Queue": "sqs:{region}:{account}:{name}",
    "Serverless::Function": "lambda:{region}:{account}:function:{name}",
    "Serverless::StateMachine": "states:{region}:{account}:stateMachine:{name}",
}
NAMES = ("Name", "RoleName", "ManagedPolicyName")
REF_IS_ARN = ("IAM::ManagedPolicy", "SNS::Topic", "Serverless::StateMachine")
NOTHING = object()  # AWS::NoValue


@dataclass(frozen=True)
class Filled:
    """One template in one account, with these parameters."""

    name: str
    account: str
    given: Mapping[str, Any]

    def resources(self) -> dict[str, Any]:
        """Every resource whose condition holds, intrinsics resolved."""
        written = project.template(self.name)["Resources"]
        made = {key: each for key, each in written.items() if "Condition" not in each or self._holds(each["Condition"])}
        return {key: {**each, "Properties": self.value(each.get("Properties", {}))} for key, each in made.items()}

    def value(self, written: Any) -> Any:
        """A value of the template, resolved."""
        if isinstance(written, list):
            return [each for each in map(self.value, written) if each is not NOTHING]
        if not isinstance(written, Mapping):
            return written
        if len(written) == 1:
            (key, argument) = next(iter(written.items()))
            if key == "Ref" or key.startswith("Fn::"):
                return self._intrinsic(key, argument)
        filled = {key: self.value(each) for key, each in written.items()}
        return {key: each for key, each in filled.items() if each is not NOTHING}

    def _intrinsic(self, key: str, argument: Any) -> Any:
        if key == "Ref":
            return self._ref(argument)
        if key == "Fn::GetAtt":
            return self._attribute(*(argument.split(".", 1) if isinstance(argument, str) else argument))
        if key == "Fn::Sub":
            return self._sub(argument)
        if key == "Fn::If":
            return self.value(argument[1] if self._holds(argument[0]) else argument[2])
        separator, rest = argument[0], self.value(argument[1])
        if key == "Fn::Join":
            return separator.join(rest)
        assert key == "Fn::Split", key
        return rest.split(separator)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in self._pseudo:
            return self._pseudo[name]
        slot = project.template(self.name).get("Parameters", {}).get(name)
        if slot is None:
            return self._arn(name) if self._type(name).endswith(REF_IS_ARN) else self._named(name)
        found = self.given.get(name, slot.get("Default"))
        return found.split(",") if slot["Type"] == "CommaDelimitedList" else found

    @property
    def _pseudo(self) -> dict[str, str]:
        return {
            "AWS::AccountId": self.account,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": "quick-onboarding",
            "AWS::URLSuffix": "amazonaws.com",
        }

    def _attribute(self, name: str, attribute: str) -> str:
        return self._arn(name) if attribute == "Arn" else self._named(name)

    def _sub(self, argument: Any) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else argument
        known = {key: self.value(each) for key, each in values.items()}

        def of(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in known:
                return str(known[name])
            return self._attribute(*name.split(".", 1)) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", of, text)

    def _holds(self, condition: str) -> bool:
        return self._truth(project.template(self.name)["Conditions"][condition])

    def _truth(self, written: Mapping[str, Any]) -> bool:
        ((key, argument),) = written.items()
        if key == "Fn::Not":
            return not self._truth(argument[0])
        if key in ("Fn::Or", "Fn::And"):
            return (any if key == "Fn::Or" else all)(map(self._truth, argument))
        if key == "Condition":
            return self._holds(argument)
        assert key == "Fn::Equals", key
        return bool(self.value(argument[0]) == self.value(argument[1]))

    def _type(self, name: str) -> str:
        return str(project.template(self.name)["Resources"][name]["Type"])

    def _named(self, name: str) -> str:
        properties = project.template(self.name)["Resources"][name].get("Properties", {})
        own = next((properties[key] for key in NAMES if key in properties), None)
        return (
            str(self.value(own))
            if own
            else f"quick-onboarding-{name}".replace("quick-onboarding-ResultsBucket", "results")
        )

    def _arn(self, name: str) -> str:
        properties = project.template(self.name)["Resources"][name].get("Properties", {})
        pattern = next(arn for kind, arn in ARNS.items() if self._type(name).endswith(kind))
        path = properties.get("Path", "/")
        return "arn:aws:" + pattern.format(region=REGION, account=self.account, name=self._named(name), path=path)


def hub(**given: str) -> Filled:
    """The hub's template."""
    return Filled(HUB, HUB_ACCOUNT, {**GIVEN[HUB], **given})


def forwarding() -> Filled:
    """The forwarding template, in the management account."""
    return Filled(FORWARDING, MANAGEMENT, GIVEN[FORWARDING])


def consumer(profile: Profile, external_id_match: str = "exact", name: str = "sales") -> Filled:
    """What a member gets for a profile."""
    hub_values = Hub(
        account_id=HUB_ACCOUNT,
        management_account_id=MANAGEMENT,
        region=REGION,
        partition="aws",
        organization_id=ORGANIZATION,
        root_id=ROOT_UNIT,
        run_as_role_arn=RUN_AS,
        deployment_id="default",
        external_id_match="prefix" if external_id_match == "prefix" else "exact",
    )
    return Filled(BODY, MEMBER, parameters(name, profile, hub_values))


def documents(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every policy document in resolved properties."""
    if isinstance(value, Mapping):
        if "Statement" in value and "Version" in value:
            yield value
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        yield from documents(item)
