"""The organization the product is tried in: the embedded AWS with Quick Onboarding deployed into its hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from boto3.dynamodb.types import TypeDeserializer

from sandbox import product
from sandbox.aws import ORGANIZATIONS_REGION, EmbeddedAws, deploy
from sandbox.handlers import ArchiveHandlers, FolderHandlers
from sandbox.product import OPT_IN_TAG, PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.aws import Clock, Topology

__all__ = ["OPT_IN_TAG", "PROJECT", "Sandbox"]

TRAIL = "organization"
STACKSETS_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"


class Sandbox(EmbeddedAws):
    """An AWS organization in this process, and what one does in it: deploy Quick Onboarding, tag accounts, look."""

    def __init__(
        self,
        clock: Clock,
        consumer_layer: Path | None = None,
        topology: Topology | None = None,
        archives: Path | None = None,
    ) -> None:
        """`archives`: where to unpack functions, as uploaded last; without it they are the project's own files."""
        self._consumer_layer = consumer_layer or product.CONSUMER_LAYER
        if archives:
            super().__init__(clock, ArchiveHandlers(archives, "CONSUMER_DIRECTORY"), {}, topology)
        else:
            handlers = FolderHandlers(product.FUNCTIONS, cold_packages=[product.PACKAGE])
            super().__init__(clock, handlers, {"CONSUMER_DIRECTORY": str(self._consumer_layer)}, topology)
        self.outputs: dict[str, str] = {}

    def create_organization(self) -> None:
        """The organization, its hub as StackSets' delegated administrator, and Quick's groups."""
        place = self.cloud.topology
        self.organizations.create_organization()
        with self.cloud.administering(place.management):
            organizations = self.cloud.client("organizations", ORGANIZATIONS_REGION)
            organizations.enable_aws_service_access(ServicePrincipal=STACKSETS_PRINCIPAL)
            organizations.register_delegated_administrator(AccountId=place.hub, ServicePrincipal=STACKSETS_PRINCIPAL)
        with self.cloud.administering(place.hub):
            for group in self._groups():
                self.cloud.client("quicksight").create_group(
                    AwsAccountId=place.hub, Namespace="default", GroupName=group
                )

    def create_trail(self) -> None:
        """An organization's trail of management events, without which AWS would report no change to anybody."""
        with self.cloud.administering(self.cloud.topology.management):
            bucket = f"trail-{self.cloud.topology.management}"
            self.cloud.client("s3", ORGANIZATIONS_REGION).create_bucket(Bucket=bucket)
            trails = self.cloud.client("cloudtrail", ORGANIZATIONS_REGION)
            trails.create_trail(Name=TRAIL, S3BucketName=bucket, IsMultiRegionTrail=True, IsOrganizationTrail=True)
            trails.start_logging(Name=TRAIL)

    def deploy(self, **parameters: str) -> dict[str, str]:
        """Deploy the boundaries, template.yaml to the hub, stacks/forwarding.yaml to the management account.

        Answers the hub's outputs.

        Further parameters of the hub by name: `deploy(GracePeriodDays="0")`.
        """
        place = self.cloud.topology
        self.deploy_boundaries()
        parameters = {
            "ManagementAccountId": place.management,
            "ForwardingAccounts": place.management,
            "OrganizationId": self.organizations.organization_id,
            "OrganizationRootId": self.organizations.root_id,
            **parameters,
        }
        self.outputs = deploy(
            self.cloud,
            place.hub,
            place.region,
            PROJECT / "template.yaml",
            product.HUB_STACK,
            parameters,
            {product.CONSUMER_LAYER: self._consumer_layer},
        )
        deploy(
            self.cloud,
            place.management,
            ORGANIZATIONS_REGION,
            PROJECT / "stacks/forwarding.yaml",
            product.FORWARDING_STACK,
            {"HubBusArn": self.outputs["HubBusArn"]},
        )
        self.iam.settle()  # a deployment is long ago when the first account is tagged
        return self.outputs

    def warm_up(self) -> None:
        """Load what was deployed now, so that what starts from here need not: nothing else of the world changes."""
        place = self.cloud.topology
        self.functions.load(place.hub, place.region)
        self.step_functions.load(place.hub, place.region)

    def deploy_boundaries(self) -> None:
        """What an administrator deploys beforehand, in both accounts."""
        place = self.cloud.topology
        template, parameters = PROJECT / "stacks/boundaries.yaml", {"HubAccountId": place.hub}
        for account in (place.hub, place.management):
            deploy(self.cloud, account, place.region, template, product.BOUNDARIES_STACK, parameters)

    def tag(self, account_id: str, value: str) -> None:
        """Tag an account as an administrator of the management account would."""
        with self.cloud.administering(self.cloud.topology.management):
            self.cloud.client("organizations", ORGANIZATIONS_REGION).tag_resource(
                ResourceId=account_id, Tags=[{"Key": OPT_IN_TAG, "Value": value}]
            )

    def untag(self, account_id: str) -> None:
        """Take the opt-in tag away."""
        with self.cloud.administering(self.cloud.topology.management):
            self.cloud.client("organizations", ORGANIZATIONS_REGION).untag_resource(
                ResourceId=account_id, TagKeys=[OPT_IN_TAG]
            )

    def create_account(self, name: str, tag: str | None = None) -> str:
        """CreateAccount, with the opt-in tag or without; answers the request's id, the account comes later."""
        tags = [{"Key": OPT_IN_TAG, "Value": tag}] if tag else []
        with self.cloud.administering(self.cloud.topology.management):
            answer = self.cloud.client("organizations", ORGANIZATIONS_REGION).create_account(
                Email=f"{name}@example.com", AccountName=name, Tags=tags
            )
        return str(answer["CreateAccountStatus"]["Id"])

    def created_account(self, request: str) -> str | None:
        """The account a CreateAccount request made, once it is there."""
        with self.cloud.administering(self.cloud.topology.management):
            status = self.cloud.client("organizations", ORGANIZATIONS_REGION).describe_create_account_status(
                CreateAccountRequestId=request
            )["CreateAccountStatus"]
        found: str | None = status.get("AccountId")
        return found

    def has_data_source(self, account_id: str, profile: str = "default") -> bool:
        """Whether Quick has the connection's data source."""
        hub = self.cloud.topology.hub
        with self.cloud.administering(hub):
            pages = self.cloud.client("quicksight").get_paginator("list_data_sources").paginate(AwsAccountId=hub)
            ids = {source["DataSourceId"] for page in pages for source in page["DataSources"]}
        return product.data_source_id(account_id, profile) in ids

    def records(self) -> list[dict[str, Any]]:
        """Everything in the registry, as plain values."""
        with self.cloud.administering(self.cloud.topology.hub):
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
        table: Any = self.boto3_session(self.cloud.topology.hub).resource("dynamodb")
        registry = table.Table(self.outputs["RegistryTableName"])
        for record in self.records():
            registry.delete_item(Key={"pk": record["pk"], "sk": record["sk"]})

    def record(self, account_id: str, profile: str = "default") -> dict[str, Any] | None:
        """One connection's record, or None."""
        key = (f"account#{account_id}", f"connection#{profile}")
        return next((record for record in self.records() if (record["pk"], record["sk"]) == key), None)

    def allowed_roles(self, run_as_role: int = 1) -> list[str]:
        """Every consumer role that a run-as role may assume, as IAM has it."""
        name = product.RUN_AS_ROLE if run_as_role == 1 else f"{product.RUN_AS_ROLE}-{run_as_role}"
        with self.cloud.administering(self.cloud.topology.hub):
            iam = self.cloud.client("iam")
            attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            documents = [_document(iam, policy["PolicyArn"]) for policy in attached]
        return sorted(role for document in documents for role in _resources(document))

    def _groups(self) -> set[str]:
        profiles = yaml.safe_load((product.CONSUMER_LAYER / "profiles.yaml").read_text(encoding="utf-8"))["profiles"]
        return {group for profile in profiles.values() for group in (*profile["owners"], *profile.get("viewers", []))}


def _document(iam: Any, arn: str) -> Mapping[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: Mapping[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document


def _resources(document: Mapping[str, Any]) -> list[str]:
    return [resource for statement in document["Statement"] for resource in statement["Resource"]]
