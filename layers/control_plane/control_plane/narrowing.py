"""Fit a profile to one account, by the account's tags. Pure.

A tag narrows what the profile exposes to that account. It widens it only where the profile says so. Names in a tag are
exact: AWS allows no `*` there.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from control_plane.account import TagValues
from control_plane.contradictions import NONE
from control_plane.errors import AccountTagRefused
from control_plane.profiles import BUCKET, DATABASE, GROUP, RULES, WORD, Profile

FIELDS = {"workgroup": "work_group", "databases": "databases", "buckets": "data_buckets", "groups": "viewers"}
PATTERNS = {"workgroup": WORD, "databases": DATABASE, "buckets": BUCKET, "groups": GROUP}
Fitted = tuple[dict[str, Profile], dict[str, str]]


def fit_all(names: Iterable[str], profiles: Mapping[str, Profile], values: TagValues) -> Fitted:
    """These profiles for an account with these tags, and why others can't be what its tags ask for."""
    fitted, refused = {}, {}
    for name in names:
        try:
            fitted[name] = fit(name, profiles[name], values)
        except AccountTagRefused as error:
            refused[name] = str(error)
    return fitted, refused


def fit(name: str, profile: Profile, values: TagValues) -> Profile:
    """The profile for an account with these tags. AccountTagRefused says which tag asks for what it may not have."""
    tags = {kind: getattr(values, kind) for kind in FIELDS}
    named = {kind: _checked(name, profile, kind, words) for kind, words in tags.items() if words is not None}
    changes: dict[str, Any] = {FIELDS[kind]: words for kind, words in named.items()}
    if "databases" in named:
        changes["tables"] = [table for each in named["databases"] for table in _tables(profile, each)]
    if "databases" in named and profile.publishes_to:
        published = [each for each in named["databases"] if any(_matches(every, each) for every in profile.published)]
        changes |= {"publishes": published} if published else {"publishes": [], "publishes_to": []}
    if "databases" in named or "buckets" in named:
        changes["proof_table"] = None  # the account may have left it out, and then it is not the account's fault
    if "workgroup" in named:
        changes["work_group"] = named["workgroup"][0]
    return profile.model_copy(update=changes) if changes else profile


def _checked(name: str, profile: Profile, kind: str, words: tuple[str, ...]) -> list[str]:
    """The words of one tag, each of which the profile allows."""
    tag = f"the tag that ends in :{kind}"
    if not words:
        raise AccountTagRefused(f"{tag} is empty: name some, or remove the tag")
    if kind == "workgroup" and len(words) > 1:
        raise AccountTagRefused(f"{tag} names {len(words)} workgroups: name one")
    if kind == "workgroup" and words[0] == NONE:
        raise AccountTagRefused(f"{tag} is {NONE!r}: consumer_role.yaml reads that word as no workgroup")
    for word in words:
        if not re.fullmatch(PATTERNS[kind], word):
            raise AccountTagRefused(f"{tag} has {word!r}, which is {RULES[PATTERNS[kind]]}")
        if kind not in profile.accounts_may_widen and not _covers(profile, kind, word):
            lacks = f"the profile {name!r} does not have it and lets no account widen its {kind}"
            raise AccountTagRefused(f"{tag} names {word!r}: {lacks}")
    return list(dict.fromkeys(words))


def _covers(profile: Profile, kind: str, word: str) -> bool:
    match kind:
        case "databases":
            return any(_matches(each, word) for each in profile.databases)
        case "buckets":
            return any(_matches(each, word) or _matches(f"{each}/*", word) for each in profile.data_buckets)
        case "groups":
            return word in profile.viewers
        case _:
            return word == profile.work_group


def _matches(pattern: str, word: str) -> bool:
    """Whether the pattern has all that the word has, where the word may be a pattern too: its `*` is like any sign."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), word) is not None


def _tables(profile: Profile, database: str) -> list[str]:
    """The tables of a named database that the profile allows; none: all of them."""
    covering = [each for each in profile.databases if _matches(each, database)]
    named = {each: [t.split("/")[1] for t in profile.tables if t.split("/")[0] == each] for each in covering}
    return [] if not all(named.values()) else [f"{database}/{table}" for each in covering for table in named[each]]
