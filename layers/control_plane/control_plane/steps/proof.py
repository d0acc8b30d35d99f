"""Prove a connection: Quick imports the one row of a statement into a data set that nobody sees, and that is deleted.

The data set has one id for each connection. One that a stopped execution left behind is deleted and made anew.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from control_plane import ingestion_errors, propagation
from control_plane.account import Connection, Hub
from control_plane.errors import MissingPermission, NotOurs
from control_plane.ingestion_errors import Fault
from control_plane.ports.quick import ProofDataSets, Refusal
from control_plane.proof import Proof, Statement
from control_plane.steps.data_source import RetryState
from control_plane.text import LONGEST, bounded

FIRST_LOOK, LONGEST_PAUSE = timedelta(seconds=8), timedelta(seconds=60)  # between two looks at an import
PATIENCE = timedelta(minutes=30)  # for one import: SPICE may queue it
EXISTS, DELETED, UNFINISHED = "ResourceExistsException", "DATA_SET_DELETED", "UNFINISHED"


class Progress(BaseModel):
    """How far a proof is; the state machine gives it back to the next attempt.

    Not `ended`: wait `pause` seconds. `ingestion_id` and `begun`: of the import under way. `degraded`: the connection
    does not work, with `error` to `remedy` as for a failure. `finding`: why it is not queried although that is not its
    own fault.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    ended: bool = False
    pause: int = 0
    attempt: int = 0
    ingestion_id: str = ""
    begun: datetime | None = None
    degraded: bool = False
    proof: Proof = Proof.CREATED
    legs: str = ""
    finding: str = ""
    error: str = ""
    reason: str = ""
    cause: str = ""
    remedy: str = ""


def ensure(
    connection: Connection,
    statement: Statement,
    hub: Hub,
    so_far: Progress,
    retry_state: RetryState,
    data_sets: ProofDataSets,
) -> Progress:
    """Begin the import, see whether it has ended, or try again. Its data set is deleted as soon as it has ended."""
    proof_id = connection.proof_id
    if not so_far.ingestion_id:
        return _begin(connection, statement, hub, retry_state, data_sets)
    found = data_sets.ingestion(proof_id, so_far.ingestion_id)
    took = retry_state.now - (so_far.begun or retry_state.now)
    if found and not found.is_over and took < PATIENCE:
        pause = min(max(took, FIRST_LOOK), LONGEST_PAUSE)
        return so_far.model_copy(update={"pause": pause.seconds})
    data_sets.remove(proof_id)
    if found is None:
        return _retry_or_end(connection, Refusal(DELETED, f"{proof_id} is gone"), retry_state)
    if not found.is_over:
        return _retry_or_end(connection, Refusal(UNFINISHED, f"the import did not end within {took}"), retry_state)
    if found.failure:
        return _retry_or_end(connection, found.failure, retry_state)
    return Progress(ended=True, proof=Proof.QUERIED, legs=statement.proven(found.rows))


def _begin(
    connection: Connection, statement: Statement, hub: Hub, retry_state: RetryState, data_sets: ProofDataSets
) -> Progress:
    proof_id = connection.proof_id
    begun = data_sets.create(proof_id, connection.data_source_arn(hub), statement.sql)
    if isinstance(begun, str):
        pause = FIRST_LOOK.seconds
        return Progress(pause=pause, attempt=retry_state.attempt, ingestion_id=begun, begun=retry_state.now)
    if begun.kind == EXISTS:
        tags = data_sets.tags(proof_id)
        if tags is not None and (mismatch := hub.ownership_mismatch(tags)):
            raise NotOurs(f"the data set {proof_id} exists already: {mismatch}")
        data_sets.remove(proof_id)
    return _retry_or_end(connection, begun, retry_state)


def _retry_or_end(connection: Connection, refusal: Refusal, retry_state: RetryState) -> Progress:
    """Try again while the refusal may be a delay. Then it is the account's fault, or a finding, or a defect of ours."""
    is_ours, known = propagation.is_ours(refusal), ingestion_errors.row(refusal)
    delay = propagation.OWN_ROLE if is_ours else known.delay
    if delay and not retry_state.exceeds(delay):
        return Progress(pause=retry_state.pause, attempt=retry_state.attempt + 1)
    if is_ours:
        raise MissingPermission(refusal.message)
    why = ingestion_errors.explain(connection.account_id, refusal)
    if why.fault is Fault.HUB:
        text = f"{refusal.kind}: {refusal.message}. Likely: {why.cause}. Do: {why.remedy}"
        return Progress(ended=True, finding=bounded(text, LONGEST))
    return Progress(
        ended=True, degraded=True, error=refusal.kind, reason=why.reason, cause=why.cause, remedy=why.remedy
    )
