"""Accounts that can't be connected, whatever their tag says."""

from __future__ import annotations

from tests.simulation.bad_inputs.events import start
from tests.simulation.bad_inputs.vocabulary import ACCOUNT, REVOKED, Case, Stage, Verb, connected, in_turn, tag

NOT_NOW = "so it can't be connected as its tag quick-athena asks"


def account_of(role: str) -> Verb:
    """The case's account is the management account, or the hub."""

    def given(stage: Stage) -> None:
        stage.account = str(getattr(stage.world.cloud.topology, role))

    return given


def state(value: str) -> Verb:
    """The account's state in the organization becomes that."""

    def happens(stage: Stage) -> None:
        member = stage.world.organizations.directory.find(stage.account)
        assert member is not None
        member.state = value

    return happens


def removed(stage: Stage) -> None:
    """The management account takes the account out of the organization."""
    with stage.world.cloud.administering(stage.world.cloud.topology.management):
        organizations = stage.world.cloud.client("organizations", "us-east-1")
        organizations.remove_account_from_organization(AccountId=stage.account)


def not_active(words: str, value: str) -> Case:
    """An account that asks, has nothing, and is not active."""
    message = f"account {ACCOUNT}: AssessAccount: the account is {value}, {NOT_NOW}"
    return Case(words, "AccountNotActive", message, "claim", happens=in_turn(state(value), tag("enabled")))


def not_any_more(words: str, reason: str, *verbs: Verb) -> Case:
    """A connected account that may not be connected any more."""
    return Case(
        words,
        message=reason,
        where="connection#default",
        status="quarantined",
        change=REVOKED,
        given=connected,
        happens=in_turn(*verbs),
    )


LOOK = start({"account_id": ACCOUNT})

CASES = [
    Case(
        "the management account",
        "AccountNotReachable",
        "account 111122223333: AssessAccount: the management account can't be connected: service-managed stack sets "
        "never reach it",
        "claim",
        given=account_of("management"),
    ),
    Case(
        "the hub",
        "AccountNotReachable",
        "account 444455556666: AssessAccount: the hub account needs no connection: Quick reads its own account's "
        "Athena directly",
        "claim",
        given=account_of("hub"),
    ),
    Case(
        "an account that left before it was ever connected",
        "AccountNotFound",
        counted=False,
        happens=removed,
    ),
    not_active("suspended", "SUSPENDED"),
    not_active("being closed", "PENDING_CLOSURE"),
    not_active("closed", "CLOSED"),
    not_active("still being created", "PENDING_ACTIVATION"),
    not_any_more("connected, then suspended", "the account is SUSPENDED", state("SUSPENDED"), LOOK),
    not_any_more("connected, then it left", "the account is not in the organization", removed),
]
