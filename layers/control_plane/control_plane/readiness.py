"""Check that Quick is ready for a profile's data sources, before anything is created."""

from control_plane.errors import GroupNotFound, QuickNotReady
from control_plane.ports.quick import QuickAccount
from control_plane.profiles import Profile


def check(profile: Profile, quick: QuickAccount) -> None:
    """Raise QuickNotReady or GroupNotFound, with what is missing."""
    edition = quick.edition()
    if edition is None:
        raise QuickNotReady("the hub account is not subscribed to Amazon Quick")
    if not edition.startswith("ENTERPRISE"):
        raise QuickNotReady(f"Amazon Quick is {edition} Edition here; roles, groups and permissions need ENTERPRISE")
    missing = [group for group in (*profile.owners, *profile.viewers) if not quick.has_group(group)]
    if missing:
        raise GroupNotFound(f"Quick has no group {', '.join(missing)}, with which profiles.yaml shares the data source")
