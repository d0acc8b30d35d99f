"""Who publishes to whom, and what the readers get: the data mesh between consumer accounts. Pure.

An account publishes while its consumer role is in the access policy through a profile that publishes. So nothing of
this is stored: whoever loses access stops publishing with it.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from control_plane.access_policy import Shard
from control_plane.account import Connection, Hub
from control_plane.contradictions import ACCOUNT, NONE
from control_plane.profiles import LONGEST, OF_PUBLISHERS, PUBLISHER_PLACES, Profile, glue_arns
from control_plane.text import first

POLICY_ROOM = 4_050  # of IAM's 6,144 characters: the rest of the policy is what consumer_role.yaml writes around them
PUBLISHED = ("PublishedDatabaseArns", "PublishedDataArns", "PublishedKeyAliases")  # parameters that become lists
ANY_ACCOUNT = "?" * 12  # in IAM's patterns: an id of an account, of whichever


def allowed_connections(shards: Iterable[Shard], hub: Hub) -> list[Connection]:
    """The connections in the access policy."""
    found = (Connection.of_role(entry, hub) for shard in shards for entry in shard.entries)
    return [connection for connection in found if connection]


def is_reader(account_id: str, above: Sequence[str] | None, known: Mapping[str, Profile]) -> bool:
    """Whether some profile publishes to the account. Parents that nobody read may be any."""
    named = {target for profile in known.values() for target in profile.publishes_to}
    return account_id in named or (any(map(_is_unit, named)) if above is None else not named.isdisjoint(above))


def needs_parents(account_id: str, known: Mapping[str, Profile]) -> bool:
    """Whether one has to know the account's parents to say who publishes to it."""
    return any(account_id not in each.publishes_to and any(map(_is_unit, each.publishes_to)) for each in known.values())


def publishers_of(
    account_id: str, above: Sequence[str], known: Mapping[str, Profile], allowed: Iterable[Connection]
) -> list[str]:
    """The accounts that publish to this one, each with the profiles through which it does: `111122223333 sales`."""
    found: dict[str, list[str]] = {}
    for connection in sorted(allowed, key=lambda each: each.key):
        profile = known.get(connection.profile)
        is_other = connection.account_id != account_id
        if profile and is_other and not {account_id, *above}.isdisjoint(profile.publishes_to):
            found.setdefault(connection.account_id, []).append(connection.profile)
    return [" ".join((publisher, *names)) for publisher, names in found.items()]


def taken_apart(place: str) -> tuple[str, list[str]]:
    """The account of a place (`111122223333 sales`) and the profiles through which it publishes; of a free one none."""
    account_id, *names = place.split() or [""]
    return account_id, names


def accounts_of(places: Iterable[str]) -> list[str]:
    """The account of each place, empty for a free one."""
    return [taken_apart(each)[0] for each in places]


def placed(publishers: Sequence[str], parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The publishers by place. One that has a place in the account's stack keeps it; others get the first free ones.

    A catalog is a resource of its place and has the publisher's name. If a publisher moved, CloudFormation would make
    its catalog again before it deletes the old one, and fail.
    """
    words = dict(zip(accounts_of(publishers), publishers, strict=True))
    places = [words.pop(parameters.get(place, ""), "") for place in PUBLISHER_PLACES]
    waiting = iter(words.values())
    filled = [each or next(waiting, "") for each in places]
    while filled and not filled[-1]:
        filled.pop()
    return tuple(filled)


def without_place(publishers: Sequence[str], places: Sequence[str]) -> str:
    """Which publishers have no place in the reader's stack, and what to do; empty: all have one."""
    names = accounts_of(each for each in publishers if each not in places)
    if not names:
        return ""
    return (
        f"no place for the publishers {first(names)}: an account reads from {len(PUBLISHER_PLACES)} at most. "
        "Untag publishers that it need not read, or name it in the publishes_to of fewer profiles"
    )


def readers(account_id: str, profile: Profile | None) -> tuple[str, ...]:
    """To whom the account publishes through a profile: other accounts, OUs, the root. It is the scope of a sweep."""
    return tuple(sorted({*profile.publishes_to} - {account_id})) if profile else ()


def confirmed(
    places: Sequence[str],
    readers: Collection[str],
    allowed: Collection[Connection],
    profile: Callable[[str], Profile | None],
) -> tuple[str, ...]:
    """The publishers of these readers, each in its place, without those that do not publish.

    Whoever can write the queue of a stack set could name any account and profile. So each is looked up again: it is
    another account, in the access policy through that profile, and the profile publishes.
    """

    def publishes(account_id: str, name: str) -> bool:
        found = Connection(account_id=account_id, profile=name) in allowed and profile(name)
        return bool(found and found.publishes_to) and account_id not in readers

    kept = []
    for each in places:
        account_id, names = taken_apart(each)
        through = [name for name in names if publishes(account_id, name)]
        kept.append(" ".join((account_id, *through)) if through else "")
    return tuple(kept)


def fingerprint(known: Mapping[str, Profile]) -> str:
    """A short text that changes when what is published, or to whom, does; empty: nothing is."""
    fields = {"publishes_to", "publishes", "databases", "tables", "data_buckets", "kms_key_aliases"}
    publishing = {name: each.model_dump(include=fields) for name, each in known.items() if each.publishes_to}
    return hashlib.sha256(json.dumps(publishing, sort_keys=True).encode()).hexdigest()[:16] if publishing else ""


def with_publishers(
    values: Mapping[str, str], places: Sequence[str], profile: Callable[[str], Profile], hub: Hub
) -> dict[str, str]:
    """The parameters of an account to which others publish: `places` are its publishers, each in its place.

    Databases and buckets are named without the publishers' ids; one parameter has the ids, as a condition. So the size
    does not grow with the accounts. What each publisher exposes is decided by the policies in its account.
    """
    if not any(places):
        return dict(values)
    names = sorted({name for each in places for name in taken_apart(each)[1]})
    publishing = [each for each in map(profile, names) if each.publishes_to]
    return {**values, **_parameters(accounts_of(places), publishing, hub)}


def _parameters(accounts: Sequence[str], publishing: Sequence[Profile], hub: Hub) -> dict[str, str]:
    """The publishers' part of consumer_role.yaml's parameters."""
    databases = [arn for each in publishing for name in each.published for arn in glue_arns(each, name, hub)]
    buckets = [each.replace(ACCOUNT, ANY_ACCOUNT) for profile in publishing for each in profile.data_buckets]
    s3 = f"arn:{hub.partition}:s3:::"
    values = {
        **dict(zip(PUBLISHER_PLACES, accounts, strict=False)),
        "PublisherAccounts": _joined(filter(None, accounts)),
        "PublishedDatabaseArns": _joined(databases),
        "PublishedDataArns": _joined(s3 + each for b in buckets for each in (b.split("/")[0], f"{b}/*")),
        "PublishedKeyAliases": _joined(alias for each in publishing for alias in each.kms_key_aliases),
    }
    return {name: values.get(name) or NONE for name in OF_PUBLISHERS}


def oversized(known: Mapping[str, Profile]) -> Iterator[str]:
    """What would be too large in an account to which everybody publishes."""
    publishing = [each for each in known.values() if each.publishes_to]
    values = _parameters([LONGEST.account_id] * len(PUBLISHER_PLACES), publishing, LONGEST)
    size = sum(len(json.dumps(values[name].split(","), separators=(",", ":"))) for name in PUBLISHED)
    if size > POLICY_ROOM:
        yield (
            f"all that profiles publish would be {size} characters in a reader's policy, which has room for "
            f"{POLICY_ROOM}: publish fewer databases, buckets and keys, or use patterns"
        )


def _joined(values: Iterable[str]) -> str:
    """Each value once, in this order."""
    return ",".join(dict.fromkeys(values))


def _is_unit(target: str) -> bool:
    return not target.isdigit()
