"""The files that a connection is made of: those of a checkout, or those that were installed with quickctl."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from control_plane.definition import body_hash
from control_plane.profiles import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from control_plane.account import Hub
    from control_plane.profiles import Profile

INSTALLED = Path(__file__).parent / "consumer"
CHECKOUT = Path(__file__).parents[1] / "layers/consumer"
PROFILES, TEMPLATE = "profiles.yaml", "consumer_role.yaml"


@dataclass(frozen=True)
class ConsumerFiles:
    """profiles.yaml and the template of the stack sets: the one beside it, or else the one that belongs to quickctl."""

    profiles_file: Path
    template_file: Path

    def profiles(self) -> Mapping[str, Profile]:
        """The profiles; raises InvalidProfiles."""
        return load(self.profiles_file).profiles

    def deployable(self, hub: Hub) -> Mapping[str, Profile]:
        """The profiles, if that hub has the run-as roles that they name; raises InvalidProfiles."""
        found = load(self.profiles_file)
        found.check_run_as_roles(hub)
        return found.profiles

    @property
    def body(self) -> str:
        """The hash of the template."""
        return body_hash(self.template_file.read_text(encoding="utf-8"))


def consumer_files(profiles_file: Path | None) -> ConsumerFiles:
    """The files with that profiles.yaml; without one, those that belong to quickctl."""
    own = INSTALLED if INSTALLED.is_dir() else CHECKOUT
    given = profiles_file or own / PROFILES
    beside = given.parent / TEMPLATE
    return ConsumerFiles(given, beside if beside.is_file() else own / TEMPLATE)
