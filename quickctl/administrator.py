"""One account as its administrator sees it: the organization, stacks and IAM policies.

Only `bootstrap`, `uninstall`, `selftest` and what tags accounts use it. Every other command gets along with an
operator's permissions, through quickctl/aws.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from quickctl.aws import CONFIG, STACK_SETS
from quickctl.exits import ExitCode, Problem
from quickctl.inspector import Inspector
from quickctl.observing import Trail
from quickctl.queue import Queue
from quickctl.templates import read_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import boto3

ORGANIZATIONS_REGION = "us-east-1"
FORWARDING = "Quick Onboarding, forwarding"  # how the descriptions of the forwarding stacks begin
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
PAUSES = (2, 3, 5, 10)  # seconds before a stack is described again; the last one is repeated
TAGGED_AT_ONCE = 20  # things whose tags are read, then a pause: the whole organization shares Organizations' rate
PAUSE_OF_TAGS = 2
POLICY_VERSIONS = 5  # that IAM keeps


@dataclass(frozen=True)
class Stack:
    """A stack as DescribeStacks describes it."""

    arn: str
    name: str
    status: str
    reason: str
    description: str
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Stack:
        """The stack that was described."""
        return cls(
            arn=found["StackId"],
            name=found["StackName"],
            status=found["StackStatus"],
            reason=found.get("StackStatusReason", ""),
            description=found.get("Description", ""),
            parameters={each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
        )


class Administrator:
    """An account, with the credentials of somebody who may do anything there."""

    def __init__(self, session: boto3.Session, sleep: Callable[[float], object]) -> None:
        self._session, self._sleep = session, sleep
        self._clients: dict[tuple[str, str], Any] = {}

    @cached_property
    def caller(self) -> str:
        """The ARN of whoever calls; asking for it needs no permission."""
        return str(self._client("sts", ORGANIZATIONS_REGION).get_caller_identity()["Arn"])

    @property
    def account_id(self) -> str:
        """The account of these credentials."""
        return self.caller.split(":")[4]

    def inspector(self, region: str) -> Inspector:
        """The account in that Region, as doctor reads it."""
        return Inspector(self._client, region)

    # The organization ------------------------------------------------------------------------------------------

    @cached_property
    def organization(self) -> Mapping[str, Any]:
        """The organization that the account belongs to; every member may ask."""
        client = self._organizations
        try:
            found: Mapping[str, Any] = client.describe_organization()["Organization"]
        except client.exceptions.AWSOrganizationsNotInUseException as error:
            raise Problem(
                ExitCode.NOT_FOUND, f"the account {self.account_id} is in no organization", "create one, or join it"
            ) from error
        return found

    def trusts_stack_sets(self) -> bool:
        """Whether StackSets has trusted access."""
        pages = self._organizations.get_paginator("list_aws_service_access_for_organization").paginate()
        return STACK_SETS in {each["ServicePrincipal"] for page in pages for each in page["EnabledServicePrincipals"]}

    def trust_stack_sets(self, region: str) -> None:
        """Give StackSets trusted access."""
        self._client("cloudformation", region).activate_organizations_access()

    def is_stack_set_administrator(self, account: str) -> bool:
        """Whether that account is a delegated administrator for StackSets."""
        pages = self._organizations.get_paginator("list_delegated_administrators").paginate(ServicePrincipal=STACK_SETS)
        return account in {each["Id"] for page in pages for each in page["DelegatedAdministrators"]}

    def register_stack_set_administrator(self, account: str) -> None:
        """Make it one."""
        self._organizations.register_delegated_administrator(AccountId=account, ServicePrincipal=STACK_SETS)

    def has_trail(self) -> bool:
        """Whether EventBridge hears through a trail of what happens in the Region of Organizations' events."""
        return any(each.is_enough for each in self.inspector(ORGANIZATIONS_REGION).trails())

    def trail(self) -> Trail:
        """What CloudTrail keeps of the organization's events."""
        return Trail(self._client("cloudtrail", ORGANIZATIONS_REGION))

    def resource_policy(self) -> dict[str, Any] | None:
        """The organization's one resource policy; None: there is none."""
        client = self._organizations
        try:
            found: dict[str, Any] = json.loads(client.describe_resource_policy()["ResourcePolicy"]["Content"])
        except client.exceptions.ResourcePolicyNotFoundException:
            return None
        return found

    def put_resource_policy(self, policy: Mapping[str, Any] | None) -> None:
        """Replace the resource policy, by what was read before and changed; None deletes it."""
        if policy is None:
            self._organizations.delete_resource_policy()
        else:
            self._organizations.put_resource_policy(Content=json.dumps(policy))

    def tags(self, resource: str) -> dict[str, str]:
        """The tags of an account, an OU or the root."""
        pages = self._organizations.get_paginator("list_tags_for_resource").paginate(ResourceId=resource)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def tag(self, resource: str, key: str, value: str) -> None:
        """Set a tag."""
        self._organizations.tag_resource(ResourceId=resource, Tags=[{"Key": key, "Value": value}])

    def untag(self, resource: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        self._organizations.untag_resource(ResourceId=resource, TagKeys=list(keys))

    def tagged(self, key: str) -> dict[str, tuple[str, ...]]:
        """Every account, OU and root with this tag or one of its family (`key:...`), and which of them it has."""
        found = {}
        for number, resource in enumerate(self._resources(), start=1):
            keys = tuple(each for each in sorted(self.tags(resource)) if each.partition(":")[0] == key)
            if keys:
                found[resource] = keys
            if number % TAGGED_AT_ONCE == 0:
                self._sleep(PAUSE_OF_TAGS)
        return found

    def _resources(self) -> Iterator[str]:
        for root in self._organizations.list_roots()["Roots"]:
            yield root["Id"]
            yield from self._units(root["Id"])
        for page in self._organizations.get_paginator("list_accounts").paginate():
            yield from (each["Id"] for each in page["Accounts"])

    def _units(self, parent: str) -> Iterator[str]:
        pages = self._organizations.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent)
        for page in pages:
            for unit in page["OrganizationalUnits"]:
                yield unit["Id"]
                yield from self._units(unit["Id"])

    # Stacks ----------------------------------------------------------------------------------------------------

    def stack(self, region: str, name: str) -> Stack | None:
        """A stack by its name or ARN; None: there is none."""
        client = self._client("cloudformation", region)
        try:
            (found,) = client.describe_stacks(StackName=name)["Stacks"]
        except client.exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            return None
        return Stack.of(found)

    def stacks(self, region: str, beginning: str) -> list[Stack]:
        """The stacks whose descriptions begin like that."""
        pages = self._client("cloudformation", region).get_paginator("describe_stacks").paginate()
        found = [Stack.of(each) for page in pages for each in page["Stacks"]]
        return [each for each in found if each.description.startswith(beginning)]

    def is_deployed(self, region: str, name: str, template: str, parameters: Mapping[str, str]) -> bool:
        """Whether the stack is there, with this template (whoever wrote it anew, as sam does) and these parameters."""
        found = self.stack(region, name)
        if found is None or not found.status.endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")):
            return False
        client = self._client("cloudformation", region)
        body = client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        same = read_template(template) == (read_template(body) if isinstance(body, str) else body)
        return same and parameters.items() <= found.parameters.items()

    def deploy(self, region: str, name: str, template: str, parameters: Mapping[str, str]) -> None:
        """Create or change a stack; returns when it is done. Raises Problem when it could not be."""
        client = self._client("cloudformation", region)
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        change = client.update_stack if self.stack(region, name) else client.create_stack
        try:
            made = change(StackName=name, TemplateBody=template, Parameters=given, Capabilities=CAPABILITIES)
        except client.exceptions.ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
        else:
            self._wait(region, made["StackId"])

    def set_parameter(self, region: str, stack: Stack, key: str, value: str) -> None:
        """Change one parameter of a stack and nothing else."""
        kept = [{"ParameterKey": each, "UsePreviousValue": True} for each in stack.parameters if each != key]
        self._client("cloudformation", region).update_stack(
            StackName=stack.arn,
            UsePreviousTemplate=True,
            Parameters=[*kept, {"ParameterKey": key, "ParameterValue": value}],
            Capabilities=CAPABILITIES,
        )
        self._wait(region, stack.arn)

    def delete_stack(self, region: str, arn: str, retain: Sequence[str] = ()) -> Stack:
        """Delete a stack; returns when that has ended, well or not. `retain`: what could not be deleted before."""
        kept = {"RetainResources": list(retain)} if retain else {}
        self._client("cloudformation", region).delete_stack(StackName=arn, **kept)
        return self._ended(region, arn)

    def undeleted(self, region: str, arn: str) -> dict[str, str]:
        """The logical ids of what the stack's last deletion could not delete, and their physical ids."""
        pages = self._client("cloudformation", region).get_paginator("describe_stack_events").paginate(StackName=arn)
        found = {}
        for event in (each for page in pages for each in page["StackEvents"]):  # the newest first
            if event["PhysicalResourceId"] != arn and event["ResourceStatus"] == "DELETE_FAILED":
                found[event["LogicalResourceId"]] = event["PhysicalResourceId"]
            elif event["PhysicalResourceId"] == arn and event["ResourceStatus"] == "DELETE_IN_PROGRESS":
                break
        return found

    def delete_stack_set(self, region: str, name: str) -> None:
        """Delete an empty stack set, as the delegated administrator."""
        self._client("cloudformation", region).delete_stack_set(StackSetName=name, CallAs="DELEGATED_ADMIN")

    def _wait(self, region: str, arn: str) -> None:
        ended = self._ended(region, arn)
        if not ended.status.endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")):
            raise Problem(
                ExitCode.FAILED,
                f"the stack {ended.name} is {ended.status}: {ended.reason}",
                f"aws cloudformation describe-stack-events --region {region} --stack-name {ended.name}",
            )

    def _ended(self, region: str, arn: str) -> Stack:
        """The stack when its operation has ended. By its ARN a deleted stack is found as well."""
        pauses = chain(PAUSES, repeat(PAUSES[-1]))
        while (found := self.stack(region, arn)) and found.status.endswith("_IN_PROGRESS"):
            self._sleep(next(pauses))
        assert found, arn
        return found

    # Queues ------------------------------------------------------------------------------------------------------

    def queue(self, region: str, stack: str, logical_id: str) -> Queue:
        """A queue of that stack."""
        found = self._client("cloudformation", region).describe_stack_resource(
            StackName=stack, LogicalResourceId=logical_id
        )
        return Queue(self._client("sqs", region), found["StackResourceDetail"]["PhysicalResourceId"])

    # Policies and groups -----------------------------------------------------------------------------------------

    def has_policy(self, role: str, name: str, document: Mapping[str, Any]) -> bool:
        """Whether the role has that policy, with exactly this document. Raises LookupError: there is no such role."""
        iam, arn = self._iam, self._policy_arn(name)
        pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        try:
            attached = {each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]}
        except iam.exceptions.NoSuchEntityException as error:
            raise LookupError(role) from error
        return arn in attached and self._document(arn) == document

    def give_policy(self, role: str, name: str, document: Mapping[str, Any]) -> None:
        """Make that policy, or bring it to this document, and attach it."""
        iam, arn, text = self._iam, self._policy_arn(name), json.dumps(document)
        try:
            if self._document(arn) != document:
                self._make_room(arn)
                iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
        except iam.exceptions.NoSuchEntityException:
            iam.create_policy(PolicyName=name, PolicyDocument=text)
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)

    def has_group(self, region: str, name: str) -> bool:
        """Whether Quick has that group in the namespace `default`."""
        client = self._client("quicksight", region)
        try:
            client.describe_group(AwsAccountId=self.account_id, Namespace="default", GroupName=name)
        except client.exceptions.ResourceNotFoundException:
            return False
        return True

    def create_group(self, region: str, name: str) -> None:
        """Make it."""
        client = self._client("quicksight", region)
        client.create_group(AwsAccountId=self.account_id, Namespace="default", GroupName=name)

    def edition(self, region: str) -> str:
        """Quick's edition in this account; empty: it is not subscribed."""
        client = self._client("quicksight", region)
        try:
            found = client.describe_account_subscription(AwsAccountId=self.account_id)["AccountInfo"]
        except client.exceptions.ResourceNotFoundException:
            return ""
        return str(found.get("Edition", ""))

    def _document(self, arn: str) -> Any:
        version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return self._iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

    def _make_room(self, arn: str) -> None:
        """IAM refuses a sixth version."""
        versions = self._iam.list_policy_versions(PolicyArn=arn)["Versions"]
        if len(versions) >= POLICY_VERSIONS:
            oldest = min(
                (each for each in versions if not each["IsDefaultVersion"]), key=lambda each: each["CreateDate"]
            )
            self._iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])

    def _policy_arn(self, name: str) -> str:
        partition = self._session.get_partition_for_region(ORGANIZATIONS_REGION)
        return f"arn:{partition}:iam::{self.account_id}:policy/{name}"

    # Clients -----------------------------------------------------------------------------------------------------

    @property
    def _organizations(self) -> Any:
        return self._client("organizations", ORGANIZATIONS_REGION)

    @property
    def _iam(self) -> Any:
        return self._client("iam", ORGANIZATIONS_REGION)

    def _client(self, service: str, region: str) -> Any:
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = self._session.client(service, region_name=region, config=CONFIG)  # type: ignore[call-overload]  # any service
        return self._clients[key]
