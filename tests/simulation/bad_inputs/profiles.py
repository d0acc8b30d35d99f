"""Profiles files that break their own rules."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from control_plane.profiles import BUCKET, DATABASE, LOCATION, PROOF_TABLE, RULES
from tests.simulation.bad_inputs.vocabulary import ACCOUNT, REVOKED, STAYS, Case, Stage, Trouble, connected, tag

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD: dict[str, Any] = {
    "description": "what an account publishes",
    "databases": ["quick_*"],
    "data_buckets": ["quick-data-{account}*"],
    "owners": ["quick-athena-owners"],
}
ELSEWHERE = {**GOOD, "work_group": "nowhere", "results_location": "s3://quick-data-{account}/results/"}
SHARED = {**GOOD, "viewers": ["people-nobody-made"]}
OWNERLESS = {**GOOD, "owners": ["people-nobody-made"]}
GRANTING = {"lake_formation": True, "lake_formation_grants": True}
PRIVATE = {**GOOD, "accounts": ["111122223333"], "units": ["ou-ab12-consumers1"]}
TAKEN = ("taken", "blue", "automatic", "unmanaged")  # names somebody takes before us
FILE = yaml.safe_dump(
    {
        "profiles": {
            "default": GOOD,
            "sales": GOOD,
            "elsewhere": ELSEWHERE,
            "shared": SHARED,
            "ownerless": OWNERLESS,
            "private": PRIVATE,
            **dict.fromkeys(TAKEN, GOOD),
        }
    }
)
BOTH_OR_NEITHER = "give both work_group and results_location (existing ones), or neither (we make them)"


def file_of(**profiles: Any) -> str:
    """A file with a good `default`, and these."""
    return yaml.safe_dump({"profiles": {"default": GOOD, **profiles}}, sort_keys=False)


def default_with(**changes: Any) -> str:
    """A file whose `default` is not as it should be; None takes a field away."""
    return file_of(default={key: value for key, value in {**GOOD, **changes}.items() if value is not None})


def deployed(text: str) -> Trouble:
    """That file is deployed, and afterwards the good one again."""

    @contextmanager
    def trouble(stage: Stage) -> Iterator[None]:
        file = stage.layer / "profiles.yaml"
        file.write_text(text, encoding="utf-8")
        stage.start_cold()
        try:
            yield
        finally:
            file.write_text(FILE, encoding="utf-8")
            stage.start_cold()

    return trouble


def refused(words: str, text: str, message: str) -> Case:
    """A file no profile of which may be used."""
    reason = f"account {ACCOUNT}: AssessAccount: {message}"
    return Case(words, "InvalidProfiles", reason, "claim", trouble=deployed(text), loads=text)


PLACE = "profiles.yaml: profiles.default"
NO_OWNER = f"{PLACE}.owners: needs at least one, or a user in owner_users"
MANY = [f"bucket-number-{number:03d}" for number in range(130)]
FEWER = "bytes, CloudFormation takes 4096: name fewer databases or buckets, or use patterns"
LARGE = f"{PLACE}: DataBucketArns would be 4939 {FEWER}; profiles.default: DataObjectArns would be 5199 {FEWER}"

CASES = [
    Case(
        "a run-as role that was not deployed",
        "InvalidProfiles",
        f"account {ACCOUNT}: AssessAccount: profiles.yaml: finance: run_as_role is larger than 1, the parameter "
        "RunAsRoles of the hub's stack",
        "claim",
        trouble=deployed(file_of(finance={**GOOD, "run_as_role": 2})),
    ),
    refused("empty", "", "profiles.yaml: should be keys with values"),
    refused(
        "not YAML",
        "profiles: [",
        "profiles.yaml is not YAML we can read: while parsing a flow node expected the node content, but found "
        "'<stream end>' in \"<unicode string>\", line 1, column 12: profiles: [ ^",
    ),
    refused("a list instead of profiles", "profiles: [default]", "profiles.yaml: profiles: should be keys with values"),
    refused(
        "no `default`",
        yaml.safe_dump({"profiles": {"sales": GOOD}}),
        "profiles.yaml: define the profile `default`: the tag value `enabled` means it",
    ),
    refused(
        "a reserved name",
        file_of(enabled=GOOD),
        "profiles.yaml: enabled: words of the opt-in tag are no profile names",
    ),
    refused(
        "a name with a capital",
        file_of(Sales=GOOD),
        "profiles.yaml: profiles.Sales.[key]: 'Sales' is no profile name (lower-case letters, digits, hyphens)",
    ),
    refused(
        "two profiles of one name",
        f"profiles:\n  default: {json.dumps(GOOD)}\n  default: {json.dumps(GOOD)}\n",
        "profiles.yaml: default is there twice, in line 2 and in line 3",
    ),
    refused(
        "a pattern of every database", default_with(databases=["*"]), f"{PLACE}.databases.0: '*' is {RULES[DATABASE]}"
    ),
    refused(
        "a pattern of too many buckets",
        default_with(data_buckets=["qu*"]),
        f"{PLACE}.data_buckets.0: 'qu*' is {RULES[BUCKET]}",
    ),
    refused("no databases", default_with(databases=[]), f"{PLACE}.databases: needs at least one"),
    refused("no owners", default_with(owners=[]), NO_OWNER),
    refused("`owners` left out", default_with(owners=None), NO_OWNER),
    refused(
        "no data",
        default_with(data_buckets=None),
        f"{PLACE}: name data_buckets, or set lake_formation: true; otherwise no query can read anything",
    ),
    refused(
        "a grant in Lake Formation by pattern",
        default_with(**GRANTING),
        f"{PLACE}.databases: 'quick_*' is a pattern, and Lake Formation grants by name only: name each of them",
    ),
    refused(
        "more grants in Lake Formation than a stack has places",
        default_with(**GRANTING, databases=[f"quick_{number}" for number in range(7)]),
        f"{PLACE}: lake_formation_grants would be 14 grants, and a stack has 12 places: a database needs one, and one "
        "for all its tables or for each named table",
    ),
    refused("`work_group` alone", default_with(work_group="primary"), f"{PLACE}: {BOTH_OR_NEITHER}"),
    refused(
        "`work_group` called `none`",
        default_with(work_group="none", results_location="s3://results/"),
        f"{PLACE}: work_group can't be `none`: consumer_role.yaml reads that word as no workgroup",
    ),
    refused("`results_location` alone", default_with(results_location="s3://results/"), f"{PLACE}: {BOTH_OR_NEITHER}"),
    refused(
        "`results_location` without its last slash",
        default_with(work_group="primary", results_location="s3://results"),
        f"{PLACE}.results_location: 's3://results' is {RULES[LOCATION]}",
    ),
    refused(
        "a table of a database that is not exposed",
        default_with(tables=["hr/staff"]),
        f"{PLACE}.tables: 'hr/staff' is in no database that `databases` has, written the same",
    ),
    refused(
        "a limit of scanned bytes that Athena does not take",
        default_with(bytes_scanned_limit=1000),
        f"{PLACE}.bytes_scanned_limit: is too small: Athena takes no limit below 10000000 bytes",
    ),
    refused(
        "a cost tag of AWS's own",
        default_with(cost_tags={"aws:team": "sales"}),
        f"{PLACE}.cost_tags: 'aws:team' is not yours to set",
    ),
    refused(
        "a key for results that the role may not use",
        default_with(results_key_alias="alias/results"),
        f"{PLACE}.results_key_alias: 'alias/results' is not in kms_key_aliases too: nobody could read the results",
    ),
    refused(
        "a name in Quick that is the same for all accounts",
        default_with(display_name="Data"),
        f"{PLACE}.display_name: needs {{account}} or {{account_name}}: authors could not tell the accounts apart",
    ),
    refused(
        "accounts may name workgroups, and nobody says where the results go",
        default_with(accounts_may_widen=["workgroup"]),
        f"{PLACE}.accounts_may_widen: workgroup needs results_location: "
        "where an account's own workgroup puts its results",
    ),
    refused(
        "a `proof_table` without its database",
        default_with(databases=["orders"], proof_table="orders"),
        f"{PLACE}.proof_table: 'orders' is {RULES[PROOF_TABLE]}",
    ),
    refused(
        "a `proof_table` that the profile does not expose",
        default_with(proof_table="finance.orders"),
        f"{PLACE}: proof_table is in the database finance, which databases does not name",
    ),
    refused("a key nobody knows", default_with(bucket="mine"), f"{PLACE}.bucket: is a key nobody knows"),
    refused(
        "text where a list belongs",
        default_with(databases="quick_sales"),
        f"{PLACE}.databases: Input should be a valid list",
    ),
    refused(
        "more than one parameter can hold",
        default_with(data_buckets=MANY),
        LARGE,
    ),
    refused(
        "four faults of four kinds",
        default_with(databases=["*"], work_group="primary", bucket="mine", data_buckets=MANY),
        f"{PLACE}.databases.0: '*' is {RULES[DATABASE]}; profiles.default.bucket: is a key nobody knows; "
        f"profiles.default: {BOTH_OR_NEITHER}; {LARGE.removeprefix('profiles.yaml: ')}",
    ),
    Case(
        "broken while an account is connected",
        "InvalidProfiles",
        f"account {ACCOUNT}: AssessAccount: profiles.yaml: should be keys with values",
        "claim",
        STAYS,
        given=connected,
        trouble=deployed(""),
        happens=tag("default"),
    ),
    Case(
        "broken while a connected account is untagged",
        message="the account has no tag quick-athena",
        where="connection#default",
        status="quarantined",
        change=REVOKED,
        given=connected,
        trouble=deployed(""),
        happens=lambda stage: stage.world.untag(stage.account),
    ),
]
