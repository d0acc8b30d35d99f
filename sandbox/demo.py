"""`make demo`: an organization in this process, and its accounts on their way from tagged to connected."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sandbox.aws import DeliveryFaults, Entered, ScaledClock
from sandbox.browser import report_of
from sandbox.organization import Sandbox
from sandbox.product import CONSUMER_LAYER, OPT_IN_TAG, RUN_AS_ROLE, data_source_id
from sandbox.screen import Row, Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from sandbox.aws import Execution

SPEED = 15.0  # sandbox seconds in one of ours: a connection takes about a minute of AWS's time
PATIENCE = 60.0  # our seconds for any one chapter; a demo that hangs is a demo that failed
STEPS = ("Assess", "Ensure", "Revoke", "Record")  # states that say how far an account is; the others wait or choose
TABLE = ("quick_sales", "orders")
PUBLISHED = ("quick_products", "prices")
PUBLISHING = """
  products:
    description: What the product team publishes to the accounts below an OU.
    databases: [quick_products]
    data_buckets: ["quick-products-{{account}}"]
    publishes_to: [{unit}]
    owners: [quick-athena-owners]
    viewers: [quick-athena-authors]
"""
NEXT = "Try it with your own aws and sam: [bold].venv/bin/python -m sandbox serve --help[/]"


@dataclass
class Watch:
    """One account on the screen: what we asked of it, when, and where its reconcile is now."""

    row: Row
    expected: str  # where it should end: connected, failed, nothing
    change: str = "connect"  # what was requested for, in a word
    profile: str = "default"
    requested: datetime | None = None

    @property
    def status(self) -> str:
        """Its status; `nothing` while there is no record."""
        return self.row.status.replace("-", "nothing")


@dataclass
class Demo:
    """The story, chapter by chapter. `faults` collects everything that is not as it should be.

    `profiles`: the file that is deployed; the OU it publishes to is known when the organization is there.
    """

    world: Sandbox
    screen: Screen
    profiles: Path
    readers: str = ""
    watches: dict[str, Watch] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def run(self, report: AbstractContextManager[str] | None = None) -> int:
        """Tell the whole story; the exit code. `report`: shows it in a browser meanwhile, and says where."""
        self._begin()
        if report is None:
            return self._tell()
        with report as address:
            self.screen.line(f"{address} shows quickctl's report of it, refreshed as it goes on")
            code = self._tell()
            if self.screen.console.is_terminal:
                self.screen.console.input("Enter ends it, and the report too. ")
            return code

    def _tell(self) -> int:
        finance = self._member("finance", expected="connected")
        self._connect(finance)
        self._query(finance, allowed=True)
        self._untag(finance)
        self._restore(finance)
        self._heal(finance)
        self._publish()
        self._check()
        self.screen.console.print()
        self.screen.summary(watch.row for watch in self.watches.values())
        return self._verdict()

    def _begin(self) -> None:
        place = self.world.cloud.topology
        self.screen.headline("An AWS organization, in this process")
        self.screen.line(
            f"management account [cyan]{place.management}[/], hub [cyan]{place.hub}[/] "
            f"(delegated administrator for StackSets, Amazon Quick in {place.region})"
        )
        started = time.monotonic()
        with self.screen.live("all is deployed", self._rows):
            self.world.create_organization()
            self.readers = self.world.organizations.create_unit("readers")
            with self.profiles.open("a", encoding="utf-8") as file:
                file.write(PUBLISHING.format(unit=self.readers))
            self.world.deploy()
        self.screen.line(
            f"deployed [cyan]template.yaml[/] to the hub and [cyan]stacks/forwarding.yaml[/] to the management account "
            f"in {time.monotonic() - started:.1f} s"
        )
        self.screen.line(f"from here one second is {SPEED:g} seconds of AWS's time")
        self.world.step_functions.listeners.append(self._on_history_event)

    def _member(self, name: str, expected: str, reason: str = "") -> str:
        account_id = self.world.organizations.create_member(name)
        self._watch(account_id, name, expected).row.reason = reason
        return account_id

    def _watch(self, account_id: str, name: str, expected: str) -> Watch:
        self.world.quick.seed_lake(account_id, *TABLE, f"quick-data-{account_id}")
        watch = self.watches[account_id] = Watch(Row(account_id, name), expected)
        return watch

    def _connect(self, finance: str) -> None:
        self.screen.headline("Six members: one is created with the tag, four are tagged, one never opts in")
        marketing = self._member("marketing", expected="connected")
        research = self._member("research", expected="failed")
        archive = self._member("archive", expected="failed")
        self._member("legacy", expected="nothing", reason=f"never had the tag {OPT_IN_TAG}: nothing of ours is there")
        self.world.organizations.suspend(archive)
        self.screen.event(f"CreateAccount [bold]sales[/] with {OPT_IN_TAG}=enabled")
        request, requested = self.world.create_account("sales", tag="enabled"), self.world.clock.now()
        for account_id, value in (
            (finance, "enabled"),
            (marketing, "default"),
            (research, "Enabled"),
            (archive, "enabled"),
        ):
            self._tag(account_id, value)
        sales = self._until(lambda: self.world.created_account(request), "sales is created")
        if sales:
            watch = self._watch(sales, "sales", expected="connected")
            watch.requested, watch.row.tag = requested, "enabled"
        self._until(self._all_as_expected, "every account is where it should be")

    def _query(self, account_id: str, *, allowed: bool) -> None:
        answer = self.world.quick.query(data_source_id(account_id), *TABLE)
        row = self.watches[account_id].row
        row.queried = answer.allowed
        self._tell_answer(f"{TABLE[0]}.{TABLE[1]} of [bold]{row.name}[/]", answer, allowed=allowed)

    def _tell_answer(self, what: str, answer: Any, *, allowed: bool) -> None:
        requested = f"Quick queries {what}"
        if answer.allowed:
            self.screen.event(f"{requested}: [green]answered[/], billed to {answer.account}")
        else:
            self.screen.event(f"{requested}: [red]{answer.error_type}[/] {without_session(answer.message)}")
        if answer.allowed is not allowed:
            self.faults.append(f"{what}: the query should {'' if allowed else 'not '}be answered: {answer.message}")

    def _untag(self, finance: str) -> None:
        self.screen.headline("The tag is removed: access ends, nothing is deleted")
        self.screen.event(f"UntagResource [bold]finance[/] {OPT_IN_TAG}")
        watch = self.watches[finance]
        watch.requested, watch.change, watch.row.tag = self.world.clock.now(), "quarantine", "-"
        self.world.untag(finance)
        self._until(lambda: self._is(finance, "quarantined"), "finance is quarantined")
        self._until(lambda: not self._answers(finance), "IAM knows")
        self._query(finance, allowed=False)

    def _restore(self, finance: str) -> None:
        self.screen.headline("The tag returns: restored, without deploying anything")
        self.watches[finance].change = "restore"
        self._tag(finance, "enabled")
        self._until(lambda: self._is(finance, "connected"), "finance is connected again")
        self._until(lambda: self._answers(finance), "IAM knows")
        self._query(finance, allowed=True)

    def _heal(self, finance: str) -> None:
        self.screen.headline("Things break and no event tells: a sweep finds and heals them")
        marketing = next(each for each, watch in self.watches.items() if watch.row.name == "marketing")
        legacy = next(each for each, watch in self.watches.items() if watch.row.name == "legacy")
        self.world.events.delivery_faults = DeliveryFaults(seed=1, drop=1.0)
        self.screen.event("Organizations events are lost from here on")
        self._break(finance, marketing)
        for watch in self.watches.values():
            watch.requested, watch.change = self.world.clock.now(), "heal"
        self.watches[legacy].expected, self.watches[legacy].change = "connected", "connect"
        self._tag(legacy, "enabled")
        sweep = self.world.step_functions.start(self.world.outputs["SweepOrganizationArn"], {"scope": "all"})
        self.screen.event("SweepOrganization is started")
        self._until(lambda: sweep.status != "RUNNING" and self._all_as_expected(), "the sweep heals all of it")
        self.screen.event(f"SweepOrganization {sweep.status}: {self._reported()}")
        for account_id in [each for each, watch in self.watches.items() if watch.expected == "connected"]:
            self._until(partial(self._answers, account_id), "IAM knows")
            self._query(account_id, allowed=True)

    def _break(self, finance: str, marketing: str) -> None:
        """What people with a console do."""
        hub = self.world.cloud.topology.hub
        session: Any = self.world.boto3_session(hub)
        shard = f"arn:aws:iam::{hub}:policy/quick-athena/quick-athena-access-1"
        self.screen.event(
            "somebody detaches [bold]quick-athena-access-1[/] from the run-as role: nothing can be queried"
        )
        session.client("iam").detach_role_policy(RoleName=RUN_AS_ROLE, PolicyArn=shard)
        self.screen.event("somebody deletes the data source of [bold]marketing[/]")
        session.client("quicksight").delete_data_source(AwsAccountId=hub, DataSourceId=data_source_id(marketing))
        self._until(lambda: not self._answers(finance), "IAM knows")
        self._query(finance, allowed=False)

    def _publish(self) -> None:
        self.screen.headline("A data mesh: products publishes to whoever is below the OU readers")
        self.world.events.delivery_faults = DeliveryFaults(seed=1)
        products, analytics = self._member("products", "connected"), self._reader("analytics")
        self.watches[products].profile = "products"
        self.world.quick.seed_lake(products, *PUBLISHED, f"quick-products-{products}")
        self._tag(products, "products")
        self._tag(analytics, "enabled")
        self._until(self._all_as_expected, "publisher and reader are connected")
        self._read(analytics, products, allowed=False)
        self.screen.event(
            "the owner of [bold]products[/] lets [bold]analytics[/] read, in the policies of catalog and bucket"
        )
        self._allow(analytics, products)
        self._read(analytics, products, allowed=True)
        self.screen.event(f"UntagResource [bold]products[/] {OPT_IN_TAG}")
        watch = self.watches[products]
        watch.requested, watch.change, watch.row.tag = self.world.clock.now(), "quarantine", "-"
        watch.expected = "quarantined"
        self.world.untag(products)
        self._until(lambda: not self._catalog(analytics, products).allowed, "the catalog is taken away")
        self._read(analytics, products, allowed=False)
        self._until(self._all_as_expected, "everybody is where they should be")

    def _reader(self, name: str) -> str:
        account_id = self.world.organizations.create_member(name, parent=self.readers)
        self._watch(account_id, name, "connected")
        return account_id

    def _read(self, reader: str, publisher: str, *, allowed: bool) -> None:
        names = [f"[bold]{self.watches[each].row.name}[/]" for each in (publisher, reader)]
        self._until(lambda: self._catalog(reader, publisher).allowed is allowed, "IAM knows")
        what = f"{PUBLISHED[0]}.{PUBLISHED[1]} of {names[0]} through {names[1]}"
        self._tell_answer(what, self._catalog(reader, publisher), allowed=allowed)

    def _catalog(self, reader: str, publisher: str) -> Any:
        return self.world.quick.query(data_source_id(reader), *PUBLISHED, f"quick-athena-default-{publisher}")

    def _allow(self, reader: str, publisher: str) -> None:
        """What `quickctl mesh statements` prints, for one reader."""
        place, bucket = self.world.cloud.topology, f"arn:aws:s3:::quick-products-{publisher}"
        glue = f"arn:aws:glue:{place.region}:{publisher}"
        database = PUBLISHED[0]
        tables = [
            f"{glue}:{each}" for each in ("catalog", "database/default", f"database/{database}", f"table/{database}/*")
        ]
        session: Any = self.world.boto3_session(publisher)
        session.client("glue").put_resource_policy(PolicyInJson=policy(reader, ["glue:Get*"], tables))
        reads = policy(reader, ["s3:GetObject", "s3:ListBucket"], [bucket, f"{bucket}/*"])
        session.client("s3").put_bucket_policy(Bucket=f"quick-products-{publisher}", Policy=reads)

    def _answers(self, account_id: str) -> bool:
        return bool(self.world.quick.query(data_source_id(account_id), *TABLE).allowed)

    def _reported(self) -> str:
        """The sweep's report, in a line."""
        report = self.world.last_sweep()
        numbers = {name: report.get(name, 0) for name in ("listed", "in_sync", "connected", "repaired")}
        numbers |= {name: len(report.get(name, ())) for name in ("failed", "held", "orphans", "unmanaged")}
        return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in numbers.items())

    def _tag(self, account_id: str, value: str) -> None:
        watch = self.watches[account_id]
        suspended = " (a suspended account)" if watch.row.name == "archive" else ""
        self.screen.event(f"TagResource [bold]{watch.row.name}[/] {OPT_IN_TAG}={value}{suspended}")
        watch.requested, watch.row.tag = self.world.clock.now(), value
        self.world.tag(account_id, value)

    def _until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait, showing progress, until something is so; a fault when it is not in time."""
        deadline = time.monotonic() + PATIENCE
        with self.screen.live(what, self._rows):
            while time.monotonic() < deadline:
                self._read_records()
                if found := condition():
                    return found
                time.sleep(0.1)
        self.faults.append(f"not within {PATIENCE:g} s: {what}")
        return None

    def _is(self, account_id: str, status: str) -> bool:
        return not self._is_busy() and self.watches[account_id].status == status

    def _all_as_expected(self) -> bool:
        return not self._is_busy() and all(watch.status == watch.expected for watch in self.watches.values())

    def _is_busy(self) -> bool:
        return any(execution.status == "RUNNING" for execution in self.world.step_functions.executions)

    def _read_records(self) -> None:
        for record in self.world.records():
            watch = self.watches.get(record["pk"].removeprefix("account#"))
            if watch and (record["sk"] == f"connection#{watch.profile}" or record.get("status") == "failed"):
                self._show(watch, record)

    def _show(self, watch: Watch, record: dict[str, Any]) -> None:
        row, status = watch.row, str(record["status"])
        row.reason = record["reason"]
        row.consumer_role, row.data_source = record.get("consumer_role_arn", ""), record.get("data_source_id", "")
        if status != row.status:
            row.status, row.queried = status, record.get("proof") == "queried"
            since = datetime.fromisoformat(record.get("since") or record["updated"])
            if watch.requested and watch.status in ("connected", "quarantined", "failed") and since >= watch.requested:
                took = f"{(since - watch.requested).total_seconds():.0f} s"
                failed = watch.status == "failed"
                row.taken.append(f"{'refuse' if failed else watch.change} {took}")
                self.screen.event(f"[bold]{row.name}[/] {'has' if failed else 'is'} {status}, {took} after the request")
                if row.queried:
                    self.screen.event(f"a query of Quick's went through its {record['proven_legs']}")

    def _on_history_event(self, execution: Execution, effect: object) -> None:
        account_id = (execution.path and execution_account(execution)) or ""
        watch = self.watches.get(account_id)
        if watch and isinstance(effect, Entered) and effect.state.startswith(STEPS):
            watch.row.state = effect.state
        elif watch and execution.status != "RUNNING":
            watch.row.state = ""

    def _check(self) -> None:
        """Hold the end against what was requested for, plane by plane."""
        allowed = self.world.allowed_roles()
        for account_id, watch in self.watches.items():
            name, connected = watch.row.name, watch.expected == "connected"
            entries = allowed.count(f"arn:aws:iam::{account_id}:role/quick-athena-{watch.profile}")
            if (entries == 1) is not connected:
                self.faults.append(f"{name}: the access policy has {entries} entries")
            stays = connected or watch.expected == "quarantined"
            if self.world.has_data_source(account_id, watch.profile) is not stays:
                self.faults.append(f"{name}: the data source is {'missing' if stays else 'there'}")
            if watch.status != watch.expected:
                self.faults.append(f"{name} should be {watch.expected} and is {watch.status}")

    def _verdict(self) -> int:
        for fault in self.faults:
            self.screen.line(f"[red]not as it should be:[/] {fault}")
        refused = {account_id for account_id, watch in self.watches.items() if watch.expected == "failed"}
        ended_badly = (e for e in self.world.step_functions.executions if e.status != "SUCCEEDED")
        for failed in (each for each in ended_badly if execution_account(each) not in refused):
            self.screen.line(f"[red]execution {failed.name} {failed.status}[/]: {failed.error}: {failed.cause}")
            self.faults.append(failed.name)
        if not self.faults:
            calls = len(self.world.cloud.gateway.log.entries)
            self.screen.line(f"[green]everything is as it should be[/] ({calls} API calls, each as its own role)")
            self.screen.line(NEXT)
        return 1 if self.faults else 0

    def _rows(self) -> Iterable[Row]:
        return [watch.row for watch in self.watches.values()]


def without_session(message: str) -> str:
    """AWS's message without the session's name: with it, the ARN is longer than a line."""
    return re.sub(r"/QuickSight-RoleSession-\d+", "", message)


def policy(reader: str, actions: list[str], resources: list[str]) -> str:
    """A resource policy that lets the consumer roles of another account read."""
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{reader}:root"}}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Action": actions, "Resource": resources}]})


def execution_account(execution: Execution) -> str:
    """The account an execution is about, as far as its input says."""
    if "account_id" in execution.input:
        return str(execution.input["account_id"])
    detail = execution.input.get("detail", {})
    created = (detail.get("serviceEventDetails") or {}).get("createAccountStatus", {})
    return str(created.get("accountId") or (detail.get("requestParameters") or {}).get("resourceId", ""))


def main(*, show: bool = False) -> int:
    """Run the demo on a fast clock; the exit code. `show`: open a report of it in a browser."""
    clock = ScaledClock(datetime.now(UTC), SPEED)
    try:
        with TemporaryDirectory() as folder:
            layer = copytree(CONSUMER_LAYER, Path(folder) / "consumer")
            with Sandbox(clock, layer) as world:
                demo = Demo(world, Screen(clock.now), layer / "profiles.yaml")
                return demo.run(report_of(world, clock) if show else None)
    finally:
        clock.close()
