"""EnsureAccess and RevokeAccess: who asks for a change of the access policy, and who writes it, and when.

Those that ask for access wait on a task token: one of them is elected, waits a little for others, writes, and wakes
them. Those that revoke write at once. Only who was approved by people as one of a sweep's list waits a little when the
policy was just written, because hundreds of others come with it.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from control_plane.account import Connection, RunAsRole
from control_plane.ports.access import AccessChange
from control_plane.ports.registry import Registry
from control_plane.steps.access import AccessDependencies, Writer, WriteResult, apply_change, check_claim

JOINING = timedelta(seconds=3)  # in which others may join an elected writer
BETWEEN_WRITES = timedelta(seconds=30)  # while accounts come one after the other, for those who can wait
SEVERAL = 3  # changes in one write: then accounts come one after the other
LARGE_LIST = 200  # approved revocations: a sweep starts two accounts a second, in whichever order the shards have them
FOR_A_LARGE_LIST = timedelta(minutes=5)  # between writes of such a list: each write changes nearly every shard
SPREAD = 60  # seconds over which those who wait for the same write come back: functions are few
BUSY_PAUSE = timedelta(seconds=3)  # before a revocation that found another writer is tried again


class AccessRequest(Connection):
    """What EnsureAccess and RevokeAccess are asked: which connection, for which attempt of an execution, and when.

    `counted`: the revocation uses up the budget. If it claims that it does not, the writer verifies that.
    """

    execution: str
    generation: int
    now: str
    counted: bool = True
    run_as_role: RunAsRole = 1

    def change(self, *, allow: bool) -> AccessChange:
        """The change to allow or to revoke the connection."""
        connection = Connection(account_id=self.account_id, profile=self.profile)
        return AccessChange(connection, allow, self.generation, self.counted, self.run_as_role)

    def check_claim(self, registry: Registry) -> None:
        """Raise ClaimLost when another execution holds the account."""
        check_claim(self.account_id, self.execution, registry)

    @property
    def writer(self) -> Writer:
        """The writer's id. Two connections of one execution are two writers."""
        return Writer(f"{self.execution}#{self.profile}", self.now)


class GrantRequest(AccessRequest):
    """The request of EnsureAccess. `token`: of the task that waits. `writes`: it was elected, or waited long."""

    token: str
    writes: bool = False


class RevokeRequest(AccessRequest):
    """The request of RevokeAccess. `waited`: others had the time to join it, so it writes now."""

    waited: bool = False


class RevokeResult(BaseModel):
    """Whether access is revoked; if not, whether people have to approve it first.

    If neither: try again after `pause` seconds, and say `waited`.
    """

    model_config = ConfigDict(frozen=True)

    revoked: bool = False
    held: bool = False
    waited: bool = False
    pause: int = BUSY_PAUSE.seconds


def grant(request: GrantRequest, deps: AccessDependencies) -> None:
    """Ask for access, and let the task wait, or write all that wait if it is the caller's turn."""
    change = request.change(allow=True)
    if request.writes:
        granted = apply_change(change, request.writer, deps) is WriteResult.DONE
        deps.waiting.succeed(request.token, {"granted": granted, "writes": True, "pause": BUSY_PAUSE.seconds})
        return
    deps.ledger.enqueue(change, request.now, request.token)
    if deps.ledger.elect(request.now):
        pause = _until_next_write(request.now, deps)
        deps.waiting.succeed(request.token, {"granted": False, "writes": True, "pause": pause.seconds})


def revoke(request: RevokeRequest, deps: AccessDependencies) -> RevokeResult:
    """Revoke access now, or have it joined by others if that makes hundreds of writes a few."""
    change = request.change(allow=False)
    if not request.waited and (pause := _pause_for_others(change, request.now, deps)):
        deps.ledger.enqueue(change, request.now)
        return RevokeResult(waited=True, pause=pause.seconds)
    if request.waited and _is_written(change, deps):
        return RevokeResult(revoked=True)
    result = apply_change(change, request.writer, deps)
    return RevokeResult(revoked=result is WriteResult.DONE, held=result is WriteResult.HELD, waited=request.waited)


def _until_next_write(now: str, deps: AccessDependencies) -> timedelta:
    """How long an elected writer waits: a little, and longer when several were written just before."""
    last = deps.ledger.last_write(now)
    if last is None or last.changes < SEVERAL:
        return JOINING
    return min(max(last.at + BETWEEN_WRITES - datetime.fromisoformat(now), JOINING), BETWEEN_WRITES)


def _pause_for_others(change: AccessChange, now: str, deps: AccessDependencies) -> timedelta | None:
    """How long a revocation waits that people approved with a sweep's list, if the policy was written just before.

    Whatever else is revoked does not wait: its access must end soon.
    """
    last = deps.ledger.last_write(now)
    age = datetime.fromisoformat(now) - last.at if last else None
    if age is None or age > FOR_A_LARGE_LIST:
        return None
    approved = deps.budget.expected().approved
    if change.connection.key not in approved:
        return None
    if len(approved) < LARGE_LIST:
        return BETWEEN_WRITES if age <= BETWEEN_WRITES else None
    spread = timedelta(seconds=int(change.connection.account_id) % SPREAD)
    return max(FOR_A_LARGE_LIST - age, BETWEEN_WRITES) + spread


def _is_written(change: AccessChange, deps: AccessDependencies) -> bool:
    """Whether another writer applied the change meanwhile: it does not wait any more, and no entry is there."""
    if any(each.key == change.connection.key for each in deps.ledger.pending().changes):
        return False
    entry = change.connection.consumer_role_arn(deps.hub)
    return all(entry not in shard.entries for shard in deps.policies.shards())
