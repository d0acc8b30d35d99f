"""The messages that ask people to approve a batch: of revocations, or of new connections. Pure."""

import hashlib
import re
from collections.abc import Sequence

MAX_LISTED = 50
CONNECTION = re.compile(r"[0-9]{12}#[a-z0-9-]+")


def batch_name(batch_id: str, unit: str) -> str:
    """A name for each batch: the ids of two units' batches may be the same, and a unit's id may be too long for one."""
    return f"{hashlib.sha256(unit.encode()).hexdigest()[:12]}-{batch_id}" if unit else batch_id


def approval_message(batch_id: str, connections: Sequence[str], token: str, region: str) -> tuple[str, str]:
    """Subject and text of the message: the revocations, and how to approve or reject them."""
    why = [
        f"{len(connections)} connections are to lose their access, more than an hour's revocation budget.",
        "Their tag was removed, or their role was changed in the account and must be rebuilt.",
        "Entries of the access policy that no connection has are listed by their ARN.",
        "Until you approve, Amazon Quick can still query them:",
    ]
    undo = "If it is wrong, put the tags back: connections with a tag leave the batch. Or reject the batch:"
    about = f"Batch {batch_id}; docs/howto/approve-revocations.md."
    text = "\n".join([*why, *_question(batch_name(batch_id, ""), connections, token, region, undo), about])
    return f"Quick Onboarding: approve {len(connections)} revocations?", text


def grant_message(unit: str, batch_id: str, connections: Sequence[str], token: str, region: str) -> tuple[str, str]:
    """Subject and text of the message about new connections of one OU or the root."""
    why = [
        f"The tag of {unit} asks for {len(connections)} new connections, more than an hour's grant budget.",
        "Nothing is created for them until you approve. Then Amazon Quick can query these accounts:",
    ]
    undo = "If it is wrong, remove the tag. Or reject the batch:"
    about = f"Batch {batch_id} of {unit}; docs/howto/approve-new-connections.md."
    text = "\n".join([*why, *_question(batch_name(batch_id, unit), connections, token, region, undo), about])
    return f"Quick Onboarding: approve {len(connections)} new connections?", text


def _question(name: str, connections: Sequence[str], token: str, region: str, undo: str) -> list[str]:
    """The list, and how to answer."""
    return [
        "",
        *_named(connections),
        "",
        "If that is right, approve exactly this batch (a change of the batch invalidates its name and the token):",
        "",
        f"  quickctl approve {name}",
        "",
        "or",
        "",
        f"  aws stepfunctions send-task-success --region {region} --task-output '{{}}' --task-token '{token}'",
        "",
        undo,
        "",
        f"  quickctl reject {name}",
        "",
        "or",
        "",
        f"  aws stepfunctions send-task-failure --region {region} --error Rejected --task-token '{token}'",
        "",
    ]


def _named(connections: Sequence[str]) -> list[str]:
    """A line for each of the first connections, and how many more there are."""
    more = [f"  ... and {len(connections) - MAX_LISTED} more"] if len(connections) > MAX_LISTED else []
    return [*(f"  {_describe(key)}" for key in sorted(connections)[:MAX_LISTED]), *more]


def _describe(key: str) -> str:
    """A connection by account and profile; any other entry as it is, cut to the length of a line."""
    account, _, profile = key.partition("#")
    return f"account {account}, profile {profile}" if CONNECTION.fullmatch(key) else f"entry {key[:200]}"
