"""Bad input: each case of docs/reference/bad-input.md, played in one deployed world."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from control_plane import profiles
from control_plane.errors import InvalidProfiles
from sandbox.aws.clock import VirtualClock
from sandbox.organization import PROJECT, Sandbox
from tests.prototypes import directory, prototype
from tests.simulation.bad_inputs import CASES, GROUPS
from tests.simulation.bad_inputs.profiles import FILE
from tests.simulation.bad_inputs.vocabulary import Case, Stage, connected, no_trouble
from tests.simulation.conftest import START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@prototype
def stage() -> Iterator[Stage]:
    """One deployed world with a good profiles file, and one account that is connected already."""
    layer = directory("layer")
    shutil.copy(PROJECT / "layers/consumer/consumer_role.yaml", layer)
    (layer / "profiles.yaml").write_text(FILE, encoding="utf-8")
    with Sandbox(VirtualClock(START), layer) as world:
        world.create_organization()
        world.deploy()
        world.warm_up()
        stage = Stage(world, layer)
        stage.enter("neighbour")
        connected(stage)
        yield stage


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.input)
def test_a_bad_input_gives_what_the_page_says(stage: Stage, case: Case) -> None:
    if case.given is connected:
        stage.run(3600)  # the revocation budget counts by the hour
    stage.enter("sales")
    case.given(stage)
    before = stage.there()
    stage.world.functions.log.lines.clear()
    with case.trouble(stage):
        case.happens(stage)
        stage.run()
    assert (stage.worked.status, stage.worked.error) == (("FAILED", case.error) if case.error else ("SUCCEEDED", None))
    assert_recorded(stage, case)
    assert stage.swept == {stage.stored(case.sweeps)} - {""}
    if case.counted:
        assert set(stage.failures_counted()) == {case.error} - {""}
    assert (stage.there() - before, before - stage.there()) == (case.change.gained, case.change.lost)
    assert_mended(stage, case)


def assert_recorded(stage: Stage, case: Case) -> None:
    """The record is where the page says, in its very words; without one, nothing is recorded anywhere."""
    record = stage.found(case.where)
    if not case.where:
        assert not [each for each in stage.records_of_the_account() if "error" in each]
        return
    assert record is not None, case.where
    wanted = {"reason": case.message}
    if case.error:
        wanted = {"error": case.error, "reason": case.message, "cause": case.plan.cause, "remedy": case.plan.remedy}
    assert {name: stage.generic(str(record[name])) for name in wanted} == wanted
    if not case.where.startswith("unread#"):
        assert record["status"] == (case.status or "failed")


def assert_mended(stage: Stage, case: Case) -> None:
    """When what was in the way is gone, another look is all that is needed."""
    if case.trouble is no_trouble:
        return
    again = stage.start({"account_id": stage.account})
    stage.run()
    assert again.status == case.mended


def test_there_are_forty_cases_and_more_and_no_two_alike() -> None:
    assert len(CASES) >= 40
    for cases in GROUPS.values():
        assert len({case.input for case in cases}) == len(cases)


FILES = [case for case in CASES if case.loads is not None]


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.input)
def test_a_build_refuses_a_bad_profiles_file_in_the_same_words(tmp_path: Path, case: Case) -> None:
    (tmp_path / "profiles.yaml").write_text(str(case.loads), encoding="utf-8")
    with pytest.raises(InvalidProfiles) as refused:
        profiles.load(tmp_path / "profiles.yaml")
    assert case.message.endswith(f"AssessAccount: {refused.value}")


def test_make_build_loads_the_profiles_file_and_stops_when_it_is_bad(tmp_path: Path) -> None:
    recipe = (PROJECT / "Makefile").read_text(encoding="utf-8").split("\nbuild:")[1].split("\n\t")[1]
    command = recipe.removeprefix("@").replace("$(BIN)/python", sys.executable)
    (tmp_path / "layers/consumer").mkdir(parents=True)
    (tmp_path / "layers/control_plane").symlink_to(PROJECT / "layers/control_plane")
    results = []
    for text in (FILE, FILES[0].loads):
        (tmp_path / "layers/consumer/profiles.yaml").write_text(str(text), encoding="utf-8")
        results.append(subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True))  # noqa: PLW1510
    assert [result.returncode == 0 for result in results] == [True, False]
    assert "InvalidProfiles: profiles.yaml: should be keys with values" in results[1].stderr
