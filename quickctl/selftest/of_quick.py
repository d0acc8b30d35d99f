"""What was seen of Quick: how it takes the roles, tries a connection, refuses, and runs a proof. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control_plane import ingestion_errors
from control_plane.proof import Proof
from quickctl.selftest.check import Judgement, not_seen, otherwise, verified

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from control_plane.ports.registry import Record
    from quickctl.selftest.evidence import Chain, Passage

QUICK = "quicksight.amazonaws.com"
MAKES_SOURCE, PROVES = "EnsureDataSource", "EnsureProof"
FINAL = ("DataSourceFailed", "QuickNotReady")  # how a connection ends at once if a refusal is taken for no delay
NOTHING_ASSUMED = "CloudTrail's event history has no AssumeRole of a consumer role: nothing was connected lately"


@dataclass(frozen=True)
class Refusals:
    """The error codes with which Quick refused to create or change data sources, while these passages ran."""

    codes: tuple[str, ...]
    passages: tuple[Passage, ...]


def external_id(chains: Sequence[Chain]) -> Judgement:
    """Whether Quick sends exactly the ARN of the data source."""
    let_in = [(each.external_id, chain.external_id) for chain in chains for each in chain.consumer if not each.refused]
    others = {_shape(sent, expected) for sent, expected in let_in if sent != expected}
    if others:
        return otherwise(f"Quick sent {' and '.join(sorted(others))}")
    if let_in:
        return verified(f"{len(let_in)} times Quick sent exactly the data source's ARN as ExternalId")
    failed = [chain for chain in chains if chain.consumer and chain.passage.error]
    if failed:
        return otherwise(
            "each AssumeRole of the consumer role was refused; what was sent, CloudTrail does not show then"
        )
    return not_seen(NOTHING_ASSUMED)


def _shape(sent: str, expected: str) -> str:
    """What was sent, without whose it is."""
    return repr(sent.replace(expected, "<ARN of the data source>")) if sent else "no ExternalId"


def role_chain(chains: Sequence[Chain]) -> Judgement:
    """Whether Quick itself assumes the run-as role, and with its session the consumer role."""
    services = Counter(each.by for chain in chains for each in chain.run_as if not each.by.startswith("arn:"))
    if others := sorted(set(services) - {QUICK}):
        return otherwise(f"the run-as role was asked for by {' and '.join(others)}")
    let_in = [(each, chain) for chain in chains for each in chain.consumer if not each.refused]
    elsewhere = [each for each, chain in let_in if not _is_of(each.by, chain.run_as_roles)]
    if elsewhere:
        return otherwise("the consumer role was assumed by something else than a session of the run-as role")
    if services and let_in:
        return verified(f"{QUICK} assumed the run-as role, and a session of it the consumer role")
    return not_seen(NOTHING_ASSUMED)


def _is_of(session: str, roles: Iterable[str]) -> bool:
    """Whether a session's ARN is of one of these roles; the role's path is not in it."""
    return any(f":assumed-role/{role.rsplit('/', 1)[-1]}/" in session for role in roles)


def creation_tries(chains: Sequence[Chain]) -> Judgement:
    """Whether Quick tries the roles when a data source is created."""
    made = [(chain, step) for chain in chains if (step := chain.passage.step(MAKES_SOURCE)) and step.ended]
    tried = [
        chain
        for chain, step in made
        if any(step.started <= each.at <= (step.ended or each.at) for each in chain.consumer)
    ]
    if tried:
        return verified(
            f"Quick assumed the consumer role while the data source was made, for {len(tried)} of {len(made)}"
        )
    if any(chain.consumer for chain, _ in made):
        return otherwise("Quick made the data source without assuming the consumer role; the query that follows does")
    return not_seen(NOTHING_ASSUMED)


def proof(records: Sequence[Record]) -> Judgement:
    """Whether SPICE runs the statement of a proof, and says why not."""
    degraded = (each.error for each in records if each.status == "degraded")
    unknown = Counter(kind for kind in degraded if kind not in ingestion_errors.ROWS)
    findings = Counter(each.proof_finding.partition(":")[0] for each in records if each.proof_finding)
    if unknown or findings:
        return otherwise(f"queries of proofs were refused: {_counted(unknown + findings)}")
    queried = sum(each.status == "connected" and each.proof == Proof.QUERIED for each in records)
    return verified(f"{queried} connections are queried") if queried else not_seen("no connection was queried")


def refusals(found: Refusals) -> Judgement:
    """Whether every refusal that may be a delay is waited out."""
    ended = Counter(each.error for each in found.passages if each.error in FINAL)
    codes = _counted(Counter(found.codes))
    if ended:
        return otherwise(f"connections ended as {_counted(ended)}; Quick's refusals: {codes or 'not in CloudTrail'}")
    if not found.codes:
        return not_seen("Quick refused no data source")
    connected = [each for each in found.passages if each.outcome == "connected"]
    if connected:
        return verified(f"Quick refused with {codes}, and was asked again until it did not")
    return not_seen(f"Quick refused with {codes}; no such connection has ended yet")


def _counted(found: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(found.items()))
