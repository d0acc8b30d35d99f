"""Compare the stack sets with our names with what was built: outdated ones, and ones somebody changed. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from control_plane.account import Hub
from control_plane.definition import values_hash
from control_plane.profiles import Profile, parameters
from control_plane.sweep.snapshot import Baseline, StackSetSummary

LONGEST = 300  # characters of the differences of one stack set
MAX_KNOWN = 500  # profiles and templates in the baseline


class Built(NamedTuple):
    """The definition of the stack sets: the template's hash, and the hash of each profile's parameter values."""

    body: str
    values: Mapping[str, str]


def built(body: str, profiles: Mapping[str, Profile], hub: Hub) -> Built:
    """What was built: the template's hash with the profiles."""
    return Built(body, {name: values_hash(parameters(name, profile, hub)) for name, profile in profiles.items()})


def outdated(found: Iterable[StackSetSummary], wanted: Built) -> frozenset[str]:
    """The profiles whose stack sets are ours but not what was built: their accounts are updated."""
    return frozenset(
        each.profile
        for each in found
        if not each.ownership_mismatch
        and each.profile in wanted.values
        and (
            (each.body, each.values) != (wanted.body, wanted.values[each.profile])
            or each.untagged
            or each.tag_mismatches
        )
    )


def differences(found: Iterable[StackSetSummary], wanted: Built | None, known: Baseline) -> tuple[str, ...]:
    """Stack sets that people have to check. An older definition of ours is left out: it agrees with its tags.

    `wanted` is None while the profiles can't be read: then no stack set is reported as having no profile.
    Those without our ownership tags are left out, too: they are unmanaged resources.
    """
    texts = {each.name: _describe(each, wanted, known) for each in found if not each.ownership_mismatch}
    return tuple(f"{name}: {'; '.join(each)}"[:LONGEST] for name, each in sorted(texts.items()) if each)


def unmanaged(found: Iterable[StackSetSummary], wanted: Built | None, known: Baseline) -> tuple[str, ...]:
    """Stack sets with our names but without our ownership tags, and how else they differ from what was built."""
    return tuple(
        f"stack set {each.name}: {'; '.join(_describe(each, wanted, known))}"[:LONGEST]
        for each in sorted(found, key=lambda each: each.name)
        if each.ownership_mismatch
    )


def updated_baseline(
    before: Baseline,
    wanted: Built,
    found: Iterable[StackSetSummary],
    recorded: Iterable[str],
    publishing: str = "",
) -> Baseline:
    """The baseline with what is built now. The first baseline believes the registry and the stack sets' tags."""
    profiles, bodies = {*before.profiles, *wanted.values}, list(before.bodies)
    if not bodies:
        profiles |= set(recorded)
        bodies = sorted({each.body for each in found if each.is_ours and not each.untagged and not each.tag_mismatches})
    bodies = [*(body for body in bodies if body != wanted.body), wanted.body]
    known = {"profiles": tuple(sorted(profiles))[:MAX_KNOWN], "bodies": tuple(bodies[-MAX_KNOWN:])}
    return before.model_copy(update={**known, "publishing": publishing})


def _describe(found: StackSetSummary, wanted: Built | None, known: Baseline) -> list[str]:
    found_differences = [found.ownership_mismatch] if found.ownership_mismatch else []
    if wanted and found.profile not in {*wanted.values, *known.profiles}:
        found_differences.append("profiles.yaml has no such profile, and never had")
    found_differences += found.tag_mismatches
    if not found.untagged and not found.tag_mismatches and found.body not in known.bodies:
        found_differences.append("no sweep has ever seen its body built")
    # A stack set created before these tags existed, and without instances, is not reported.
    if found.untagged and not found.is_empty:
        found_differences.append("it has no tags with the hashes of its body and parameters")
    return [*found_differences, *found.settings]
