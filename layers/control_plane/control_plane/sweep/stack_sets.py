"""Whether the stack sets with our names are what was built: which are only older, and which somebody changed. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from control_plane.account import Hub
from control_plane.definition import values_hash
from control_plane.profiles import Profile, parameters
from control_plane.sweep.facts import Memory, StackSet

SAID = 300  # characters of one stack set's differences
MOST = 500  # profiles and bodies that are remembered


@dataclass(frozen=True)
class Built:
    """What every stack set should be: the body's hash, and that of the values of each profile."""

    body: str
    values: Mapping[str, str]


def built(body: str, profiles: Mapping[str, Profile], hub: Hub) -> Built:
    """What was built, from the body's hash and the profiles."""
    return Built(body, {name: values_hash(parameters(name, profile, hub)) for name, profile in profiles.items()})


def outdated(found: Iterable[StackSet], wanted: Built) -> frozenset[str]:
    """The profiles whose stack sets are ours and are not what was built: their accounts are updated."""
    return frozenset(
        each.profile
        for each in found
        if not each.unmarked
        and each.profile in wanted.values
        and ((each.body, each.values) != (wanted.body, wanted.values[each.profile]) or each.untold or each.lies)
    )


def differences(found: Iterable[StackSet], wanted: Built | None, known: Memory) -> tuple[str, ...]:
    """What people have to look at. An older definition of ours is none of it: it agrees with its tags.

    `wanted` is None while the profiles can't be read: then no stack set is said to be nobody's.
    """
    words = {each.name: _words(each, wanted, known) for each in found}
    return tuple(f"{name}: {'; '.join(said)}"[:SAID] for name, said in sorted(words.items()) if said)


def remembering(before: Memory, wanted: Built, found: Iterable[StackSet], recorded: Iterable[str]) -> Memory:
    """The memory with what is built now. The first one believes the registry and the stack sets' own tags."""
    profiles, bodies = {*before.profiles, *wanted.values}, list(before.bodies)
    if not bodies:
        profiles |= set(recorded)
        bodies = sorted({each.body for each in found if each.is_ours and not each.untold and not each.lies})
    bodies = [*(body for body in bodies if body != wanted.body), wanted.body]
    return before.model_copy(update={"profiles": tuple(sorted(profiles))[:MOST], "bodies": tuple(bodies[-MOST:])})


def _words(found: StackSet, wanted: Built | None, known: Memory) -> list[str]:
    said = [found.unmarked] if found.unmarked else []
    if wanted and found.profile not in {*wanted.values, *known.profiles}:
        said.append("profiles.yaml has no such profile, and never had")
    said += found.lies
    if not found.untold and not found.lies and found.body not in known.bodies:
        said.append("no sweep has ever seen its body built")
    # One that was made before there were such tags, and reaches nobody, stays as it is until somebody needs it.
    if found.untold and not found.is_empty:
        said.append("no tags tell the hashes of its body and parameters")
    return [*said, *found.settings]
