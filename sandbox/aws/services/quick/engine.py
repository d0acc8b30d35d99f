"""How Quick reaches a source's data: a session through the chain of roles, then the query.

Optionally Quick goes on with a session it holds, as AWS's does: sessions of a chained role last an hour at most (IAM
User Guide, id_roles_terms-and-concepts), and whoever holds one is not asked again whether it may be assumed. What the
session may do is asked each time. That Quick keeps sessions for their whole life is an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.aws.services.quick import chain
from sandbox.aws.services.quick.answer import Answer
from sandbox.aws.services.quick.assumptions import Assumptions
from sandbox.aws.services.quick.consumer import ConsumerSession
from sandbox.aws.services.quick.lake import OWN_CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.identity import Session
    from sandbox.aws.services.iam import Iam
    from sandbox.aws.services.quick.data_source import DataSource
    from sandbox.aws.services.sts import Sts


@dataclass(frozen=True)
class CachedSession:
    """A session Quick has, since when, and the roles it stands for."""

    session: Session
    since: datetime
    athena: Mapping[str, Any]


class Engine:
    """Connects and queries. `session_seconds`: how long a session is used again; 0: each query gets a new one.

    `lake_formation_locations` are S3 ARNs governed by Lake Formation, besides those registered with moto's.
    """

    def __init__(self, cloud: Cloud, sts: Sts, iam: Iam, session_seconds: float) -> None:
        self._cloud, self._sts, self._iam = cloud, sts, iam
        self.session_seconds = session_seconds
        self.assumptions = Assumptions()
        self.lake_formation_locations: set[str] = set()
        self._sessions: dict[DataSource, CachedSession] = {}

    def test(self, source: DataSource) -> None:
        """The connection test, with a session of its own. Raises Refused."""
        if not self.assumptions.tests_connections:
            return
        self._sessions.pop(source, None)
        self._connect(source).test(source.work_group)

    def check_chain(self, source: DataSource) -> None:
        """Whether the roles can be assumed now, and nothing more. Raises Refused."""
        if "RoleArn" in source.athena and self.assumptions.tests_connections:
            chain.connect(source, self._sts, self._cloud.clock.now(), self.assumptions)

    def query(self, source: DataSource, database: str, table: str, catalog: str = OWN_CATALOG) -> Answer:
        """Select from a table. Raises Refused."""
        consumer = self._connect(source)
        found = consumer.query(source.work_group, database, table, catalog)
        return replace(_paid_by(consumer, source), **found._asdict())

    def run(self, source: DataSource) -> Answer:
        """Select from no table: one row. Raises Refused."""
        consumer = self._connect(source)
        consumer.run(source.work_group)
        return replace(_paid_by(consumer, source), rows=1)

    def forget(self, source: DataSource) -> None:
        """A deleted source's session is not used again."""
        self._sessions.pop(source, None)

    def _connect(self, source: DataSource) -> ConsumerSession:
        now = self._cloud.clock.now()
        cached = self._sessions.get(source)
        if cached is None or cached.athena != source.athena or self._is_over(cached, now):
            cached = CachedSession(chain.connect(source, self._sts, now, self.assumptions), now, source.athena)
            self._sessions[source] = cached
        return ConsumerSession(self._iam, cached.session, source.region, now, frozenset(self.lake_formation_locations))

    def _is_over(self, cached: CachedSession, now: datetime) -> bool:
        return now >= cached.since + timedelta(seconds=self.session_seconds)


def _paid_by(consumer: ConsumerSession, source: DataSource) -> Answer:
    return Answer(allowed=True, account=consumer.session.account, work_group=source.work_group)
