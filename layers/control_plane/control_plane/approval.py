"""The question people are asked before many connections lose their access at once. Pure."""

import re
from collections.abc import Sequence

NAMED = 50
CONNECTION = re.compile(r"[0-9]{12}#[a-z0-9-]+")


def question(plan_id: str, connections: Sequence[str], token: str, region: str) -> tuple[str, str]:
    """Subject and text of the message: what would go, and how to approve exactly that, or refuse it, in that Region."""
    named = [f"  {_words(key)}" for key in sorted(connections)[:NAMED]]
    if len(connections) > NAMED:
        named.append(f"  ... and {len(connections) - NAMED} more")
    text = "\n".join(
        [
            f"{len(connections)} connections are to lose their access, more than an hour may take away by itself:",
            "they are no longer asked for, or their role was changed in the account and is to be built anew;",
            "entries of the access policy that nobody asked for are named by their ARN.",
            "Until you approve, Amazon Quick can still query them:",
            "",
            *named,
            "",
            "If that is right, approve exactly this list (another list makes the token useless):",
            "",
            f"  aws stepfunctions send-task-success --region {region} --task-output '{{}}' --task-token '{token}'",
            "",
            "If it is wrong, put the tags back: what is asked for again leaves the list by itself. Or refuse the list:",
            "",
            f"  aws stepfunctions send-task-failure --region {region} --error Rejected --task-token '{token}'",
            "",
            f"Plan {plan_id}; docs/howto/approve-revocations.md.",
        ]
    )
    return f"Quick Onboarding: approve {len(connections)} revocations?", text


def _words(key: str) -> str:
    """A connection by account and profile; an entry that is none by what it says, cut to a line's length."""
    account, _, profile = key.partition("#")
    return f"account {account}, profile {profile}" if CONNECTION.fullmatch(key) else f"entry {key[:200]}"
