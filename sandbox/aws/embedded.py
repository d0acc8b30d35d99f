"""All services of the embedded AWS, wired to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

import boto3
from moto import mock_aws

from sandbox.aws.cloud import Cloud, Topology
from sandbox.aws.faults import Faults
from sandbox.aws.identity import KeepingSession
from sandbox.aws.permissions import Permissions
from sandbox.aws.rates import Rates
from sandbox.aws.services.asynchronous import Asynchronous
from sandbox.aws.services.cloudformation import CloudFormation
from sandbox.aws.services.cloudtrail import CloudTrail
from sandbox.aws.services.cloudtrail_history import EventHistory
from sandbox.aws.services.cloudwatch import Alarms, Metrics, Queries, Sources
from sandbox.aws.services.events import Events
from sandbox.aws.services.functions import Functions
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.organizations import Organizations
from sandbox.aws.services.quick import Quick
from sandbox.aws.services.saved_queries import SavedQueries
from sandbox.aws.services.scheduler import Scheduler
from sandbox.aws.services.sns import Sns
from sandbox.aws.services.sqs import Sqs
from sandbox.aws.services.stack_sets import StackSets
from sandbox.aws.services.step_functions import StepFunctions
from sandbox.aws.services.sts import Sts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.aws.clock import Clock
    from sandbox.aws.identity import Session
    from sandbox.aws.services.functions import LoadHandler


class EmbeddedAws:
    """One AWS organization in this process. One at a time: moto is process-wide.

    `load_handler` finds the handler of a function by its name, as in `module.handler`; functions see `environment`
    besides what their template gives them.
    """

    def __init__(
        self,
        clock: Clock,
        load_handler: LoadHandler,
        environment: Mapping[str, str],
        topology: Topology | None = None,
    ) -> None:
        self._mock = mock_aws()
        self._mock.start()
        self.clock = clock
        self.cloud = Cloud(clock, topology)
        self._sessions: dict[str, boto3.Session] = {}  # administrators', by account
        self.cloud.gateway.install()
        cloud = self.cloud
        self.events = Events(cloud)
        self.organizations = Organizations(cloud, self.events)
        cloud.gateway.handle("cloudtrail", DescribeTrails=CloudTrail(self.organizations).describe)
        self.iam = Iam(cloud)
        self.sts = Sts(cloud, self.iam)
        self.permissions = Permissions(cloud, self.iam)
        self.event_history = EventHistory(cloud, self.sts, self.organizations.trail)
        self.cloudformation = CloudFormation(cloud)
        self.stack_sets = StackSets(cloud, self.organizations, self.cloudformation)
        self.stack_sets.may_deploy = self.permissions.may_deploy
        self.quick = Quick(cloud, self.sts, self.iam)
        self.functions = Functions(cloud, load_handler, environment)
        self.step_functions = StepFunctions(cloud, self.functions)
        self.events.targets["states"] = self.step_functions.start_from_event
        self._add_operations()
        self.faults = Faults(cloud)
        self.rates = Rates(cloud)

    def _add_operations(self) -> None:
        """Queues, topics, schedules, asynchronous invocations, metrics and alarms."""
        cloud = self.cloud
        self.sqs, self.sns = Sqs(cloud), Sns(cloud)
        self.events.serve_topics(self.sns.from_service)
        self.asynchronous = Asynchronous(cloud, self.functions)
        self.scheduler = Scheduler(cloud, self.sts)
        self.metrics = Metrics(cloud.clock)
        self.alarms = Alarms(cloud, self.metrics, self.sns)
        self.queries = Queries(cloud, self.metrics)
        self.saved_queries = SavedQueries(cloud)
        counted = Sources(self.metrics)
        self.step_functions.listeners.append(counted.execution)
        self.events.watchers.append(counted.event)
        self.scheduler.watchers.append(counted.schedule)
        self.functions.watchers.append(counted.function)
        self.functions.log.embedded.append(counted.embedded)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give moto back as it was."""
        self.sqs.close()
        self.cloud.gateway.uninstall()
        self._mock.stop()

    def boto3_session(self, account_id: str) -> boto3.Session:
        """An administrator's own boto3 session in an account; the same one each time."""
        if account_id not in self._sessions:
            credentials = self.cloud.identities.administrator(account_id).credentials()
            self._sessions[account_id] = KeepingSession(region_name=self.cloud.topology.region, **credentials)
        return self._sessions[account_id]

    def client_of(self, session: Session, service: str) -> Any:
        """A boto3 client that signs as one session, whoever acts."""
        credentials: Any = session.credentials()
        return boto3.Session(region_name=self.cloud.topology.region, **credentials).client(cast(Any, service))
