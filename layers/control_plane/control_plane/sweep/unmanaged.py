"""Unmanaged resources: with a name of ours, and not ours. Each is reported once, and again when it changes. Pure."""

from collections.abc import Iterable

from control_plane.account import Connection
from control_plane.sweep.snapshot import SnapshotPage, SourceOwnership

MAX_REMEMBERED = 500  # in the baseline; of more, the others are reported by each sweep


def data_sources(owners: Iterable[SourceOwnership]) -> tuple[str, ...]:
    """The data sources that are not ours, and how their tags differ from ours."""
    found = sorted((each for each in owners if each.mismatch), key=lambda each: (each.account_id, each.profile))
    return tuple(f"{_of_source(each.account_id, each.profile)}: {each.mismatch}" for each in found)


def still_there(reported: Iterable[str], read: SnapshotPage) -> tuple[str, ...]:
    """Those that were reported and that may still be unmanaged; one that went and comes back is reported again."""
    owned = {_of_source(each.account_id, each.profile) for each in read.owners if not each.mismatch}
    owned |= {_of_stack_set(each.name) for each in read.stack_sets if not each.ownership_mismatch}
    there = {_of_source(each.account_id, each.profile) for each in read.sources} - owned
    there |= {_of_stack_set(each.name) for each in read.stack_sets} - owned
    there |= {f"{each.account_id}#{each.profile}" for each in read.sources}  # as full checks name them
    return tuple(each for each in reported if each.partition(":")[0] in there)


def known_after(before: Iterable[str], now: Iterable[str]) -> tuple[str, ...]:
    """What the baseline remembers as reported. What is there now replaces what was said of it before."""
    latest = {each.partition(":")[0]: each for each in (*before, *now)}
    return tuple(sorted(latest.values())[:MAX_REMEMBERED])


def _of_source(account_id: str, profile: str) -> str:
    return f"data source {Connection(account_id=account_id, profile=profile).data_source_id}"


def _of_stack_set(name: str) -> str:
    return f"stack set {name}"
