"""Profiles: named, reviewed sets of what a connection exposes, read from the file an operator edits."""

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from control_plane.account import RESERVED, Hub, ProfileName
from control_plane.errors import InvalidProfiles

PARAMETER_BYTES = 4096  # CloudFormation's limit for one parameter value
ACCOUNT = "{account}"  # in a bucket's name: the consumer account's id

# A name or a pattern of at least three characters (or the account's id) before its first wildcard: never everything.
START = r"([a-z0-9.-]{3}|[a-z0-9.-]{0,2}\{account\})"
Pattern = Annotated[str, StringConstraints(pattern=r"^([a-z0-9_.-]{1,2}|[a-z0-9_.-]{3}[a-z0-9_.*-]*)$")]
Bucket = Annotated[str, StringConstraints(pattern="^" + START + r"([a-z0-9.*-]|\{account\})*(/[\w!.*'()=-]+)*$")]
Alias = Annotated[str, StringConstraints(pattern=r"^alias/[\w/-]+$")]
Group = Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,128}$")]


class Profile(BaseModel):
    """What one connection exposes, and to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field(min_length=1)
    databases: list[Pattern] = Field(min_length=1)
    data_buckets: list[Bucket] = []
    catalog: str = Field("AwsDataCatalog", pattern=r"^[\w@.-]{1,128}$")
    work_group: str | None = Field(None, pattern=r"^[\w.-]{1,128}$")
    results_location: str | None = Field(
        None, pattern="^s3://" + START + r"([a-z0-9.-]|\{account\})*(/[\w!.'()=-]+)*/$"
    )
    kms_key_aliases: list[Alias] = []
    lake_formation: bool = False
    owners: list[Group] = Field(min_length=1, max_length=32)
    viewers: list[Group] = Field([], max_length=31)

    @model_validator(mode="after")
    def _work_group_and_results_go_together(self) -> Self:
        if (self.work_group is None) != (self.results_location is None):
            raise ValueError("give both work_group and results_location (existing ones), or neither (we make them)")
        return self

    @model_validator(mode="after")
    def _data_is_named(self) -> Self:
        if not self.data_buckets and not self.lake_formation:
            raise ValueError("name data_buckets, or set lake_formation: true; otherwise no query can read anything")
        return self

    def work_group_name(self, name: str) -> str:
        """The Athena workgroup queries run in; ours carries the profile's name."""
        return self.work_group or f"quick-athena-{name}"


class Profiles(BaseModel):
    """The whole file, by profile name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profiles: dict[ProfileName, Profile]

    @model_validator(mode="after")
    def _names_are_not_words_of_the_tag(self) -> Self:
        taken = sorted(set(RESERVED) & set(self.profiles))
        if taken:
            raise ValueError(f"{', '.join(taken)}: words of the opt-in tag are no profile names")
        return self

    @model_validator(mode="after")
    def _there_is_a_default(self) -> Self:
        if "default" not in self.profiles:
            raise ValueError("define the profile `default`: the tag value `enabled` means it")
        return self


def load(path: Path) -> Profiles:
    """Read the profiles file, or raise InvalidProfiles with every fault in words."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidProfiles(f"{path.name} can't be read: {error}") from error


def parse(text: str) -> Profiles:
    """Profiles from YAML text."""
    try:
        profiles = Profiles.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise InvalidProfiles(f"profiles.yaml is not YAML: {error}") from error
    except ValidationError as error:
        faults = (": ".join((*_place(fault["loc"]), fault["msg"])) for fault in error.errors())
        raise InvalidProfiles("profiles.yaml: " + "; ".join(faults)) from error
    for name, profile in profiles.profiles.items():
        _check_sizes(name, profile)
    return profiles


def _place(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Where a fault is: nothing when it is the whole file's."""
    return (".".join(map(str, location)),) if location else ()


def parameters(name: str, profile: Profile, hub: Hub) -> dict[str, str]:
    """A profile as the parameters of consumer_role.yaml.

    Equal for every account, so that accounts of one profile share one stack set operation; lists are joined
    in one string. An account's own id in a bucket's name becomes IAM's policy variable.
    """
    glue = f"arn:{hub.partition}:glue:{hub.region}:*"
    databases = [f"{glue}:{kind}" for d in profile.databases for kind in (f"database/{d}", f"table/{d}/*")]
    results = _bucket_arn(hub, profile.results_location.removeprefix("s3://")) if profile.results_location else ""
    buckets = [_bucket_arn(hub, bucket) for bucket in profile.data_buckets]
    return {
        "Profile": name,
        "DeploymentId": hub.deployment_id,
        "HubAccountId": hub.account_id,
        "OrganizationId": hub.organization_id,
        "RunAsRoleArn": hub.run_as_role_arn,
        "ExternalIdMatch": hub.external_id_match,
        "Catalog": profile.catalog,
        "WorkGroup": profile.work_group or "",
        "DatabaseArns": ",".join(databases),
        "DataBucketArns": ",".join(sorted({bucket.split("/")[0] for bucket in buckets})),
        "DataObjectArns": ",".join(f"{bucket}/*" for bucket in buckets),
        "ResultsBucketArn": results.split("/")[0],
        "ResultsObjectArns": f"{results.rstrip('/')}/*" if results else "",
        "KmsKeyAliases": ",".join(profile.kms_key_aliases),
        "LakeFormation": str(profile.lake_formation).lower(),
    }


def _bucket_arn(hub: Hub, bucket: str) -> str:
    return f"arn:{hub.partition}:s3:::" + bucket.replace(ACCOUNT, "${aws:PrincipalAccount}")


LONGEST = Hub(
    account_id="0" * 12,
    management_account_id="0" * 12,
    region="ap-southeast-99",
    partition="aws-us-gov",
    organization_id="o-" + "0" * 32,
    root_id="r-0000",
    run_as_role_arn="arn:aws-us-gov:iam::000000000000:role/quick-athena-run-as",
    deployment_id="default",
)


def _check_sizes(name: str, profile: Profile) -> None:
    for parameter, value in parameters(name, profile, LONGEST).items():
        if len(value.encode()) > PARAMETER_BYTES:
            raise InvalidProfiles(
                f"profiles.yaml: profiles.{name}: {parameter} would be {len(value.encode())} bytes, CloudFormation "
                f"takes {PARAMETER_BYTES}: name fewer databases or buckets, or use patterns"
            )
