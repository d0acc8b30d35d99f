"""The profiles file: what an operator may write, what is refused and in which words."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from control_plane.account import TagValues
from control_plane.errors import InvalidProfiles
from control_plane.lake_grants import PLACES
from control_plane.narrowing import fit
from control_plane.profiles import (
    BUCKET,
    COLUMN,
    DATABASE,
    DISPLAY_NAME,
    PARAMETER_BYTES,
    RULES,
    TABLE,
    TAG_KEY,
    TAG_VALUE,
    Profile,
    Profiles,
    load,
    parameters,
    parse,
)
from tests.unit.control_plane.vocabulary import HUB, profile

CONSUMER_LAYER = Path(__file__).parents[3] / "layers" / "consumer"
MINIMAL = {"description": "d", "databases": ["sales"], "data_buckets": ["sales-data"], "owners": ["owners"]}
BOTH_OR_NEITHER = "give both work_group and results_location (existing ones), or neither (we make them)"
NO_DATA = "name data_buckets, or set lake_formation: true; otherwise no query can read anything"


def text(**profiles: Any) -> str:
    return yaml.safe_dump({"profiles": {"default": MINIMAL, **profiles}})


def refusal(source: str) -> str:
    with pytest.raises(InvalidProfiles) as refused:
        parse(source)
    return str(refused.value)


def test_the_file_we_ship_loads_and_defines_the_default() -> None:
    shipped = load(CONSUMER_LAYER / "profiles.yaml")
    assert shipped.profiles["default"].data_buckets == ["quick-data-{account}*"]


def test_the_body_of_the_stack_set_declares_exactly_the_parameters_a_profile_gives() -> None:
    class Loader(yaml.SafeLoader):
        """CloudFormation's tags read as their plain values."""

    Loader.add_multi_constructor("!", lambda loader, _tag, node: getattr(loader, f"construct_{node.id}")(node))
    body = (CONSUMER_LAYER / "consumer_role.yaml").read_text(encoding="utf-8")
    declared = yaml.load(body, Loader)["Parameters"]  # noqa: S506 - a SafeLoader with one more constructor
    assert set(declared) == set(parameters("default", profile(), HUB))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"work_group": "theirs", "results_location": "s3://results/"},
        {"data_buckets": [], "lake_formation": True},
        {"kms_key_aliases": ["alias/data"]},
    ],
)
def test_no_parameter_of_a_stack_set_is_empty(changes: dict[str, Any]) -> None:
    given = parameters("default", profile(**changes), HUB)
    assert [name for name, value in given.items() if not value] == []


def test_the_word_for_no_workgroup_is_no_workgroups_name() -> None:
    named = {**MINIMAL, "work_group": "none", "results_location": "s3://results/"}
    assert "profiles.sales: work_group can't be `none`" in refusal(text(sales=named))


def test_the_body_has_no_parameter_that_is_empty_by_default() -> None:
    body = (CONSUMER_LAYER / "consumer_role.yaml").read_text(encoding="utf-8")
    assert '""' not in body
    assert body.isascii(), "CloudFormation shows other letters as question marks: the hash would never fit"


def test_the_body_of_the_stack_set_fits_inline() -> None:
    assert (CONSUMER_LAYER / "consumer_role.yaml").stat().st_size <= 51_200


def test_every_place_of_a_grant_is_written_like_the_first() -> None:
    body = (CONSUMER_LAYER / "consumer_role.yaml").read_text(encoding="utf-8")
    written = set()
    for place in range(1, PLACES + 1):
        (resource,) = re.findall(rf"^  Grant{place}:\n(?:    .*\n)+", body, re.MULTILINE)
        conditions = re.findall(rf"^  (?:HasGrant|Grants[A-Za-z]+){place}: .*$", body, re.MULTILINE)
        written.add(re.sub(rf"(Grant[A-Za-z]*){place}\b", r"\1", "".join([resource, *conditions])))
    assert len(written) == 1
    assert "GrantColumns]" in written.pop()


def test_a_file_that_is_not_there_is_said_to_be_unreadable(tmp_path: Path) -> None:
    with pytest.raises(InvalidProfiles, match=r"^profiles\.yaml can't be read: .*No such file"):
        load(tmp_path / "profiles.yaml")


def test_a_file_that_is_no_text_is_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / "profiles.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidProfiles, match=r"^profiles\.yaml can't be read: 'utf-8' codec"):
        load(tmp_path / "profiles.yaml")


def test_a_file_that_is_no_yaml_says_where() -> None:
    assert re.match(r"profiles\.yaml is not YAML we can read: .*line 1", refusal("profiles: ["), re.DOTALL)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "profiles.yaml: should be keys with values"),
        ("{}", "profiles.yaml: profiles: is missing"),
        (
            "profiles: {}",
            "profiles.yaml: define the profile `default`: the tag value `enabled` means it",
        ),
        (
            text(paused=MINIMAL, enabled=MINIMAL),
            "profiles.yaml: enabled, paused: words of the opt-in tag are no profile names",
        ),
        (
            text(sales={**MINIMAL, "work_group": "primary"}),
            f"profiles.yaml: profiles.sales: {BOTH_OR_NEITHER}",
        ),
        (
            text(sales={**MINIMAL, "results_location": "s3://results/"}),
            f"profiles.yaml: profiles.sales: {BOTH_OR_NEITHER}",
        ),
        (
            text(sales={**MINIMAL, "data_buckets": []}),
            f"profiles.yaml: profiles.sales: {NO_DATA}",
        ),
        (
            text(sales={**MINIMAL, "databases": []}),
            "profiles.yaml: profiles.sales.databases: needs at least one",
        ),
        (
            text(sales={**MINIMAL, "owners": []}),
            "profiles.yaml: profiles.sales.owners: needs at least one, or a user in owner_users",
        ),
        (
            text(sales={**MINIMAL, "bucket": "x"}),
            "profiles.yaml: profiles.sales.bucket: is a key nobody knows",
        ),
        (text(sales=None), "profiles.yaml: profiles.sales: should be keys with values"),
    ],
)
def test_an_invalid_file_says_where_and_why(source: str, message: str) -> None:
    assert refusal(source) == message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("profiles: [", "expected the node content"),
        ("profiles: !!python/object:os.system {}", "could not determine a constructor"),
        ("profiles: {default: {description: 2026-13-45}}", "month must be in 1..12"),
        ("profiles: {? [a] : 1}", "unhashable key"),
    ],
)
def test_what_yaml_cannot_read_is_refused_in_one_line(source: str, words: str) -> None:
    message = refusal(source)
    assert message.startswith("profiles.yaml is not YAML we can read: ")
    assert words in message
    assert "\n" not in message


def test_a_key_that_is_there_twice_is_refused_with_its_lines() -> None:
    assert refusal(f"{text()}  default: {json.dumps(MINIMAL)}\n") == (
        "profiles.yaml: default is there twice, in line 2 and in line 10"
    )


def test_a_name_that_is_none_is_said_to_be_none() -> None:
    assert refusal(text(Sales=MINIMAL)) == (
        "profiles.yaml: profiles.Sales.[key]: 'Sales' is no profile name (lower-case letters, digits, hyphens)"
    )


def test_every_fault_of_a_file_is_named() -> None:
    faults = refusal(text(sales={**MINIMAL, "owners": [], "extra": 1}, Finance=MINIMAL))
    places = ("profiles.sales.owners: ", "profiles.sales.extra: ", "profiles.Finance")
    assert [place in faults for place in places] == [True, True, True]
    assert faults.count("; ") == 2


@pytest.mark.parametrize(
    "bucket",
    [
        "*",
        "**",
        "a*",
        "ab*",
        "*abc",
        "{*}",
        "{*",
        "{}*",
        "a{account",
        "{acount}*",
        "Sales",
        "a/b",
        "sales/",
        "a b c",
        "",
    ],
)
def test_a_bucket_of_everybody_or_of_nobody_is_refused(bucket: str) -> None:
    message = refusal(text(sales={**MINIMAL, "data_buckets": [bucket]}))
    assert message == f"profiles.yaml: profiles.sales.data_buckets.0: {bucket!r} is {RULES[BUCKET]}"


@pytest.mark.parametrize(
    "bucket",
    ["abc", "abc*", "a.b-c", "{account}*", "a{account}", "ab{account}*", "data-{account}-*", "data/a=1/b*", "abc*/x/*"],
)
def test_a_bucket_is_named_by_three_characters_or_the_account_before_its_first_wildcard(bucket: str) -> None:
    assert profile(data_buckets=[bucket]).data_buckets == [bucket]


@pytest.mark.parametrize("database", ["*", "a*", "ab*", "Sales", "{account}_x", "sales/x", "", "a b"])
def test_a_database_of_everybody_or_of_nobody_is_refused(database: str) -> None:
    message = refusal(text(sales={**MINIMAL, "databases": [database]}))
    assert message == f"profiles.yaml: profiles.sales.databases.0: {database!r} is {RULES[DATABASE]}"


@pytest.mark.parametrize("database", ["hr", "quick_*", "abc*", "a.b-c_d"])
def test_a_database_is_named_or_a_pattern_of_three_characters(database: str) -> None:
    assert profile(databases=[database]).databases == [database]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("catalog", "*"),
        ("catalog", ""),
        ("catalog", "a/b"),
        ("work_group", "*"),
        ("results_location", "s3://bucket"),
        ("results_location", "bucket/prefix/"),
        ("results_location", "s3://bucket*/"),
        ("results_location", "s3://bucket/pre*/"),
        ("kms_key_aliases", ["*"]),
        ("kms_key_aliases", ["alias/*"]),
        ("kms_key_aliases", ["alias/a,alias/b"]),
        ("owners", ["a\tb"]),
        ("viewers", ["людям"]),
        ("proof_table", "orders"),
        ("proof_table", "quick_*.orders"),
        ("proof_table", "quick_sales.orders.more"),
        ("proof_table", 'quick_sales."orders"'),
    ],
)
def test_no_other_field_takes_a_wildcard_or_a_second_value(field: str, value: Any) -> None:
    given = {**MINIMAL, "work_group": "primary", "results_location": "s3://results/", field: value}
    (odd,) = value if isinstance(value, list) else [value]
    assert f": {odd!r} is no " in refusal(text(sales=given))


ODD_TABLE = f"profiles.sales.tables.0: 's*/x' is {RULES[TABLE]}"
BOUNDARY_RULE = "no policy: the name of a managed policy, with its path if it has one (path/name), without *"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tables": ["sales"]}, f".tables.0: 'sales' is {RULES[TABLE]}"),
        ({"databases": ["sales", "s*"], "tables": ["s*/x"]}, f".databases.1: 's*' is {RULES[DATABASE]}; {ODD_TABLE}"),
        ({"tables": ["hr/staff"]}, ".tables: 'hr/staff' is in no database that `databases` has, written the same"),
        (
            {"bytes_scanned_limit": 1000},
            ".bytes_scanned_limit: is too small: Athena takes no limit below 10000000 bytes",
        ),
        ({"bytes_scanned_limit": "10 GB"}, ".bytes_scanned_limit: should be a number"),
        ({"cost_tags": {"aws:team": "sales"}}, ".cost_tags: 'aws:team' is not yours to set"),
        ({"cost_tags": {"managed-by": "me"}}, ".cost_tags: 'managed-by' is not yours to set"),
        ({"cost_tags": {"a=b": "c"}}, f".cost_tags.a=b.[key]: 'a=b' is {RULES[TAG_KEY]}"),
        ({"cost_tags": {"team": "a,b"}}, f".cost_tags.team: 'a,b' is {RULES[TAG_VALUE]}"),
        ({"cost_tags": {str(number): "x" for number in range(6)}}, ".cost_tags: has too many"),
        (
            {"results_key_alias": "alias/results"},
            ".results_key_alias: 'alias/results' is not in kms_key_aliases too: nobody could read the results",
        ),
        ({"permissions_boundary": "*"}, f".permissions_boundary: '*' is {BOUNDARY_RULE}"),
        ({"permissions_boundary": "/path/"}, f".permissions_boundary: '/path/' is {BOUNDARY_RULE}"),
        (
            {"display_name": "sales of {profile}"},
            ".display_name: needs {account} or {account_name}: authors could not tell the accounts apart",
        ),
        ({"display_name": "{account} {x}"}, f".display_name: '{{account}} {{x}}' is {RULES[DISPLAY_NAME]}"),
        (
            {"owners": [f"group {number}" for number in range(32)], "owner_users": ["ann"]},
            ".owners: has 33 groups and users, at most 32 are possible",
        ),
        (
            {"viewers": [f"group {number}" for number in range(31)], "viewer_users": ["ann"]},
            ".viewers: has 32 groups and users, at most 31 are possible",
        ),
    ],
)
def test_a_value_that_is_not_possible_says_why(changes: dict[str, Any], message: str) -> None:
    assert refusal(text(sales={**MINIMAL, **changes})) == f"profiles.yaml: profiles.sales{message}"


GRANTED = {**MINIMAL, "lake_formation": True, "lake_formation_grants": True, "tables": ["sales/orders"]}
EVERY_COLUMN = {"lake_formation_columns": {"sales/orders": ["none"]}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"lake_formation_grants": False, "lake_formation_columns": {"sales/orders": ["id"]}},
            ".lake_formation_columns: needs lake_formation_grants: true: only a grant can name columns",
        ),
        (
            {"lake_formation": False},
            ".lake_formation_grants: needs lake_formation: true: without GetDataAccess a grant opens nothing",
        ),
        (
            {"catalog": "theirs"},
            ".lake_formation_grants: is for databases in AwsDataCatalog: another catalog is not ours to grant",
        ),
        (
            {"accounts_may_widen": ["databases"]},
            ".accounts_may_widen: databases can't be widened: lake_formation_grants would grant unreviewed ones",
        ),
        (
            {"databases": ["sales", "quick_*"]},
            ".databases: 'quick_*' is a pattern, and Lake Formation grants by name only: name each of them",
        ),
        (
            {"tables": ["sales/item_*"]},
            ".tables: 'sales/item_*' is a pattern, and Lake Formation grants by name only: name each of them",
        ),
        (
            {"tables": ["sales/none"]},
            ".tables: 'sales/none' can't be granted: consumer_role.yaml reads the word `none` as nothing",
        ),
        (
            {"lake_formation_columns": {"sales/items": ["id"]}},
            (
                ".lake_formation_columns: 'sales/items' is not in `tables`: a grant on its whole database would show "
                "its other columns"
            ),
        ),
        (
            EVERY_COLUMN,
            (
                ".lake_formation_columns: 'sales/orders' can't have `none` as its only column: consumer_role.yaml "
                "reads that as all columns"
            ),
        ),
        ({"lake_formation_columns": {"sales/orders": []}}, ".lake_formation_columns.sales/orders: needs at least one"),
        (
            {"lake_formation_columns": {"sales/orders": ["*"]}},
            f".lake_formation_columns.sales/orders.0: '*' is {RULES[COLUMN]}",
        ),
        ({"lake_formation_columns": ["sales/orders"]}, ".lake_formation_columns: should be keys with values"),
        (
            {"tables": [f"sales/table_{number}" for number in range(12)]},
            (
                ": lake_formation_grants would be 13 grants, and a stack has 12 places: a database needs one, and one "
                "for all its tables or for each named table"
            ),
        ),
    ],
)
def test_what_lake_formation_cannot_be_made_to_grant_says_why(changes: dict[str, Any], message: str) -> None:
    assert refusal(text(sales={**GRANTED, **changes})) == f"profiles.yaml: profiles.sales{message}"


@pytest.mark.parametrize("key", ["bytes_scanned_limit", "cost_tags", "results_key_alias"])
def test_an_existing_workgroup_is_not_ours_to_set_up(key: str) -> None:
    made = {"bytes_scanned_limit": 10_000_000, "cost_tags": {"a": "b"}, "results_key_alias": "alias/results"}
    theirs = {"work_group": "primary", "results_location": "s3://results/", "kms_key_aliases": ["alias/results"]}
    assert refusal(text(sales={**MINIMAL, **theirs, key: made[key]})) == (
        f"profiles.yaml: profiles.sales.{key}: is for the workgroup that we make; work_group names an existing one"
    )


def test_a_user_alone_may_own_a_data_source() -> None:
    assert profile(owners=[], owner_users=["ann@example.com"]).owner_users == ["ann@example.com"]


@pytest.mark.parametrize("table", ["quick_sales.orders", "hr.people", "quick_.a-b"])
def test_a_proof_table_is_in_a_database_of_the_profile(table: str) -> None:
    assert profile(databases=["quick_*", "hr"], proof_table=table).proof_table == table
    message = refusal(text(sales={**MINIMAL, "databases": ["finance"], "proof_table": table}))
    database = table.partition(".")[0]
    assert (
        message
        == f"profiles.yaml: profiles.sales: proof_table is in the database {database}, which databases does not name"
    )


# --- as parameters of the consumer role -----------------------------------------------------------


def test_a_profile_becomes_the_parameters_of_the_consumer_role() -> None:
    assert parameters("default", profile(), HUB) == {
        "Profile": "default",
        "DeploymentId": "default",
        "HubAccountId": "444455556666",
        "OrganizationId": "o-exampleorgid",
        "RunAsRoleArn": "arn:aws:iam::444455556666:role/quick-athena-run-as",
        "ExternalIdMatch": "exact",
        "Catalog": "AwsDataCatalog",
        "WorkGroup": "none",
        "DatabaseArns": "arn:aws:glue:eu-west-1:*:database/quick_*,arn:aws:glue:eu-west-1:*:table/quick_*/*",
        "DataBucketArns": "none",
        "DataObjectArns": "none",
        "OwnDataBucketArns": "arn:aws:s3:::quick-data-${aws:PrincipalAccount}*",
        "OwnDataObjectArns": "arn:aws:s3:::quick-data-${aws:PrincipalAccount}*/*",
        "ResultsBucketArn": "none",
        "ResultsObjectArns": "none",
        "ResultsKeyAlias": "none",
        "BytesScannedLimit": "none",
        "CostTag1": "none",
        "CostTag2": "none",
        "CostTag3": "none",
        "CostTag4": "none",
        "CostTag5": "none",
        "KmsKeyAliases": "none",
        "PermissionsBoundary": "none",
        "LakeFormation": "false",
        **{f"Grant{kind}{place}": "none" for place in range(1, 13) for kind in ("Database", "Table", "Columns")},
        **{f"Publisher{number}": "none" for number in range(1, 11)},
        "PublisherAccounts": "none",
        "PublishedDatabaseArns": "none",
        "PublishedDataArns": "none",
        "PublishedKeyAliases": "none",
    }


def test_what_exists_already_is_named_by_its_arns() -> None:
    given = parameters(
        "sales",
        profile(
            data_buckets=["lake/b", "lake/a", "other"],
            work_group="primary",
            results_location="s3://results-{account}/quick/",
            kms_key_aliases=["alias/lake", "alias/results"],
            lake_formation=True,
            catalog="sales@lake",
        ),
        HUB,
    )
    assert {key: given[key] for key in given if key not in parameters("sales", profile(), HUB)} == {}
    assert given["DataBucketArns"] == "arn:aws:s3:::lake,arn:aws:s3:::other"
    assert given["DataObjectArns"] == "arn:aws:s3:::lake/b/*,arn:aws:s3:::lake/a/*,arn:aws:s3:::other/*"
    assert (given["OwnDataBucketArns"], given["OwnDataObjectArns"]) == ("none", "none")
    assert given["ResultsBucketArn"] == "arn:aws:s3:::results-${aws:PrincipalAccount}"
    assert given["ResultsObjectArns"] == "arn:aws:s3:::results-${aws:PrincipalAccount}/quick/*"
    assert given["KmsKeyAliases"] == "alias/lake,alias/results"
    assert (given["WorkGroup"], given["LakeFormation"], given["Catalog"]) == ("primary", "true", "sales@lake")


def test_grants_take_the_first_places_and_follow_what_a_tag_leaves() -> None:
    columns = {"sales/orders": ["id", "amount"]}
    granting = profile(**{**GRANTED, "databases": ["sales", "hr"], "lake_formation_columns": columns})
    narrowed = fit("sales", granting, TagValues(databases=("hr",)))
    places = [
        [parameters("sales", each, HUB)[f"Grant{kind}{place}"] for kind in ("Database", "Table", "Columns")]
        for each in (granting, narrowed)
        for place in range(1, 6)
    ]
    free = ["none"] * 3
    assert places[:5] == [
        ["sales", "none", "none"],
        ["sales", "orders", "id,amount"],
        ["hr", "none", "none"],
        ["hr", "*", "none"],
        free,
    ]
    assert places[5:] == [["hr", "none", "none"], ["hr", "*", "none"], free, free, free]


def test_of_a_database_only_the_named_tables_are_read() -> None:
    given = parameters("sales", profile(databases=["sales", "quick_*"], tables=["sales/orders", "sales/item_*"]), HUB)
    glue = "arn:aws:glue:eu-west-1:*"
    assert given["DatabaseArns"].split(",") == [
        f"{glue}:database/sales",
        f"{glue}:table/sales/orders",
        f"{glue}:table/sales/item_*",
        f"{glue}:database/quick_*",
        f"{glue}:table/quick_*/*",
    ]


def test_what_is_said_of_the_workgroup_we_make_becomes_parameters() -> None:
    made = {
        "bytes_scanned_limit": 10_000_000_000,
        "cost_tags": {"team": "sales", "cost center": "42"},
        "kms_key_aliases": ["alias/results"],
        "results_key_alias": "alias/results",
    }
    given = parameters("sales", profile(**made), HUB)
    assert (given["BytesScannedLimit"], given["ResultsKeyAlias"]) == ("10000000000", "alias/results")
    assert [given[f"CostTag{number}"] for number in range(1, 6)] == ["cost center=42", "team=sales", *["none"] * 3]


def test_another_boundary_is_named_by_its_policy() -> None:
    assert parameters("sales", profile(permissions_boundary="team/limits"), HUB)["PermissionsBoundary"] == "team/limits"


def test_results_at_the_root_of_a_bucket_are_all_its_objects() -> None:
    given = parameters("sales", profile(work_group="primary", results_location="s3://results/"), HUB)
    assert (given["ResultsBucketArn"], given["ResultsObjectArns"]) == ("arn:aws:s3:::results", "arn:aws:s3:::results/*")


def test_parameters_do_not_depend_on_the_account() -> None:
    assert "{account}" not in str(parameters("default", profile(data_buckets=["{account}-a", "b-{account}*"]), HUB))


def test_our_workgroup_carries_the_profiles_name_and_an_existing_one_its_own() -> None:
    assert profile().work_group_name("sales") == "quick-athena-sales"
    assert profile(work_group="primary", results_location="s3://results/").work_group_name("sales") == "primary"


def test_a_profile_too_large_for_a_parameter_is_refused_with_its_size() -> None:
    many = {**MINIMAL, "data_buckets": [f"bucket-number-{number:03d}" for number in range(200)]}
    size = len(",".join(f"arn:aws-us-gov:s3:::bucket-number-{number:03d}/*" for number in range(200)))
    assert size > PARAMETER_BYTES
    fewer = "bytes, CloudFormation takes 4096: name fewer databases or buckets, or use patterns"
    assert refusal(text(sales=many)) == (
        f"profiles.yaml: profiles.sales: DataBucketArns would be {size - 400} {fewer}; "
        f"profiles.sales: DataObjectArns would be {size} {fewer}"
    )


def test_what_loads_fits_cloudformation_in_every_partition() -> None:
    for databases in range(1, 60):
        try:
            loaded = parse(text(sales={**MINIMAL, "databases": [f"database_{n}" for n in range(databases)]}))
        except InvalidProfiles:
            break
        for partition, region in (("aws", "ap-southeast-4"), ("aws-us-gov", "us-gov-west-1")):
            hub = HUB.model_copy(update={"partition": partition, "region": region})
            given = parameters("sales", loaded.profiles["sales"], hub)
            assert max(len(value.encode()) for value in given.values()) <= PARAMETER_BYTES
    assert databases > 20


def test_profiles_are_frozen() -> None:
    assert Profile.model_config["frozen"]
    assert Profiles.model_config["frozen"]


@pytest.mark.parametrize("name", ["Data Owners", "people@example.com", "Données/été", "a" * 128, "All: of [them] * ?"])
def test_a_group_may_have_every_name_that_quick_takes(name: str) -> None:
    assert profile(owners=[name]).owners == [name]


@pytest.mark.parametrize("name", ["", "a\tb", "a\nb", "людям", "a" * 129])
def test_a_group_name_that_quick_does_not_take_is_refused(name: str) -> None:
    assert "is no group" in refusal(text(sales={**MINIMAL, "owners": [name]}))


# --- all faults at once -----------------------------------------------------------------------------

MANY_FAULTS = """
profiles:
  enabled: {description: d, databases: [sales], data_buckets: [sales-data], owners: [owners]}
  sales:
    description: d
    databases: ["*"]
    work_group: none
    owners: []
  finance:
    description: d
    databases: [sales]
    databases: [finance]
    data_buckets: [BUCKETS]
    owners: [owners]
    bucket: mine
""".replace("BUCKETS", ", ".join(f"bucket-number-{number:03d}" for number in range(130)))


def test_a_file_with_many_faults_names_all_of_them_in_one_run() -> None:
    said = refusal(MANY_FAULTS).removeprefix("profiles.yaml: ").split("; ")
    faults = [
        "databases is there twice",
        "profiles.sales.databases.0: '*' is no database",
        "profiles.sales.owners: needs at least one",
        "profiles.finance.bucket: is a key nobody knows",
        "enabled: words of the opt-in tag are no profile names",
        "define the profile `default`",
        "profiles.sales: give both work_group and results_location",
        "profiles.sales: work_group can't be `none`",
        "profiles.sales: name data_buckets, or set lake_formation",
        "profiles.finance: DataBucketArns would be",
        "profiles.finance: DataObjectArns would be",
    ]
    missing = [fault for fault in faults if not any(each.startswith(fault) for each in said)]
    assert not missing, said


def test_whoever_checks_the_file_by_hand_gets_a_list_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "profiles.yaml").write_text(MANY_FAULTS, encoding="utf-8")
    command = [sys.executable, "-m", "control_plane.profiles", "profiles.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(CONSUMER_LAYER.parent / "control_plane")}
    checked = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)  # noqa: PLW1510
    assert checked.returncode == 1
    assert "Traceback" not in checked.stderr
    first, *faults = checked.stderr.splitlines()
    assert first == "InvalidProfiles: profiles.yaml has 11 faults:"
    assert [each[:4] for each in faults] == ["  - "] * 11


def test_a_good_file_is_checked_without_a_word(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(CONSUMER_LAYER.parent / "control_plane")}
    command = [sys.executable, "-m", "control_plane.profiles", str(CONSUMER_LAYER / "profiles.yaml")]
    checked = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)  # noqa: PLW1510
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
