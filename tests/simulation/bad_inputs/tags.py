"""Values of the opt-in tag, and of those that fit a profile to the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from control_plane.profiles import BUCKET, RULES
from tests.simulation.bad_inputs.vocabulary import ACCOUNT, CONNECTED, REVOKED, STAYS, Case, connected, tag

if TYPE_CHECKING:
    from tests.simulation.bad_inputs.vocabulary import Stage, Verb

WHO = f"account {ACCOUNT}: AssessAccount: the tag quick-athena"
WRITE = "write enabled, paused, disabled, or profile names separated by spaces"
NO_NAME = "which is no profile name (lower-case letters, digits, hyphens)"
DEFINED = "it defines automatic, blue, default, elsewhere, ownerless, private, sales, shared, taken, unmanaged"


def expiring_tomorrow(stage: Stage) -> None:
    """The account is tagged, together with a date that is none."""
    tags = {"quick-athena": "enabled", "quick-athena:expires": "tomorrow"}
    with stage.world.cloud.administering(stage.world.cloud.topology.management):
        stage.world.cloud.client("organizations", "us-east-1").tag_resource(
            ResourceId=stage.account, Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
        )


def also(**tags: str) -> Verb:
    """The account opts in, and another tag says something about its profile; `{account}` is its id."""

    def happens(stage: Stage) -> None:
        keys = {f"quick-athena:{name}": text.replace("{account}", stage.account) for name, text in tags.items()}
        with stage.world.cloud.administering(stage.world.cloud.topology.management):
            stage.world.cloud.client("organizations", "us-east-1").tag_resource(
                ResourceId=stage.account,
                Tags=[{"Key": key, "Value": value} for key, value in {"quick-athena": "enabled", **keys}.items()],
            )

    return happens


def too_much(words: str, message: str, **tags: str) -> Case:
    """The account asks for what its profile does not have."""
    reason = f"account {ACCOUNT}: AssessAccount: the tag that ends in {message}"
    return Case(words, "AccountTagRefused", reason, "connection#default", happens=also(**tags))


LACKS = "the profile 'default' does not have it and lets no account widen its"
NO_DATE = f"{WHO}:expires has 'tomorrow', which is no date: write it as 2026-12-31 (until the end of that day, UTC)"


def unreadable(words: str, value: str, message: str) -> Case:
    """Nothing is given and nothing is taken away."""
    return Case(words, "InvalidTagValue", f"{WHO} {message}", "claim", happens=tag(value))


def tolerated(words: str, value: str) -> Case:
    """Read as it was meant."""
    reason = f"the tag quick-athena says {value.strip()}"
    return Case(words, "", reason, "connection#default", CONNECTED, "connected", happens=tag(value))


CASES = [
    unreadable("empty", "", f"is empty: {WRITE}"),
    unreadable("blanks only", "   ", f"is empty: {WRITE}"),
    unreadable("a capital: `Enabled`", "Enabled", f"has 'Enabled', {NO_NAME}; did you mean enabled?"),
    unreadable("a capital in a name", "sales Default", f"has 'Default', {NO_NAME}; did you mean default?"),
    unreadable("another word: `true`, in capitals", "TRUE", f"has 'TRUE', {NO_NAME}; did you mean true?"),
    unreadable("an underscore", "sales_eu", f"has 'sales_eu', {NO_NAME}"),
    unreadable("names joined by `+`", "default+sales", f"has 'default+sales', {NO_NAME}"),
    unreadable("a hyphen at the end", "sales-", f"has 'sales-', {NO_NAME}"),
    unreadable("a name of 33 characters", "a" * 33, f"has '{'a' * 33}', {NO_NAME}"),
    unreadable("letters of another script", "vertrieb-süd", f"has 'vertrieb-süd', {NO_NAME}"),
    unreadable(
        "a reserved word and a profile",
        "enabled sales",
        "mixes enabled with profile names: write the one or the other",
    ),
    unreadable("two reserved words", "enabled paused", "says enabled and paused: write one of them"),
    Case(
        "`quick-athena:expires` with a word instead of a date",
        "InvalidExpiry",
        NO_DATE,
        "claim",
        happens=expiring_tomorrow,
    ),
    Case(
        "a connected account gets a `quick-athena:expires` that is no date",
        "InvalidExpiry",
        NO_DATE,
        "claim",
        STAYS,
        given=connected,
        happens=expiring_tomorrow,
    ),
    Case(
        "a connected account's tag becomes unreadable",
        "InvalidTagValue",
        f"{WHO} has 'Enabled', {NO_NAME}; did you mean enabled?",
        "claim",
        STAYS,
        given=connected,
        happens=tag("Enabled"),
    ),
    Case(
        "a profile nobody defined",
        "UnknownProfile",
        f"account {ACCOUNT}: AssessAccount: profiles.yaml defines no profile 'salse'; {DEFINED}",
        "connection#salse",
        happens=tag("salse"),
    ),
    Case(
        "a good profile and one nobody defined",
        "UnknownProfile",
        f"account {ACCOUNT}: AssessAccount: profiles.yaml defines no profile 'salse'; {DEFINED}",
        "connection#salse",
        CONNECTED,
        happens=tag("default salse"),
    ),
    Case(
        "a profile that is offered to others only",
        "ProfileNotOffered",
        f"account {ACCOUNT}: AssessAccount: profiles.yaml does not offer the profile 'private' to this account, only "
        "to 111122223333 and to what is below ou-ab12-consumers1",
        "connection#private",
        happens=tag("private"),
    ),
    too_much(
        "`quick-athena:databases` with a database that the profile lacks",
        f":databases names 'finance': {LACKS} databases",
        databases="quick_sales finance",
    ),
    too_much(
        "`quick-athena:databases` without a value",
        ":databases is empty: name some, or remove the tag",
        databases="",
    ),
    too_much(
        "`quick-athena:buckets` with another account's bucket",
        f":buckets names 'quick-data-111122223333': {LACKS} buckets",
        buckets="quick-data-111122223333",
    ),
    too_much(
        "`quick-athena:buckets` with a URL",
        f":buckets has 's3://quick-data-{{account}}', which is {RULES[BUCKET]}",
        buckets="s3://quick-data-{account}",
    ),
    too_much("`quick-athena:groups` with a group of no viewers", f":groups names 'hr': {LACKS} groups", groups="hr"),
    too_much(
        "`quick-athena:workgroup` although the profile makes its own",
        f":workgroup names 'primary': {LACKS} workgroup",
        workgroup="primary",
    ),
    too_much("two workgroups", ":workgroup names 2 workgroups: name one", workgroup="primary other"),
    Case(
        "a connected account asks for more than its profile has",
        "",
        f"the tag that ends in :databases names 'finance': {LACKS} databases",
        "connection#default",
        status="quarantined",
        change=REVOKED,
        given=connected,
        happens=also(databases="finance"),
    ),
    tolerated("blanks around it", "  enabled "),
    tolerated("a profile named twice", "default  default"),
    tolerated("`enabled` twice", "enabled enabled"),
]
