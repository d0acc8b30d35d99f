"""Check that Quick is ready for a profile's data sources, and what of a profile Quick lacks."""

from control_plane.errors import GroupNotFound, QuickNotReady
from control_plane.ports.quick import QuickAccount
from control_plane.profiles import Profile


def check(profile: Profile, quick: QuickAccount) -> None:
    """Raise QuickNotReady, or GroupNotFound when nobody would own the data source, before anything is created."""
    edition = quick.edition()
    if edition is None:
        raise QuickNotReady("the hub account is not subscribed to Amazon Quick")
    if not edition.startswith("ENTERPRISE"):
        raise QuickNotReady(f"Amazon Quick is {edition} Edition here; roles, groups and permissions need ENTERPRISE")
    found, lacking = reachable(profile, quick)
    if not found.owners and not found.owner_users:
        raise GroupNotFound(f"nobody would own the data source: {lacking}")


def reachable(profile: Profile, quick: QuickAccount) -> tuple[Profile, str]:
    """The profile without what Quick lacks (groups, users, the folder), and that in words; empty: it lacks nothing.

    A connection is not kept from working because somebody deleted a group: the others use it, and the record says so.
    """
    groups = [each for each in (*profile.owners, *profile.viewers) if not quick.has_group(each)]
    users = [each for each in (*profile.owner_users, *profile.viewer_users) if not quick.has_user(each)]
    folders = [profile.folder] if profile.folder and not quick.has_folder(profile.folder) else []
    kinds = {"group": groups, "user": users, "folder": folders}
    lacking = [f"no {kind} {', '.join(dict.fromkeys(names))}" for kind, names in kinds.items() if names]
    found = profile.model_copy(
        update={
            "owners": [each for each in profile.owners if each not in groups],
            "viewers": [each for each in profile.viewers if each not in groups],
            "owner_users": [each for each in profile.owner_users if each not in users],
            "viewer_users": [each for each in profile.viewer_users if each not in users],
            "folder": None if folders else profile.folder,
        }
    )
    return found, f"Quick has {' and '.join(lacking)}, which profiles.yaml names" if lacking else ""
