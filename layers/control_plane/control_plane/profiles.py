"""Profiles: named, reviewed sets of what a connection exposes, read from the file an operator edits."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from control_plane.account import RESERVED, Hub, ProfileName
from control_plane.errors import InvalidProfiles

PARAMETER_BYTES = 4096  # CloudFormation's limit for one parameter value
ACCOUNT = "{account}"  # placeholder in a bucket's name: the consumer account's id
NONE = "none"  # a parameter without a value: CloudFormation may not accept an empty one

# A name or a pattern of at least three characters (or the account's id) before its first wildcard: never everything.
START = r"([a-z0-9.-]{3}|[a-z0-9.-]{0,2}\{account\})"
DATABASE = r"^([a-z0-9_.-]{1,2}|[a-z0-9_.-]{3}[a-z0-9_.*-]*)$"
BUCKET = "^" + START + r"([a-z0-9.*-]|\{account\})*(/[\w!.*'()=-]+)*$"
LOCATION = "^s3://" + START + r"([a-z0-9.-]|\{account\})*(/[\w!.'()=-]+)*/$"
ALIAS = r"^alias/[\w/-]+$"
WORD = r"^[\w.-]{1,128}$"
GROUP = r"^[\x20-\xff]{1,128}$"  # Quick's own pattern: botocore's model of quicksight, GroupName
CATALOG = r"^[\w@.-]{1,128}$"
Pattern = Annotated[str, StringConstraints(pattern=DATABASE)]
Bucket = Annotated[str, StringConstraints(pattern=BUCKET)]
Alias = Annotated[str, StringConstraints(pattern=ALIAS)]
Group = Annotated[str, StringConstraints(pattern=GROUP)]

NARROW = "at least three characters{} before its first *, so that it never means everything"
RULES = {  # the message for each pattern a value does not match
    DATABASE: f"no database: lower-case letters, digits, _ . - *, with {NARROW.format('')}",
    BUCKET: f"no bucket or bucket/prefix: with {NARROW.format(' or {account}')}",
    LOCATION: "no place for results: s3://bucket/prefix/ with its last slash, without *",
    ALIAS: "no key alias: alias/name, without *",
    WORD: "no name: 1 to 128 letters, digits, _ . -",
    GROUP: "no group: 1 to 128 characters that Quick takes, from space to \xff (Latin letters, digits, signs)",
    CATALOG: "no catalog: 1 to 128 letters, digits, _ @ . -",
}
FAULT_TEXTS = {  # our messages for the error types of pydantic
    "missing": "is missing",
    "extra_forbidden": "is a key nobody knows",
    "model_type": "should be keys with values",
    "dict_type": "should be keys with values",
    "too_short": "needs at least one",
}


class Profile(BaseModel):
    """What one connection exposes, and to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field(min_length=1)
    databases: list[Pattern] = Field(min_length=1)
    data_buckets: list[Bucket] = []
    catalog: str = Field("AwsDataCatalog", pattern=CATALOG)
    work_group: str | None = Field(None, pattern=WORD)
    results_location: str | None = Field(None, pattern=LOCATION)
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
    def _no_value_is_the_word_for_none(self) -> Self:
        if self.work_group == NONE:
            raise ValueError(f"work_group can't be `{NONE}`: consumer_role.yaml reads that word as no workgroup")
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
    """Read the profiles file, or raise InvalidProfiles with a message for every fault."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidProfiles(f"{path.name} can't be read: {error}") from error


def parse(text: str) -> Profiles:
    """Profiles from YAML text."""
    try:
        profiles = Profiles.model_validate(_read(text))
    except ValidationError as error:
        faults = (": ".join((*_path(fault["loc"]), _fault_text(fault))) for fault in error.errors())
        raise InvalidProfiles("profiles.yaml: " + "; ".join(faults)) from error
    for name, profile in profiles.profiles.items():
        _check_sizes(name, profile)
    return profiles


class Loader(yaml.SafeLoader):
    """A YAML loader that refuses duplicate keys: plain YAML would silently use the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        """A mapping whose keys are all different."""
        names = [key.value for key, _ in node.value]
        if twice := sorted({name for name in names if isinstance(name, str) and names.count(name) > 1}):
            raise yaml.constructor.ConstructorError(None, None, f"{', '.join(twice)} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _read(text: str) -> Any:
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader that is stricter
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an invalid date
        raise InvalidProfiles(f"profiles.yaml is not YAML we can read: {' '.join(str(error).split())}") from error


def _path(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """The path of a fault in the file; empty when it concerns the whole file."""
    return (".".join(map(str, location)),) if location else ()


def _fault_text(fault: Mapping[str, Any]) -> str:
    """A message for a fault that says what to write instead."""
    if rule := RULES.get(fault.get("ctx", {}).get("pattern", "")):
        return f"{fault['input']!r} is {rule}"
    if fault["loc"][-1:] == ("[key]",):
        return f"{fault['input']!r} is no profile name (lower-case letters, digits, hyphens)"
    return FAULT_TEXTS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")


def parameters(name: str, profile: Profile, hub: Hub) -> dict[str, str]:
    """A profile as the parameters of consumer_role.yaml.

    They are the same for every account, so that the accounts of a profile share one stack set operation. Lists are
    joined into one string. The account id in a bucket's name becomes IAM's policy variable. No value is ever empty.
    """
    glue = f"arn:{hub.partition}:glue:{hub.region}:*"
    databases = [f"{glue}:{kind}" for d in profile.databases for kind in (f"database/{d}", f"table/{d}/*")]
    results = _bucket_arn(hub, profile.results_location.removeprefix("s3://")) if profile.results_location else ""
    own = [_bucket_arn(hub, bucket) for bucket in profile.data_buckets if ACCOUNT in bucket]
    buckets = [_bucket_arn(hub, bucket) for bucket in profile.data_buckets if ACCOUNT not in bucket]
    values = {
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
        "OwnDataBucketArns": ",".join(sorted({bucket.split("/")[0] for bucket in own})),
        "OwnDataObjectArns": ",".join(f"{bucket}/*" for bucket in own),
        "ResultsBucketArn": results.split("/")[0],
        "ResultsObjectArns": f"{results.rstrip('/')}/*" if results else "",
        "KmsKeyAliases": ",".join(profile.kms_key_aliases),
        "LakeFormation": str(profile.lake_formation).lower(),
    }
    return {key: value or NONE for key, value in values.items()}


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
