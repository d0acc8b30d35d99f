"""What a profile has Lake Formation grant to the consumer role, by place in its template. Pure.

A place is a resource of CloudFormation. If its grant changes, CloudFormation makes the new grant first and then revokes
the old one. When both are of the same table, nothing would be left. So places that collide are emptied first, by an
operation of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from control_plane import errors
from control_plane.contradictions import NONE

PLACES = 12  # that the template has: without a transform it can't have a list
PARAMETERS = ("GrantDatabase", "GrantTable", "GrantColumns")  # of each place
ALL_TABLES = "*"
RESOURCE_TYPE = "AWS::LakeFormation::PrincipalPermissions"


class Grant(NamedTuple):
    """DESCRIBE on a database, or SELECT on all its tables, on one of them, or on columns of one (joined by commas)."""

    database: str = NONE
    table: str = NONE
    columns: str = NONE


FREE = Grant()


def wanted(databases: Iterable[str], tables: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[Grant]:
    """The grants that make these readable. SELECT shows the table, too; a database shows itself by DESCRIBE only."""
    found: dict[Grant, None] = {}
    for database in databases:
        named = [table for table in tables if table.split("/")[0] == database]
        of_tables = [Grant(database, each.split("/")[1], ",".join(columns.get(each, ())) or NONE) for each in named]
        found |= dict.fromkeys([Grant(database), *(of_tables or [Grant(database, ALL_TABLES)])])
    return list(found)


def as_parameters(grants: Sequence[Grant]) -> dict[str, str]:
    """The parameters of all places, of which these grants take the first ones."""
    filled = [*grants, *[FREE] * PLACES][:PLACES]
    return {
        f"{name}{place}": value
        for place, grant in enumerate(filled, start=1)
        for name, value in zip(PARAMETERS, grant, strict=True)
    }


def to_empty(current: Mapping[str, str], new: Mapping[str, str], *, is_current: bool) -> tuple[int, ...]:
    """The places to empty before a stack gets the new parameters: all that change, if two of their grants collide.

    After a failure (it is not current) a stack may have other grants than its parameters say, in whichever place.
    """
    before, after = _by_place(current), _by_place(new)
    if not is_current:
        return tuple(place for place, grant in enumerate(after, start=1) if grant != FREE)
    changed = [place for place in range(PLACES) if before[place] != after[place]]
    revoked = {before[place][:2] for place in changed} - {FREE[:2]}
    made = {after[place][:2] for place in changed}
    return tuple(place + 1 for place in changed) if revoked & made else ()


def without(parameters: Mapping[str, str], places: Iterable[int]) -> dict[str, str]:
    """The parameters with these places empty."""
    return {**parameters, **{f"{name}{place}": NONE for place in places for name in PARAMETERS}}


def are_emptied(current: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Whether the new parameters differ from the current ones only by what places that are empty now will have."""
    empty = [place for place, grant in enumerate(_by_place(current), start=1) if grant == FREE]
    return dict(current) != dict(new) and dict(current) == without(new, empty)


def role_failure(why: str) -> errors.ConsumerRoleFailed | errors.LakeGrantRefused:
    """The error for a stack that failed, by what AWS says of it."""
    return errors.LakeGrantRefused(why) if RESOURCE_TYPE in why else errors.ConsumerRoleFailed(why)


def _by_place(parameters: Mapping[str, str]) -> list[Grant]:
    """The grant in each place. A stack that is older than the places has none of them."""
    return [Grant(*(parameters.get(f"{name}{place}", NONE) for name in PARAMETERS)) for place in range(1, PLACES + 1)]
