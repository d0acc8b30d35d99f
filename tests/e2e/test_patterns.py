"""docs/howto/try-the-patterns.md, word for word, in one served sandbox; and what boto3 sees of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands import program
from tests.contract import project
from tests.contract.project import ROOT
from tests.integration.sandbox.served import start, stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.integration.sandbox.served import Outside

PAGE = project.howto("try-the-patterns")
SECTIONS = project.sections(PAGE)
DATABASE, TABLE, ALIAS = "quick_sales", "orders", "alias/quick-data"
HOUR = 3600
VIEWING = ("DescribeDataSource", "DescribeDataSourcePermissions", "PassDataSource")
TEAMS = ("marketing", "sales", "finance")
Source = tuple[str, str] | tuple[str, str, str]  # account, profile; the catalog that is queried


class Patterns:
    """The served sandbox, a shell with the page open, and boto3."""

    def __init__(self, outside: Outside, home: Path) -> None:
        self.outside, self.home, self.hub = outside, home, outside.accounts["hub"]
        self.members: list[str] = outside.accounts["members"]
        self.a, self.b, self.c, self.d, *self.others = self.members
        self._ids = count()
        (home / "docs").symlink_to(ROOT / "docs")

    # --- a shell

    def type(self, heading: str) -> str:
        """What the commands of a section print, after those with which a shell begins; each must go well."""
        _serve, *beginning = _commands("Start")
        typed = [*beginning, *(_commands(heading) if heading != "Start" else [])]
        if (self.home / ".build/aws-profiles").exists():
            typed = [each for each in typed if "--aws-config" not in each]
        port = self.outside.said["endpoint_url"].rsplit(":", 1)[-1]
        bash = ["/bin/bash", "-e", "-u", "-c", "\n".join(typed).replace("--port 5000", f"--port {port}")]
        done = subprocess.run(
            bash, env=self._environment(), cwd=self.home, check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{heading}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        commands = [str(program(each).parent) for each in ("aws", "quickctl")]
        return {
            "PATH": os.pathsep.join((*commands, str(Path(sys.executable).parent), os.environ["PATH"])),
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.home),
            "ENDPOINT": self.outside.said["endpoint_url"],
            "AWS_MAX_ATTEMPTS": "1",
        }

    # --- boto3

    def client(self, service: str, account: str = "") -> Any:
        """A client of an account's administrator; without an account the hub's."""
        return self.outside.client(account or self.hub, service)

    def tag(self, accounts: Iterable[str], value: str, seconds: float) -> None:
        """The opt-in tag of these accounts; so much time passes."""
        for account_id in accounts:
            self.outside.tag(account_id, value)
        self.outside.advance(seconds)

    def record(self, account_id: str, profile: str = "default") -> dict[str, str]:
        """The record of a connection."""
        key: Any = {"pk": {"S": f"account#{account_id}"}, "sk": {"S": f"connection#{profile}"}}
        found = self.client("dynamodb").get_item(TableName=self.outside.said["registry_table"], Key=key)["Item"]
        return {name: value["S"] for name, value in found.items() if "S" in value}

    def statuses(self, accounts: Iterable[str], *profiles: str) -> list[str]:
        """The statuses of these connections."""
        return [self.record(account, profile)["status"] for account in accounts for profile in profiles]

    def query(self, *sources: Source) -> list[str]:
        """What becomes of imports of the table through these data sources: COMPLETED, or AWS's message."""
        ids = [self._import(*each) for each in sources]
        self.outside.advance(10)
        return [self._outcome(each) for each in ids]

    def _import(self, account_id: str, profile: str, catalog: str = "AwsDataCatalog") -> str:
        data_set = f"query-{next(self._ids)}"
        place = {"Catalog": catalog, "Schema": DATABASE, "Name": TABLE}
        columns = [{"Name": "id", "Type": "INTEGER"}]
        table = {"DataSourceArn": self.source(account_id, profile)["Arn"], **place, "InputColumns": columns}
        tables = {"orders": {"RelationalTable": table}}
        names = {"AwsAccountId": self.hub, "DataSetId": data_set, "Name": data_set}
        self.client("quicksight").create_data_set(**names, PhysicalTableMap=tables, ImportMode="SPICE")
        return data_set

    def _outcome(self, data_set: str) -> str:
        names = {"AwsAccountId": self.hub, "DataSetId": data_set}
        (found,) = self.client("quicksight").list_ingestions(**names)["Ingestions"]
        self.client("quicksight").delete_data_set(**names)
        return str(found["ErrorInfo"]["Message"] if "ErrorInfo" in found else found["IngestionStatus"])

    def source(self, account_id: str, profile: str) -> Any:
        """A data source."""
        names = {"AwsAccountId": self.hub, "DataSourceId": f"quick-athena-{account_id}-{profile}"}
        return self.client("quicksight").describe_data_source(**names)["DataSource"]

    def groups(self, account_id: str) -> set[str]:
        """The groups with which the data source of the default profile is shared."""
        names = {"AwsAccountId": self.hub, "DataSourceId": f"quick-athena-{account_id}-default"}
        found = self.client("quicksight").describe_data_source_permissions(**names)["Permissions"]
        return {each["Principal"].rsplit("/", 1)[-1] for each in found}

    def allowed(self, run_as_role: str) -> set[str]:
        """The consumer roles that a run-as role may assume."""
        iam, found = self.client("iam"), set()
        for policy in iam.list_attached_role_policies(RoleName=run_as_role)["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            read = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]
            for statement in read["Document"]["Statement"]:
                found |= {role for role in statement["Resource"] if "quick-athena-none" not in role}
        return found

    def lake(self, account_id: str) -> None:
        """A table of one object, with a key of the account's own."""
        bucket, region = f"quick-data-{account_id}", self.outside.said["region"]
        s3, glue, kms = (self.client(each, account_id) for each in ("s3", "glue", "kms"))
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
        key = kms.create_key()["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName=ALIAS, TargetKeyId=key)
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        s3.put_object(Bucket=bucket, Key=f"{TABLE}/1.csv", Body=b"1\n")
        place = {"Columns": [{"Name": "id", "Type": "bigint"}], "Location": f"s3://{bucket}/{TABLE}/"}
        glue.create_database(DatabaseInput={"Name": DATABASE})
        glue.create_table(DatabaseName=DATABASE, TableInput={"Name": TABLE, "StorageDescriptor": place})

    def stop_the_daily_sweep(self) -> None:
        """Disable it: served time begins at the real time of day, and a sweep would mend what a test breaks."""
        client = self.client("scheduler")
        name = next(each["Name"] for each in client.list_schedules()["Schedules"] if "SweepDaily" in each["Name"])
        found = client.get_schedule(Name=name)
        kept = {each: found[each] for each in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
        client.update_schedule(**kept, State="DISABLED")


def _commands(heading: str) -> list[str]:
    """The commands of a section, as they stand there."""
    return re.findall(r"^    (.+)$", SECTIONS[heading], flags=re.MULTILINE)


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patterns]:
    """A sandbox that is served as the page says, but for its port."""
    serve = shlex.split(_commands("Start")[0])
    port = serve.index("--port")
    outside = start(*serve[serve.index("serve") + 1 : port], *serve[port + 2 :])
    served = Patterns(outside, tmp_path_factory.mktemp("home"))
    served.stop_the_daily_sweep()
    yield served
    stop(outside)


# --- what is so after each section ------------------------------------------------------------------------------


def _two_accounts(patterns: Patterns, printed: str) -> None:
    first, second = [line for line in printed.splitlines() if line.startswith(("COMPLETED", "FAILED"))]
    assert first.split() == ["COMPLETED", "None"]
    assert "is not authorized to perform: sts:AssumeRole" in second
    assert patterns.statuses([patterns.a], "default") == ["quarantined"]
    assert patterns.source(patterns.a, "default")["Status"] == "CREATION_SUCCESSFUL", "nothing is deleted yet"


def _hub_and_spoke(patterns: Patterns, printed: str) -> None:
    assert patterns.statuses(patterns.members, "default") == ["connected"] * 10
    assert {patterns.record(each)["proof"] for each in patterns.members} == {"queried"}
    assert printed.count("connected (queried)") == 10
    patterns.lake(patterns.c)
    assert patterns.query((patterns.a, "default")) == ["COMPLETED"]
    (refused,) = patterns.query((patterns.c, "default"))
    assert "kms:Decrypt" in refused, "a spoke exposes what its own profile says, and this one has no key"


def _several_teams(patterns: Patterns, printed: str) -> None:
    b, role = patterns.b, f"arn:aws:iam::{patterns.b}:role/quick-athena-"
    assert patterns.statuses([b], *TEAMS) == ["connected", "quarantined", "connected"]
    assert printed.count(f"{b} ") == 8, "three teams and the profile that went first, before and after"
    assert {each for each in patterns.allowed("quick-athena-run-as") if b in each} == {f"{role}marketing"}
    assert patterns.allowed("quick-athena-run-as-2") == {f"{role}finance"}
    run_as = {team: patterns.source(b, team)["DataSourceParameters"]["AthenaParameters"]["RoleArn"] for team in TEAMS}
    assert run_as["finance"] == f"{run_as['marketing']}-2"


def _mesh(patterns: Patterns, printed: str) -> None:
    a, d = patterns.a, patterns.d
    outcomes = [line for line in printed.splitlines() if line.startswith(("COMPLETED", "FAILED"))]
    before, after, other, withdrawn = outcomes
    assert "no resource-based policy allows" in before
    assert after.split() == ["COMPLETED", "None"]
    for refused in (other, withdrawn, *patterns.query((patterns.b, "marketing", f"quick-athena-marketing-{a}"))):
        assert "not authorized to perform: athena:GetDataCatalog" in refused
    assert patterns.statuses([a], "products", "default") == ["quarantined", "connected"]
    assert _catalogs(patterns, patterns.b) == _catalogs(patterns, patterns.c) == _catalogs(patterns, d) == []


def _catalogs(patterns: Patterns, account_id: str) -> list[str]:
    found = patterns.client("athena", account_id).list_data_catalogs()["DataCatalogsSummary"]
    return [each["CatalogName"] for each in found]


def _groups(patterns: Patterns, printed: str) -> None:
    d, owners = patterns.d, "quick-athena-owners"
    principals = re.findall(r"group/default/([\w-]+)", printed)
    assert sorted(principals) == sorted([owners, "marketing"] * 2), "narrowed by the tag; taken away, and given back"
    _narrow(patterns, "marketing sales")
    assert patterns.groups(d) == {owners, "marketing", "sales"}, "added"
    _narrow(patterns, "sales")
    assert patterns.groups(d) == {owners, "sales"}, "removed"
    author = f"arn:aws:quicksight:eu-west-1:{patterns.hub}:group/default/quick-athena-authors"
    granted = [{"Principal": author, "Actions": [f"quicksight:{each}" for each in VIEWING]}]
    names = {"AwsAccountId": patterns.hub, "DataSourceId": f"quick-athena-{d}-default"}
    patterns.client("quicksight").update_data_source_permissions(**names, GrantPermissions=granted)
    assert "quick-athena-authors" in patterns.groups(d)
    _narrow(patterns, "sales")
    assert patterns.groups(d) == {owners, "sales"}, "a share by hand is taken back"


def _narrow(patterns: Patterns, groups: str) -> None:
    tag = {"Key": "quick-athena:groups", "Value": groups}
    patterns.outside.organizations.tag_resource(ResourceId=patterns.d, Tags=[tag])
    patterns.outside.advance(900)


def _proof(patterns: Patterns, printed: str) -> None:
    assert re.search(r"^Error +SQL_TABLE_NOT_FOUND *$", printed, flags=re.MULTILINE)
    rows = {part: (error.strip("`"), cause) for part, _, error, cause in project.tables(PAGE)["A proof that fails"]}
    assert set(rows) == {*BREAKS, "Lake Formation", "table"}
    _prove_all(patterns)
    broken = dict(zip(BREAKS, patterns.others, strict=True)) | {"Lake Formation": patterns.c, "table": patterns.d}
    for parts in (list(BREAKS)[:3], list(BREAKS)[3:]):
        accounts = [broken[part] for part in parts]
        patterns.outside.advance(HOUR)  # the revocation budget counts by the hour
        patterns.tag(accounts, "default", seconds=120)
        for part in parts:
            BREAKS[part](patterns, broken[part])
        patterns.tag(accounts, "default proven", seconds=HOUR)
    records = {part: patterns.record(account_id, "proven") for part, account_id in broken.items()}
    assert {part: each["status"] for part, each in records.items()} == dict.fromkeys(broken, "degraded")
    assert {part: each["error"] for part, each in records.items()} == {part: error for part, (error, _) in rows.items()}
    for part, (_, cause) in rows.items():
        assert records[part]["cause"].startswith(cause), part
        assert records[part]["remedy"], part
        assert patterns.source(broken[part], "proven")["Status"] == "CREATION_SUCCESSFUL", "it is not hidden"


def _prove_all(patterns: Patterns) -> None:
    """All but the one without a table are connected, the others proven in all parts. Lake Formation governs C's."""
    for account_id in patterns.others:
        patterns.lake(account_id)
    bucket = f"arn:aws:s3:::quick-data-{patterns.c}"
    patterns.client("lakeformation", patterns.c).register_resource(ResourceArn=bucket, UseServiceLinkedRole=True)
    patterns.tag([*patterns.others, patterns.c], "default proven", seconds=HOUR)
    proven = {patterns.record(each, "proven").get("proven_legs") for each in patterns.others}
    assert proven == {"roles, workgroup, results, catalog, data"}


# --- what somebody does to a consumer role -----------------------------------------------------------------------


def _untrusted(patterns: Patterns, account_id: str) -> None:
    iam, name = patterns.client("iam", account_id), "quick-athena-proven"
    trust = json.dumps(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust.replace("quick-athena-run-as", "somebody"))


def _without(sid: str, patterns: Patterns, account_id: str) -> None:
    iam, names = patterns.client("iam", account_id), {"RoleName": "quick-athena-proven", "PolicyName": "query-athena"}
    policy = iam.get_role_policy(**names)["PolicyDocument"]
    less = [each for each in policy["Statement"] if each["Sid"] != sid]
    assert len(less) == len(policy["Statement"]) - 1
    iam.put_role_policy(**names, PolicyDocument=json.dumps({**policy, "Statement": less}))


BREAKS: dict[str, Callable[[Patterns, str], None]] = {
    "roles": _untrusted,
    "workgroup": partial(_without, "AthenaWorkGroup"),
    "results": partial(_without, "ResultsObjects"),
    "catalog": partial(_without, "GlueDatabases"),
    "bucket": partial(_without, "OwnDataObjects"),
    "key": partial(_without, "KmsKeysThroughS3"),
}
AFTER: dict[str, Callable[[Patterns, str], None]] = {  # by heading, in the page's order
    "Two accounts": _two_accounts,
    "Hub and spoke": _hub_and_spoke,
    "Several teams in one account": _several_teams,
    "A data mesh": _mesh,
    "Shared with groups": _groups,
    "A proof that fails": _proof,
}


def test_the_pages_commands_lead_to_what_it_says(patterns: Patterns) -> None:
    assert ["Start", *AFTER] == list(SECTIONS)
    patterns.type("Start")
    for heading, check in AFTER.items():
        check(patterns, patterns.type(heading))
