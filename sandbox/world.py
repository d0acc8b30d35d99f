"""The whole sandbox: an organization, its AWS services, and the control plane deployed into its hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import boto3
import yaml
from boto3.dynamodb.types import TypeDeserializer
from moto import mock_aws

from sandbox.cloud import ORGANIZATIONS_REGION, Cloud, Landscape
from sandbox.deploy import deploy
from sandbox.faults import Faults
from sandbox.permissions import Permissions
from sandbox.services.asynchronous import Asynchronous
from sandbox.services.cloudformation import CloudFormation
from sandbox.services.cloudwatch import Alarms, Metrics, Queries, Sources
from sandbox.services.events import Events
from sandbox.services.functions import Functions
from sandbox.services.iam import Iam
from sandbox.services.organizations import Organizations
from sandbox.services.quick import Quick
from sandbox.services.scheduler import Scheduler
from sandbox.services.sns import Sns
from sandbox.services.sqs import Sqs
from sandbox.services.stack_sets import StackSets
from sandbox.services.step_functions import StepFunctions
from sandbox.services.sts import Sts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.clock import Clock
    from sandbox.identity import Session

PROJECT = Path(__file__).parent.parent
STACKSETS_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"
OPT_IN_TAG = "quick-athena"


class Sandbox:
    """One AWS organization in this process, with Quick Onboarding deployed. One at a time: moto is process-wide."""

    def __init__(self, clock: Clock, consumer_layer: Path | None = None, landscape: Landscape | None = None) -> None:
        self._mock = mock_aws()
        self._mock.start()
        self.clock = clock
        self.cloud = Cloud(clock, landscape)
        self.cloud.gateway.install()
        cloud = self.cloud
        self.events = Events(cloud)
        self.organizations = Organizations(cloud, self.events)
        self.iam = Iam(cloud)
        self.sts = Sts(cloud, self.iam)
        self.permissions = Permissions(cloud, self.iam)
        self.cloudformation = CloudFormation(cloud)
        self.stack_sets = StackSets(cloud, self.organizations, self.cloudformation)
        self.stack_sets.may_deploy = self.permissions.may_deploy
        self.quick = Quick(cloud, self.sts, self.iam)
        self.functions = Functions(
            cloud,
            folder=PROJECT / "functions",
            environment={"CONSUMER_DIRECTORY": str(consumer_layer or PROJECT / "layers/consumer")},
        )
        self.step_functions = StepFunctions(cloud, self.functions)
        self.events.targets["states"] = self.step_functions.start_from_event
        self._operate()
        self.faults = Faults(cloud)
        self.outputs: dict[str, str] = {}

    def _operate(self) -> None:
        """Queues, topics, schedules, asynchronous invocations, metrics and alarms."""
        cloud = self.cloud
        self.sqs, self.sns = Sqs(cloud), Sns(cloud)
        self.asynchronous = Asynchronous(cloud, self.functions)
        self.scheduler = Scheduler(cloud, self.sts)
        self.metrics = Metrics(cloud.clock)
        self.alarms = Alarms(cloud, self.metrics, self.sns)
        self.queries = Queries(cloud, self.metrics)
        counted = Sources(self.metrics)
        self.step_functions.listeners.append(counted.execution)
        self.events.watchers.append(counted.event)
        self.scheduler.watchers.append(counted.schedule)
        self.functions.watchers.append(counted.function)
        self.functions.log.embedded.append(counted.embedded)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give moto back as it was."""
        self.sqs.close()
        self.cloud.gateway.uninstall()
        self._mock.stop()

    def found(self) -> None:
        """The organization, its hub as StackSets' delegated administrator, and Quick's groups."""
        place = self.cloud.landscape
        self.organizations.found()
        with self.cloud.administering(place.management):
            organizations = self.cloud.client("organizations", ORGANIZATIONS_REGION)
            organizations.enable_aws_service_access(ServicePrincipal=STACKSETS_PRINCIPAL)
            organizations.register_delegated_administrator(AccountId=place.hub, ServicePrincipal=STACKSETS_PRINCIPAL)
        with self.cloud.administering(place.hub):
            for group in self._groups():
                self.cloud.client("quicksight").create_group(
                    AwsAccountId=place.hub, Namespace="default", GroupName=group
                )

    def deploy(self, **parameters: str) -> dict[str, str]:
        """Deploy the boundaries, template.yaml to the hub, stacks/forwarding.yaml to the management account.

        Answers the hub's outputs.

        Further parameters of the hub by name: `deploy(GracePeriodDays="0")`.
        """
        place = self.cloud.landscape
        self._deploy_boundaries()
        parameters = {
            "ManagementAccountId": place.management,
            "ForwardingAccounts": place.management,
            "OrganizationId": self.organizations.organization_id,
            "OrganizationRootId": self.organizations.root_id,
            **parameters,
        }
        self.outputs = deploy(
            self.cloud, place.hub, place.region, PROJECT / "template.yaml", "quick-onboarding", parameters
        )
        deploy(
            self.cloud,
            place.management,
            ORGANIZATIONS_REGION,
            PROJECT / "stacks/forwarding.yaml",
            "quick-onboarding-forwarding",
            {"HubBusArn": self.outputs["HubBusArn"]},
        )
        self.iam.settle()  # a deployment is long ago when the first account is tagged
        return self.outputs

    def warm_up(self) -> None:
        """Load what was deployed now, so that what starts from here need not: nothing else of the world changes."""
        place = self.cloud.landscape
        self.functions.load(place.hub, place.region)
        self.step_functions.load(place.hub, place.region)

    def _deploy_boundaries(self) -> None:
        """What an administrator deploys beforehand, in both accounts."""
        place = self.cloud.landscape
        template, parameters = PROJECT / "stacks/boundaries.yaml", {"HubAccountId": place.hub}
        for account in (place.hub, place.management):
            deploy(self.cloud, account, place.region, template, "quick-onboarding-boundaries", parameters)

    def tag(self, account_id: str, value: str) -> None:
        """Tag an account as an administrator of the management account would."""
        with self.cloud.administering(self.cloud.landscape.management):
            self.cloud.client("organizations", ORGANIZATIONS_REGION).tag_resource(
                ResourceId=account_id, Tags=[{"Key": OPT_IN_TAG, "Value": value}]
            )

    def untag(self, account_id: str) -> None:
        """Take the opt-in tag away."""
        with self.cloud.administering(self.cloud.landscape.management):
            self.cloud.client("organizations", ORGANIZATIONS_REGION).untag_resource(
                ResourceId=account_id, TagKeys=[OPT_IN_TAG]
            )

    def create_account(self, name: str, tag: str | None = None) -> str:
        """CreateAccount, with the opt-in tag or without; answers the request's id, the account comes later."""
        tags = [{"Key": OPT_IN_TAG, "Value": tag}] if tag else []
        with self.cloud.administering(self.cloud.landscape.management):
            answer = self.cloud.client("organizations", ORGANIZATIONS_REGION).create_account(
                Email=f"{name}@example.com", AccountName=name, Tags=tags
            )
        return str(answer["CreateAccountStatus"]["Id"])

    def created_account(self, request: str) -> str | None:
        """The account a CreateAccount request made, once it is there."""
        with self.cloud.administering(self.cloud.landscape.management):
            status = self.cloud.client("organizations", ORGANIZATIONS_REGION).describe_create_account_status(
                CreateAccountRequestId=request
            )["CreateAccountStatus"]
        found: str | None = status.get("AccountId")
        return found

    def has_data_source(self, account_id: str, profile: str = "default") -> bool:
        """Whether Quick has the connection's data source."""
        hub = self.cloud.landscape.hub
        with self.cloud.administering(hub):
            pages = self.cloud.client("quicksight").get_paginator("list_data_sources").paginate(AwsAccountId=hub)
            ids = {source["DataSourceId"] for page in pages for source in page["DataSources"]}
        return f"quick-athena-{account_id}-{profile}" in ids

    def records(self) -> list[dict[str, Any]]:
        """Everything in the registry, as plain values."""
        with self.cloud.administering(self.cloud.landscape.hub):
            pages = (
                self.cloud.client("dynamodb")
                .get_paginator("scan")
                .paginate(TableName=self.outputs["RegistryTableName"])
            )
            items = [item for page in pages for item in page["Items"]]
        read = TypeDeserializer().deserialize
        return [{name: read(value) for name, value in item.items()} for item in items]

    def last_sweep(self) -> dict[str, Any]:
        """What the last sweep reported; what is not in it is nothing."""
        found = next(each for each in self.records() if (each["pk"], each["sk"]) == ("report", "last"))
        report: dict[str, Any] = json.loads(found["value"])
        return report

    def empty_registry(self) -> None:
        """Everything that is remembered is gone."""
        table: Any = self.boto3_session(self.cloud.landscape.hub).resource("dynamodb")
        registry = table.Table(self.outputs["RegistryTableName"])
        for record in self.records():
            registry.delete_item(Key={"pk": record["pk"], "sk": record["sk"]})

    def record(self, account_id: str, profile: str = "default") -> dict[str, Any] | None:
        """One connection's record, or None."""
        key = (f"account#{account_id}", f"connection#{profile}")
        return next((record for record in self.records() if (record["pk"], record["sk"]) == key), None)

    def allowed_roles(self) -> list[str]:
        """Every consumer role the access policy allows, as IAM has it."""
        with self.cloud.administering(self.cloud.landscape.hub):
            iam = self.cloud.client("iam")
            attached = iam.list_attached_role_policies(RoleName="quick-athena-run-as")["AttachedPolicies"]
            documents = [_document(iam, policy["PolicyArn"]) for policy in attached]
        return sorted(role for document in documents for role in _resources(document))

    def boto3_session(self, account_id: str) -> boto3.Session:
        """An administrator's own boto3 session in an account."""
        credentials: Any = self.cloud.identities.administrator(account_id).credentials()
        return boto3.Session(region_name=self.cloud.landscape.region, **credentials)

    def client_of(self, session: Session, service: str) -> Any:
        """A boto3 client that signs as one session, whoever acts."""
        credentials: Any = session.credentials()
        return boto3.Session(region_name=self.cloud.landscape.region, **credentials).client(cast(Any, service))

    def _groups(self) -> set[str]:
        profiles = yaml.safe_load((PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8"))["profiles"]
        return {group for profile in profiles.values() for group in (*profile["owners"], *profile.get("viewers", []))}


def _document(iam: Any, arn: str) -> Mapping[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: Mapping[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document


def _resources(document: Mapping[str, Any]) -> list[str]:
    return [resource for statement in document["Statement"] for resource in statement["Resource"]]
