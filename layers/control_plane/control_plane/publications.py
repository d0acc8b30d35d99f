"""Who publishes to whom: the data mesh between consumer accounts. Pure.

An account publishes while its consumer role is in the access policy through a profile that publishes. So nothing of this
is stored: whoever loses access stops publishing with it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from control_plane.access_policy import Shard
from control_plane.account import Connection, Hub
from control_plane.profiles import PLACE, PLACES, Profile

MAX_READERS = 100  # accounts that one reconcile starts; the sweep checks every reader


def allowed_connections(shards: Iterable[Shard], hub: Hub) -> list[Connection]:
    """The connections in the access policy."""
    found = (Connection.of_role(entry, hub) for shard in shards for entry in shard.entries)
    return [connection for connection in found if connection]


def is_reader(account_id: str, above: Sequence[str] | None, profiles: Mapping[str, Profile]) -> bool:
    """Whether some profile publishes to the account. Parents that nobody read may be any."""
    named = {target for profile in profiles.values() for target in profile.publishes_to}
    return account_id in named or (any(map(_is_unit, named)) if above is None else not named.isdisjoint(above))


def needs_parents(account_id: str, profiles: Mapping[str, Profile]) -> bool:
    """Whether one has to know the account's parents to say who publishes to it."""
    return any(
        account_id not in each.publishes_to and any(map(_is_unit, each.publishes_to)) for each in profiles.values()
    )


def publishers_of(
    account_id: str, above: Sequence[str], profiles: Mapping[str, Profile], allowed: Iterable[Connection]
) -> list[str]:
    """The accounts that publish to this one, each with the profiles through which it does."""
    found: dict[str, list[str]] = {}
    for connection in sorted(allowed, key=lambda each: each.key):
        profile = profiles.get(connection.profile)
        if profile and connection.account_id != account_id and _reaches(profile, account_id, above):
            found.setdefault(connection.account_id, []).append(connection.profile)
    return [" ".join((publisher, *names)) for publisher, names in found.items()]


def placed(publishers: Sequence[str], parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The publishers by place. One that has a place in the account's stack keeps it; others get the first free ones.

    A catalog is a resource of its place and has the publisher's name. If a publisher moved, CloudFormation would make its
    catalog again before it deletes the old one, and fail.
    """
    words = {each.partition(" ")[0]: each for each in publishers}
    before = [parameters.get(PLACE.format(number=number), "") for number in range(1, PLACES + 1)]
    places = [words.pop(account, "") for account in before]
    waiting = iter(words.values())
    filled = [each or next(waiting, "") for each in places]
    while filled and not filled[-1]:
        filled.pop()
    return tuple(filled)


def without_place(publishers: Iterable[str], places: Collection[str]) -> list[str]:
    """The publishers for whom the account has no place."""
    return [each for each in publishers if each not in places]


def readers_of(
    account_id: str,
    published: Iterable[Profile],
    allowed: Iterable[Connection],
    units_above: Callable[[str], Sequence[str]],
) -> list[str]:
    """The connected accounts to which these profiles of the account publish; no more than one reconcile starts."""
    publishing = [each for each in published if each.publishes_to]
    others = sorted({each.account_id for each in allowed} - {account_id}) if publishing else []
    named = [each for each in others if any(each in profile.publishes_to for profile in publishing)]
    by_unit = [profile for profile in publishing if any(map(_is_unit, profile.publishes_to))]
    unnamed = [each for each in others if each not in named][: MAX_READERS - len(named)] if by_unit else []
    below = [each for each in unnamed if any(_reaches(profile, each, units_above(each)) for profile in by_unit)]
    return [*named, *below][:MAX_READERS]


def _reaches(profile: Profile, account_id: str, above: Sequence[str]) -> bool:
    return not {account_id, *above}.isdisjoint(profile.publishes_to)


def _is_unit(target: str) -> bool:
    return not target.isdigit()
