"""Profiles: named, reviewed sets of what a connection exposes, read from the file an operator edits."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from control_plane import contradictions, lake_grants
from control_plane.account import RESERVED, Hub, ProfileName, RunAsRole
from control_plane.contradictions import ACCOUNT, ATHENAS_OWN, DISPLAYED, NONE, OU
from control_plane.errors import InvalidProfiles, ProfileNotOffered
from control_plane.text import first

PARAMETER_BYTES = 4096  # CloudFormation's limit for one parameter value
COST_TAGS = 5  # the template has so many places for them: without a transform it can't have a list
SMALLEST_LIMIT = 10_000_000  # Athena's own: botocore's model of athena, BytesScannedCutoffValue
PUBLISHER_PLACES = tuple(f"Publisher{number}" for number in range(1, 11))  # the template has so many places for them
OF_PUBLISHERS = (  # the parameters that publications.py fills in
    *PUBLISHER_PLACES,
    "PublisherAccounts",
    "PublishedDatabaseArns",
    "PublishedDataArns",
    "PublishedKeyAliases",
)

# A name or a pattern of at least three characters (or the account's id) before its first wildcard: never everything.
START = r"([a-z0-9.-]{3}|[a-z0-9.-]{0,2}\{account\})"
NAME = r"([a-z0-9_.-]{1,2}|[a-z0-9_.-]{3}[a-z0-9_.*-]*)"
DATABASE = f"^{NAME}$"
TABLE = f"^{NAME}/[a-z0-9_.*-]+$"
BUCKET = "^" + START + r"([a-z0-9.*-]|\{account\})*(/[A-Za-z0-9_!.*'()=-]+)*$"
LOCATION = "^s3://" + START + r"([a-z0-9.-]|\{account\})*(/[A-Za-z0-9_!.'()=-]+)*/$"
ALIAS = r"^alias/[A-Za-z0-9_/-]+$"
# Written out, because \w{1,128} takes pydantic a tenth of a second to compile: it means the letters of all alphabets.
WORD = r"^[A-Za-z0-9_.-]{1,128}$"  # Athena's own pattern: botocore's model of athena, WorkGroupName
GROUP = r"^[\x20-\xff]{1,128}$"  # Quick's own pattern: botocore's model of quicksight, GroupName
MEMBER = r"^[0-9]{12}$"
PARENT = r"^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$"
READER = r"^([0-9]{12}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$"
COLUMN = r"^[a-z0-9_.-]{1,255}$"
PROOF_TABLE = r"^[a-z0-9_-]{1,255}\.[a-z0-9_-]{1,255}$"
CATALOG = r"^[A-Za-z0-9_@.-]{1,128}$"
BOUNDARY = r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$"
FOLDER = r"^[A-Za-z0-9_-]+$"
TAG_KEY = r"^[A-Za-z0-9 _.:/+@-]+$"
TAG_VALUE = r"^[A-Za-z0-9 _.:/+@-]*$"
DISPLAY_NAME = r"^([^{}\x00-\x1f]|\{account\}|\{account_name\}|\{ou\}|\{profile\})+$"
Pattern = Annotated[str, StringConstraints(pattern=DATABASE)]
Table = Annotated[str, StringConstraints(pattern=TABLE)]
Columns = Annotated[list[Annotated[str, StringConstraints(pattern=COLUMN)]], Field(min_length=1)]
Bucket = Annotated[str, StringConstraints(pattern=BUCKET)]
Alias = Annotated[str, StringConstraints(pattern=ALIAS)]
Member = Annotated[str, StringConstraints(pattern=MEMBER)]
Parent = Annotated[str, StringConstraints(pattern=PARENT)]
Reader = Annotated[str, StringConstraints(pattern=READER)]
Group = Annotated[str, StringConstraints(pattern=GROUP)]
TagKey = Annotated[str, StringConstraints(pattern=TAG_KEY, max_length=128)]
TagValue = Annotated[str, StringConstraints(pattern=TAG_VALUE, max_length=256)]

NARROW = "at least three characters{} before its first *, so that it never means everything"
RULES = {  # the message for each pattern a value does not match
    DATABASE: f"no database: lower-case letters, digits, _ . - *, with {NARROW.format('')}",
    TABLE: f"no table: database/table in lower-case letters, digits, _ . - *; the database with {NARROW.format('')}",
    BUCKET: f"no bucket or bucket/prefix: with {NARROW.format(' or {account}')}",
    LOCATION: "no place for results: s3://bucket/prefix/ with its last slash, without *",
    ALIAS: "no key alias: alias/name, without *",
    WORD: "no name: 1 to 128 letters, digits, _ . -",
    GROUP: "no group or user: 1 to 128 characters that Quick takes, from space to \xff (Latin letters, digits, signs)",
    MEMBER: "no account: 12 digits, in quotes",
    PARENT: "no OU and no root: an id as ou-ab12-consumers1 or r-ab12",
    READER: "no account (12 digits, in quotes), no OU and no root (an id as ou-ab12-consumers1 or r-ab12)",
    COLUMN: "no column: 1 to 255 lower-case letters, digits, _ . -",
    PROOF_TABLE: "no table: database.table, in lower-case letters, digits, _ -",
    CATALOG: "no catalog: 1 to 128 letters, digits, _ @ . -",
    BOUNDARY: "no policy: the name of a managed policy, with its path if it has one (path/name), without *",
    FOLDER: "no folder: its id (not its name), letters, digits, _ -",
    TAG_KEY: "no key of a tag: letters, digits, spaces, _ . : / + @ -",
    TAG_VALUE: "no value of a tag: letters, digits, spaces, _ . : / + @ -",
    DISPLAY_NAME: "no name: text with {account}, {account_name}, {ou} and {profile}, no other braces",
}
FAULT_TEXTS = {  # our messages for the error types of pydantic
    "missing": "is missing",
    "extra_forbidden": "is a key nobody knows",
    "model_type": "should be keys with values",
    "dict_type": "should be keys with values",
    "too_short": "needs at least one",
    "too_long": "has too many",
    "literal_error": "should be workgroup, databases, buckets or groups",
    "int_type": "should be a number",
    "greater_than_equal": f"is too small: Athena takes no limit below {SMALLEST_LIMIT} bytes",
}


class Profile(BaseModel):
    """What one connection exposes, and to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    description: str = Field(min_length=1, description="What it exposes, for whoever chooses a profile.")
    databases: list[Pattern] = Field(
        min_length=1, description="Glue databases, by name or pattern (three characters before its first `*`)."
    )
    tables: list[Table] = Field(
        [],
        description="`database/table`: of that database (written as in `databases`) these tables only. Patterns too.",
    )
    data_buckets: list[Bucket] = Field(
        [],
        description="S3 buckets, or bucket/prefix, with the data. One named with `{account}` (the account's id) must "
        "belong to the consumer account, every other one to the organization.",
    )
    catalog: str = Field(ATHENAS_OWN, pattern=CATALOG, description="The Athena data catalog that holds the databases.")
    work_group: str | None = Field(
        None,
        pattern=WORD,
        description="An existing Athena workgroup. Without it one is made in each account, with a bucket for results. "
        "It enforces where they go and how they are encrypted.",
    )
    results_location: str | None = Field(
        None,
        pattern=LOCATION,
        description="`s3://bucket/prefix/`: where the existing workgroup puts its results. The bucket must belong to "
        "the consumer account; only what is below the prefix can be written.",
    )
    results_key_alias: Alias | None = Field(
        None, description="Alias of a KMS key for the results of the workgroup we make. Without it S3's own keys."
    )
    bytes_scanned_limit: int | None = Field(
        None,
        ge=SMALLEST_LIMIT,
        strict=True,
        description="How many bytes a query may scan before Athena stops it, in the workgroup we make.",
    )
    cost_tags: dict[TagKey, TagValue] = Field(
        {}, max_length=COST_TAGS, description="Cost-allocation tags of the workgroup and the results bucket we make."
    )
    kms_key_aliases: list[Alias] = Field(
        [], description="Aliases of the KMS keys with which the data or the results are encrypted."
    )
    lake_formation: bool = Field(
        default=False, description="Tables that Lake Formation governs may be read: `lakeformation:GetDataAccess`."
    )
    lake_formation_grants: bool = Field(
        default=False,
        description="Each account's stack grants the consumer role in Lake Formation: DESCRIBE on the `databases`, "
        "SELECT on all their tables, or on the `tables`. StackSets' role must be a data lake administrator there.",
    )
    lake_formation_columns: dict[Table, Columns] = Field(
        {}, description="Of these `tables` the grant is of these columns only: `database/table: [column, ...]`."
    )
    permissions_boundary: str | None = Field(
        None,
        pattern=BOUNDARY,
        description="A managed policy of the consumer account (`name` or `path/name`): the consumer role's boundary in "
        "place of ours.",
    )
    owners: list[Group] = Field([], description="Quick groups that may change and share the data source.")
    owner_users: list[Group] = Field([], description="Quick users that may do the same.")
    viewers: list[Group] = Field([], description="Quick groups that may use the data source.")
    viewer_users: list[Group] = Field([], description="Quick users that may use it.")
    folder: str | None = Field(
        None,
        pattern=FOLDER,
        description="Id of a shared folder of Quick, in the hub's Region, that gets the data source.",
    )
    display_name: str = Field(
        DISPLAYED,
        pattern=DISPLAY_NAME,
        max_length=128,
        description="The data source's name in Quick. `{account}`, `{account_name}`, `{ou}` (the name of the account's "
        "OU) and `{profile}` are filled in. Long names are cut, so that all fits in 128 characters.",
    )
    accounts: list[Member] = Field([], description="Accounts that may have the profile, besides those in `units`.")
    units: list[Parent] = Field(
        [],
        description="OUs, or the root: every account below may have the profile. With neither `accounts` nor `units`, "
        "every account may.",
    )
    accounts_may_widen: list[Literal["workgroup", "databases", "buckets", "groups"]] = Field(
        [],
        description="What an account's own tag may name although the profile does not have it. Without it such a tag "
        "narrows only.",
    )
    run_as_role: RunAsRole = Field(
        1, description="Number of the hub's run-as role that may assume the consumer roles (parameter `RunAsRoles`)."
    )
    proof_table: str | None = Field(
        None,
        pattern=PROOF_TABLE,
        description="`database.table`: a proof opens this table, and with it its bucket, its key and Lake Formation. "
        "Without it a proof runs `SELECT 1`.",
    )
    publishes_to: list[Reader] = Field(
        [],
        description="Accounts, OUs or the root: every connected account of the profile publishes its databases to the "
        "connected accounts among them. The owner adds the statements that `quickctl mesh statements` prints.",
    )
    publishes: list[Pattern] = Field(
        [], description="Which of the `databases` (written the same) it publishes. Without it all of them."
    )

    @property
    def published(self) -> list[str]:
        """The databases that other accounts may read; none when it publishes to nobody."""
        return (self.publishes or self.databases) if self.publishes_to else []

    @property
    def proof_path(self) -> list[str]:
        """The names that lead to the table a proof reads. Athena's own catalog goes without saying."""
        catalog = [] if self.catalog == ATHENAS_OWN else [self.catalog]
        return [*catalog, *(self.proof_table or "").split(".")]

    def work_group_name(self, name: str) -> str:
        """The Athena workgroup queries run in; ours carries the profile's name."""
        return self.work_group or f"quick-athena-{name}"

    def check_offer(self, name: str, account_id: str, above: Sequence[str]) -> None:
        """Raise ProfileNotOffered unless an account with these parents may have it. Naming nobody offers it to all."""
        if not self.accounts and not self.units:
            return
        if account_id not in self.accounts and set(self.units).isdisjoint(above):
            units = [f"what is below {first(self.units, ' or ')}"] if self.units else []
            whom = " and to ".join([*([first(self.accounts)] if self.accounts else []), *units])
            raise ProfileNotOffered(
                f"profiles.yaml does not offer the profile {name!r} to this account, only to {whom}"
            )

    @property
    def needs_ou(self) -> bool:
        """Whether the name of the account's OU is part of the data source's name."""
        return OU in self.display_name

    def needs_parents(self, account_id: str) -> bool:
        """Whether one has to know the account's parents to say so."""
        return bool(self.units) and account_id not in self.accounts


class Profiles(BaseModel):
    """The whole file, by profile name."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    profiles: dict[ProfileName, Profile]

    def check_run_as_roles(self, hub: Hub) -> None:
        """Raise InvalidProfiles when a profile names a run-as role that was not deployed."""
        missing = [name for name, each in sorted(self.profiles.items()) if each.run_as_role > hub.run_as_roles]
        if missing:
            raise InvalidProfiles(
                f"profiles.yaml: {', '.join(missing)}: run_as_role is larger than {hub.run_as_roles}, "
                "the parameter RunAsRoles of the hub's stack"
            )


def load(path: Path) -> Profiles:
    """Read the profiles file, or raise InvalidProfiles with a message for every fault."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidProfiles(f"{path.name} can't be read: {error}") from error


def parse(text: str) -> Profiles:
    """Profiles from YAML text. InvalidProfiles names every fault of the text, not only those of one kind."""
    # Most functions never read the file.
    from control_plane import profiles_yaml, publications  # noqa: PLC0415

    content, faults = profiles_yaml.read(text)
    profiles = Profiles(profiles={})
    faulty: set[tuple[int | str, ...]] = set()
    try:
        profiles = Profiles.model_validate(content)
    except ValidationError as error:
        faulty = {fault["loc"][:3] for fault in error.errors()}
        faults += [": ".join((*_path(fault["loc"]), _fault_text(fault))) for fault in error.errors()]
    named = content.get("profiles") if isinstance(content, Mapping) else None
    if isinstance(named, Mapping):
        faults += _faults_of_names(named)
        for name, values in named.items():
            if isinstance(values, Mapping):
                valid = {key: value for key, value in values.items() if ("profiles", name, key) not in faulty}
                found = [*contradictions.of_profile(values), *_oversized(str(name), valid)]
                faults += [f"profiles.{name}: {fault}" for fault in found]
                faults += [f"profiles.{name}.{key}: {fault}" for key, fault in contradictions.of_values(values)]
    faults += [] if faults else publications.oversized(profiles.profiles)
    if faults:
        invalid = InvalidProfiles("profiles.yaml: " + "; ".join(faults))
        invalid.faults = tuple(faults)
        raise invalid
    return profiles


def _faults_of_names(profiles: Mapping[Any, Any]) -> Iterator[str]:
    if taken := sorted(set(RESERVED) & set(profiles)):
        yield f"{', '.join(taken)}: words of the opt-in tag are no profile names"
    if "default" not in profiles:
        yield "define the profile `default`: the tag value `enabled` means it"


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
    databases = [arn for name in profile.databases for arn in glue_arns(profile, name, hub)]
    results = _bucket_arn(hub, profile.results_location.removeprefix("s3://")) if profile.results_location else ""
    own = [_bucket_arn(hub, bucket) for bucket in profile.data_buckets if ACCOUNT in bucket]
    buckets = [_bucket_arn(hub, bucket) for bucket in profile.data_buckets if ACCOUNT not in bucket]
    values = {
        "Profile": name,
        "DeploymentId": hub.deployment_id,
        "HubAccountId": hub.account_id,
        "OrganizationId": hub.organization_id,
        "RunAsRoleArn": hub.run_as_role(profile.run_as_role),
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
        "ResultsKeyAlias": profile.results_key_alias or "",
        "BytesScannedLimit": str(profile.bytes_scanned_limit or ""),
        **_cost_tags(profile),
        "KmsKeyAliases": ",".join(profile.kms_key_aliases),
        "PermissionsBoundary": profile.permissions_boundary or "",
        "LakeFormation": str(profile.lake_formation).lower(),
        **lake_grants.as_parameters(_lake_grants(profile)),
        **dict.fromkeys(OF_PUBLISHERS, ""),
    }
    return {key: value or NONE for key, value in values.items()}


def glue_arns(profile: Profile, database: str, hub: Hub, account: str = "*") -> list[str]:
    """A database and its tables that may be read: those that the profile names, or all."""
    named = [each for each in profile.tables if each.split("/")[0] == database]
    kinds = [f"database/{database}", *(f"table/{each}" for each in named or (f"{database}/*",))]
    return [f"arn:{hub.partition}:glue:{hub.region}:{account}:{kind}" for kind in kinds]


def _lake_grants(profile: Profile) -> list[lake_grants.Grant]:
    """What Lake Formation is to grant to the consumer role."""
    if not profile.lake_formation_grants:
        return []
    return lake_grants.wanted(profile.databases, profile.tables, profile.lake_formation_columns)


def _cost_tags(profile: Profile) -> dict[str, str]:
    """One parameter for each tag: `key=value`. Neither of the two may contain the sign between them."""
    tags = [f"{key}={value}" for key, value in sorted(profile.cost_tags.items())]
    return {f"CostTag{number}": tag for number, tag in enumerate([*tags, *[""] * COST_TAGS][:COST_TAGS], start=1)}


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


def _oversized(name: str, valid: Mapping[str, Any]) -> Iterator[str]:
    """The parameters that would be too large, from those values of a profile that are valid."""
    known = {key: value for key, value in valid.items() if key in Profile.model_fields}
    profile = Profile.model_construct(**{"databases": [], "data_buckets": [], **known})
    if (count := len(_lake_grants(profile))) > lake_grants.PLACES:
        yield (
            f"lake_formation_grants would be {count} grants, and a stack has {lake_grants.PLACES} places: a database "
            "needs one, and one for all its tables or for each named table"
        )
    for parameter, value in parameters(name, profile, LONGEST).items():
        if len(value.encode()) > PARAMETER_BYTES:
            yield (
                f"{parameter} would be {len(value.encode())} bytes, CloudFormation takes {PARAMETER_BYTES}: "
                "name fewer databases or buckets, or use patterns"
            )


def main(path: Path) -> int:
    """Check a file before it is built: prints each fault in a line of its own."""
    try:
        load(path)
    except InvalidProfiles as invalid:
        several = [f"{path.name} has {len(invalid.faults)} faults:", *(f"  - {fault}" for fault in invalid.faults)]
        lines = several if len(invalid.faults) > 1 else [str(invalid)]
        sys.stderr.write("InvalidProfiles: " + "\n".join(lines) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
