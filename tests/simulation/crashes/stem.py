"""The process the trials grow from: one thread, a world deployed once, a fork for each scenario and each trial."""

from __future__ import annotations

import gc
import multiprocessing
import os
import warnings
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from sandbox.aws.clock import VirtualClock
from sandbox.organization import Sandbox
from tests.simulation.conftest import START, Story
from tests.simulation.crashes.bed import Bed
from tests.simulation.crashes.forks import BrokenTrialError, in_a_fork
from tests.simulation.crashes.kinds import KINDS
from tests.simulation.crashes.mutants import MUTANTS
from tests.simulation.crashes.scenarios import GRACE_DAYS, SCENARIOS, Scenario
from tests.simulation.crashes.trial import Reference, Result, attempt, points, undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

Trial = tuple[str, int, str]  # kind, point, what is there
Asked = tuple[str, str | None, list[str]]  # scenario, mutant, kinds of trouble


class Stem:
    """Talks to such a process; for whoever runs trials."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # nothing of the asker's threads
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._here.close()
        self._process.join(10)

    @contextmanager
    def scenario(self, name: str, mutant: str | None = None, kind: str = "") -> Iterator[list[Trial]]:
        """Bring a story to its start, perhaps with a defect; answers all trials there are, or those of one kind.

        One scenario at a time.
        """
        self._here.send((name, mutant, [kind] if kind else list(KINDS)))
        yield self._answer()
        self._here.send(None)
        self._answer()

    def attempt(self, trial: Trial) -> Result:
        """Make one trial of the scenario that is open."""
        self._here.send(trial)
        found: Result = self._answer()
        return found

    def _answer(self) -> Any:
        answer = self._here.recv()
        if isinstance(answer, BrokenTrialError):
            raise answer
        return answer


def _serve(asker: Connection) -> None:
    warnings.simplefilter("ignore")
    with Sandbox(VirtualClock(START)) as world:
        world.create_organization()
        world.deploy(GracePeriodDays=str(GRACE_DAYS))
        _warm_up(Story(world))
        while asked := _heard(asker):
            name, mutant, kinds = asked
            branch = os.fork()
            if not branch:
                _branch(Story(world), name, mutant, kinds, asker)
                os._exit(0)
            os.waitpid(branch, 0)


def _warm_up(story: Story) -> None:
    """Have one account come and go, so that no trial loads what all of them need; then nothing tells of it."""
    pioneer = story.tagged("pioneer")
    story.world.untag(pioneer)
    story.run(GRACE_DAYS * 86_400 + 60)
    story.start({"account_id": pioneer})
    story.run()
    with story.world.cloud.administering(story.world.cloud.topology.hub):
        story.world.cloud.client("cloudformation").delete_stack_set(
            StackSetName="quick-athena-default", CallAs="DELEGATED_ADMIN"
        )
        for record in story.world.records():
            story.world.cloud.client("dynamodb").delete_item(
                TableName=story.world.outputs["RegistryTableName"],
                Key={"pk": {"S": record["pk"]}, "sk": {"S": record["sk"]}},
            )
    gc.freeze()  # what is there stays, and need not be copied to be looked through


def _heard(asker: Connection) -> Asked | None:
    try:
        heard: Asked = asker.recv()
    except EOFError:
        return None
    return heard


def _branch(story: Story, name: str, mutant: str | None, kinds: list[str], asker: Connection) -> None:
    try:
        Branch(story, SCENARIOS[name], mutant, kinds).serve(asker)
    except BrokenTrialError as broken:
        asker.send(broken)
    except Exception as error:  # noqa: BLE001 - told to the asker
        asker.send(BrokenTrialError(repr(error)))


class Branch:
    """One scenario at its start, with its references, alone and in company."""

    def __init__(self, story: Story, scenario: Scenario, mutant: str | None, kinds: list[str]) -> None:
        self.scenario, self.story, self._kinds = scenario, story, kinds
        if scenario.beside:
            story.tagged("neighbour")
        self._accounts = story.member("sales"), story.member("other")
        scenario.prepare(story, self._accounts[0])
        self._references = {
            company: in_a_fork(partial(self._undisturbed, company=company))
            for company in {KINDS[kind].company for kind in kinds}
        }
        if mutant:
            MUTANTS[mutant].put_in(story)

    def serve(self, asker: Connection) -> None:
        """Answer the trials there are, then make those asked for."""
        asker.send([trial for kind in self._kinds for trial in self._trials(kind)])
        while (trial := asker.recv()) is not None:
            asker.send(self._attempt(*trial))
        asker.send("closed")

    def _trials(self, kind: str) -> list[Trial]:
        found = points(KINDS[kind], self._references[KINDS[kind].company])
        return [(kind, point, where) for point, where in found.items()]

    def _attempt(self, kind: str, point: int, where: str) -> Result:
        try:
            differences, reconciles = in_a_fork(partial(self._in_trouble, kind, point))
        except BrokenTrialError as broken:
            differences, reconciles = (f"the trial broke: {broken}",), 0
        return Result(self.scenario.name, kind, point, where, differences, reconciles)

    def _bed(self, *, company: bool) -> Bed:
        return Bed(self.story, *self._accounts, company)

    def _undisturbed(self, *, company: bool) -> Reference:
        return undisturbed(self._bed(company=company), self.scenario)

    def _in_trouble(self, kind: str, point: int) -> tuple[tuple[str, ...], int]:
        company = KINDS[kind].company
        return attempt(self._bed(company=company), self.scenario, KINDS[kind], point, self._references[company])
