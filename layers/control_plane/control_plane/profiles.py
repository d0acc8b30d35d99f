"""Profiles: named, reviewed sets of what a connection exposes, read from the file an operator edits."""

import sys
from collections.abc import Hashable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from control_plane.account import RESERVED, Hub, ProfileName, RunAsRole
from control_plane.errors import InvalidProfiles, ProfileNotOffered

PARAMETER_BYTES = 4096  # CloudFormation's limit for one parameter value
ACCOUNT = "{account}"  # placeholder in a bucket's name: the consumer account's id
NAMED = 5  # accounts and units that a message names
NONE = "none"  # a parameter without a value: CloudFormation may not accept an empty one

# A name or a pattern of at least three characters (or the account's id) before its first wildcard: never everything.
START = r"([a-z0-9.-]{3}|[a-z0-9.-]{0,2}\{account\})"
DATABASE = r"^([a-z0-9_.-]{1,2}|[a-z0-9_.-]{3}[a-z0-9_.*-]*)$"
BUCKET = "^" + START + r"([a-z0-9.*-]|\{account\})*(/[\w!.*'()=-]+)*$"
LOCATION = "^s3://" + START + r"([a-z0-9.-]|\{account\})*(/[\w!.'()=-]+)*/$"
ALIAS = r"^alias/[\w/-]+$"
# Written out, because \w{1,128} takes pydantic a tenth of a second to compile: it means the letters of all alphabets.
WORD = r"^[A-Za-z0-9_.-]{1,128}$"  # Athena's own pattern: botocore's model of athena, WorkGroupName
GROUP = r"^[\x20-\xff]{1,128}$"  # Quick's own pattern: botocore's model of quicksight, GroupName
MEMBER = r"^[0-9]{12}$"
PARENT = r"^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$"
TABLE = r"^[a-z0-9_-]{1,255}\.[a-z0-9_-]{1,255}$"
DEFAULT_CATALOG = "AwsDataCatalog"
CATALOG = r"^[A-Za-z0-9_@.-]{1,128}$"
Pattern = Annotated[str, StringConstraints(pattern=DATABASE)]
Bucket = Annotated[str, StringConstraints(pattern=BUCKET)]
Alias = Annotated[str, StringConstraints(pattern=ALIAS)]
Member = Annotated[str, StringConstraints(pattern=MEMBER)]
Parent = Annotated[str, StringConstraints(pattern=PARENT)]
Group = Annotated[str, StringConstraints(pattern=GROUP)]

NARROW = "at least three characters{} before its first *, so that it never means everything"
RULES = {  # the message for each pattern a value does not match
    DATABASE: f"no database: lower-case letters, digits, _ . - *, with {NARROW.format('')}",
    BUCKET: f"no bucket or bucket/prefix: with {NARROW.format(' or {account}')}",
    LOCATION: "no place for results: s3://bucket/prefix/ with its last slash, without *",
    ALIAS: "no key alias: alias/name, without *",
    WORD: "no name: 1 to 128 letters, digits, _ . -",
    GROUP: "no group: 1 to 128 characters that Quick takes, from space to \xff (Latin letters, digits, signs)",
    MEMBER: "no account: 12 digits, in quotes",
    PARENT: "no OU and no root: an id as ou-ab12-consumers1 or r-ab12",
    TABLE: "no table: database.table, in lower-case letters, digits, _ -",
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

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    description: str = Field(min_length=1)
    databases: list[Pattern] = Field(min_length=1)
    data_buckets: list[Bucket] = []
    catalog: str = Field(DEFAULT_CATALOG, pattern=CATALOG)
    work_group: str | None = Field(None, pattern=WORD)
    results_location: str | None = Field(None, pattern=LOCATION)
    kms_key_aliases: list[Alias] = []
    lake_formation: bool = False
    owners: list[Group] = Field(min_length=1, max_length=32)
    viewers: list[Group] = Field([], max_length=31)
    accounts: list[Member] = []
    units: list[Parent] = []
    run_as_role: RunAsRole = 1
    proof_table: str | None = Field(None, pattern=TABLE)

    @property
    def proof_path(self) -> list[str]:
        """The names that lead to the table a proof reads. Athena's own catalog goes without saying."""
        catalog = [] if self.catalog == DEFAULT_CATALOG else [self.catalog]
        return [*catalog, *(self.proof_table or "").split(".")]

    def work_group_name(self, name: str) -> str:
        """The Athena workgroup queries run in; ours carries the profile's name."""
        return self.work_group or f"quick-athena-{name}"

    def check_offer(self, name: str, account_id: str, above: Sequence[str]) -> None:
        """Raise ProfileNotOffered unless an account with these parents may have it. Naming nobody offers it to all."""
        if not self.accounts and not self.units:
            return
        if account_id not in self.accounts and set(self.units).isdisjoint(above):
            units = [f"what is below {_first(self.units, ' or ')}"] if self.units else []
            whom = " and to ".join([*([_first(self.accounts, ", ")] if self.accounts else []), *units])
            raise ProfileNotOffered(
                f"profiles.yaml does not offer the profile {name!r} to this account, only to {whom}"
            )

    def needs_parents(self, account_id: str) -> bool:
        """Whether one has to know the account's parents to say so."""
        return bool(self.units) and account_id not in self.accounts


def _first(ids: Sequence[str], separator: str) -> str:
    """The first ids, and how many more there are: a profile may name hundreds."""
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return separator.join(ids[:NAMED]) + more


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
    content, faults = _read(text)
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
                found = [*_contradictions(values), *_oversized(str(name), valid)]
                faults += [f"profiles.{name}: {fault}" for fault in found]
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


def _contradictions(values: Mapping[Any, Any]) -> Iterator[str]:
    """How the values of a profile don't fit together, whether or not each of them is valid."""
    if (values.get("work_group") is None) != (values.get("results_location") is None):
        yield "give both work_group and results_location (existing ones), or neither (we make them)"
    if values.get("work_group") == NONE:
        yield f"work_group can't be `{NONE}`: consumer_role.yaml reads that word as no workgroup"
    database = str(values.get("proof_table") or "").partition(".")[0]
    named = values.get("databases")
    if database and isinstance(named, list) and not any(fnmatchcase(database, str(each)) for each in named):
        yield f"proof_table is in the database {database}, which databases does not name"
    if not values.get("data_buckets") and not values.get("lake_formation"):
        yield "name data_buckets, or set lake_formation: true; otherwise no query can read anything"


class Loader(yaml.SafeLoader):
    """A YAML loader that finds duplicate keys: plain YAML would silently use the last one."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        """A mapping, and a fault for each of its keys that is there more than once."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name, line = key.value, key.start_mark.line + 1
            if isinstance(name, str) and name in lines:
                self.duplicates.append(f"{name} is there twice, in line {lines[name]} and in line {line}")
            elif isinstance(name, str):
                lines[name] = line
        return super().construct_mapping(node, deep)


def _read(text: str) -> tuple[Any, list[str]]:
    """The text's content, and its duplicate keys."""
    try:
        loader = Loader(text)
        content = loader.get_single_data()
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an invalid date
        raise InvalidProfiles(f"profiles.yaml is not YAML we can read: {' '.join(str(error).split())}") from error
    return content, loader.duplicates


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


def _oversized(name: str, valid: Mapping[str, Any]) -> Iterator[str]:
    """The parameters that would be too large, from those values of a profile that are valid."""
    known = {key: value for key, value in valid.items() if key in Profile.model_fields}
    profile = Profile.model_construct(**{"databases": [], "data_buckets": [], **known})
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
