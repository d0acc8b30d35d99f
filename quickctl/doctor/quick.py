"""Checks of Amazon Quick: is it subscribed, has it what the profiles name, and are they the deployed ones?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quickctl.commands.profiles import CHANGED, compared_profiles, profiles_of
from quickctl.doctor.command_lines import Variable, then
from quickctl.doctor.finding import FINE, Found, fine, unless_fine, warning, wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from control_plane.ports.quick import QuickAccount
    from control_plane.profiles import Profile
    from quickctl.commands.profiles import Compared
    from quickctl.doctor.command_lines import Commands
    from quickctl.doctor.patient import Patient

NOT_SHARED = "its data sources are shared without it; without any owner, accounts are refused"


def readiness(patient: Patient) -> Iterator[Found]:
    """Whether the hub account has Quick in an edition with groups, and in it what the profiles name."""
    found, where = patient.aws.quick_account.edition(), Names.of(patient)
    subscribed = edition(found, patient.place.account_id, where.identity_region, patient.commands)
    yield subscribed
    if subscribed.verdict == FINE:
        profiles = profiles_of(patient.files)
        missing = lacking(profiles, patient.aws.quick_account, where, patient.commands)
        yield from unless_fine(missing, "Quick has every group, user and folder that profiles name")


def edition(found: str | None, hub: str, region: str, commands: Commands) -> Found:
    """What Quick's edition means; None: it is not subscribed."""
    if found is None:
        named = ("--aws-account-id", hub, "--account-name", Variable("QUICK_NAME"), "--edition", "ENTERPRISE")
        people = ("--authentication-method", "IAM_AND_QUICKSIGHT", "--notification-email", Variable("EMAIL"))
        subscribe = commands.hub("quicksight", "create-account-subscription", *named, *people, region=region)
        return wrong("the hub account is not subscribed to Amazon Quick", "no account can be connected", subscribe)
    if not found.startswith("ENTERPRISE"):
        return wrong(
            f"Amazon Quick is {found} Edition here; roles, groups and permissions need Enterprise Edition",
            "no account can be connected; only an administrator of Quick can change the edition, in its console",
            commands.hub("quicksight", "describe-account-settings", "--aws-account-id", hub, region=region),
        )
    return fine(f"Amazon Quick is {found} Edition")


class Names:
    """Where Quick has groups, users and folders: the words of a command that say so."""

    def __init__(self, hub: str, namespace: str, identity_region: str, region: str) -> None:
        self.account = ("--aws-account-id", hub)
        self.namespace = ("--namespace", namespace)
        self.identity_region, self.region = identity_region, region

    @classmethod
    def of(cls, patient: Patient) -> Names:
        """Those of the deployed hub."""
        quick = patient.aws.deployment.quick
        return cls(patient.place.account_id, quick.quick_namespace, quick.quick_identity_region, patient.place.region)


def lacking(profiles: Mapping[str, Profile], quick: QuickAccount, where: Names, commands: Commands) -> Iterator[Found]:
    """What profiles name and Quick does not have, each once, and the profiles that name it."""
    groups, users, folders = _named(profiles)
    for name, owners in groups.items():
        if not quick.has_group(name):
            create = ("create-group", *where.account, *where.namespace, "--group-name", name)
            yield _lacks("group", name, owners, commands.hub("quicksight", *create, region=where.identity_region))
    for name, owners in users.items():
        if not quick.has_user(name):
            register = ("register-user", *where.account, *where.namespace, "--user-name", name)
            person = ("--identity-type", "QUICKSIGHT", "--user-role", "AUTHOR", "--email", Variable("EMAIL"))
            call = commands.hub("quicksight", *register, *person, region=where.identity_region)
            yield _lacks("user", name, owners, call)
    for name, owners in folders.items():
        if not quick.has_folder(name):
            made = ("create-folder", *where.account, "--folder-id", name, "--name", name, "--folder-type", "SHARED")
            yield _lacks("folder", name, owners, commands.hub("quicksight", *made, region=where.region))


def _named(profiles: Mapping[str, Profile]) -> tuple[dict[str, list[str]], ...]:
    """Groups, users and folders, each with the profiles that name it."""
    found: tuple[dict[str, list[str]], ...] = ({}, {}, {})
    for profile, each in sorted(profiles.items()):
        groups, users = (*each.owners, *each.viewers), (*each.owner_users, *each.viewer_users)
        for named, listed in zip(found, (groups, users, filter(None, [each.folder])), strict=True):
            for name in dict.fromkeys(listed):
                named.setdefault(name, []).append(profile)
    return found


def _lacks(kind: str, name: str, profiles: Iterable[str], mend: str) -> Found:
    return wrong(f"Quick has no {kind} {name}, which the profile {' and '.join(profiles)} names", NOT_SHARED, mend)


def versions(patient: Patient) -> Iterator[Found]:
    """Whether the profiles of this quickctl are those that the accounts have."""
    compared = compared_profiles(patient.aws, patient.files, profiles_of(patient.files))
    differ = other_versions(compared, patient.files.profiles_file, patient.commands)
    yield from unless_fine(differ, "the stack sets are what profiles.yaml says")


def other_versions(compared: Iterable[Compared], file: Path, commands: Commands) -> Iterator[Found]:
    """The stack sets that are not what the file says."""
    for each in compared:
        if each.change == CHANGED:
            differ = [*(part.name for part in each.parameters), *(["the template"] if each.template_differs else [])]
            yield warning(
                f"the stack set of {each.profile} is not what {file} says: {', '.join(differ)}",
                "it is another version than the deployed one, or not yet rolled out; if it is older, give doctor the "
                "deployed one with --profiles",
                then("make build", commands.sam_deploy("--no-fail-on-empty-changeset"), commands.quickctl("sweep")),
            )
