"""Do the documents say what the files say?"""

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from control_plane import account, batches, ingestion_errors, propagation, watch
from control_plane.account import Connection
from control_plane.aws import account_listing
from control_plane.aws.asset_cache import DynamoDbAssetCache
from control_plane.aws.grant_budget import DynamoDbGrantBudget
from control_plane.aws.ledger import DynamoDbLedger
from control_plane.aws.registry import DynamoDbRegistry
from control_plane.aws.revocation_budget import DynamoDbRevocationBudget
from control_plane.aws.stack_set_queue import DynamoDbStackSetQueue
from control_plane.aws.sweep_store import RETENTION, DynamoDbSweepStore
from control_plane.dependents import MAX_LISTED, Asset
from control_plane.failure import REMEDIATIONS, UNKNOWN, Failure
from control_plane.ports.access import AccessChange
from control_plane.ports.quick import ListingProgress
from control_plane.ports.stack_set_queue import Batch, ChangeKind, QueuedChange, Rollout
from control_plane.settings import FIELDS
from control_plane.steps import access, access_requests, data_source, dependents
from control_plane.sweep import collecting, planning, starting
from control_plane.sweep.reporting import Report
from control_plane.sweep.snapshot import SnapshotKind, SnapshotProgress
from control_plane.sweep.store import save_plan
from tests.contract import project
from tests.contract.project import FORWARDING, HUB, MACHINES, ROOT
from tests.contract.recorder import Recorder, written

PAGES = [str(path.relative_to(ROOT)) for path in project.files() if path.suffix == ".md"]
CONNECTION = Connection(account_id="222233334444", profile="default")
# Where packages come from is each machine's own business.
REGISTRY_HOSTS = [".".join(parts) for parts in [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org")]]

every_page = pytest.mark.parametrize("page", PAGES)


def _rows(page: str, heading: str) -> dict[str, list[str]]:
    """A reference table by what its first column names; a cell may name several."""
    found = project.tables(project.reference(page))[heading]
    return {name: rest for first, *rest in found for name in re.findall(r"`([^`]+)`", first)}


# Errors ----------------------------------------------------------------------------------------------


def test_the_error_table_says_what_the_classes_and_their_remediations_say() -> None:
    tree = ast.parse((project.LAYER / "errors.py").read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    meanings = {node.name: " ".join(str(ast.get_docstring(node)).split()) for node in classes}
    wanted = {name: [meanings[name], known.cause, known.remedy] for name, known in REMEDIATIONS.items()}
    assert _rows("errors", "Errors of ours") == wanted


def test_the_errors_page_says_what_becomes_of_unknown_errors() -> None:
    assert UNKNOWN.cause in project.reference("errors")
    assert UNKNOWN.remedy in project.reference("errors")


def test_the_errors_page_says_how_long_we_are_patient_with_iam() -> None:
    (wait,) = [row for row in project.tables(project.reference("errors"))["Waits"] if "IAM" in row[0]]
    assert wait[1] == (
        f"{data_source.FIRST_PAUSE} s, then {2 * data_source.DOUBLED} s, doubling up to {data_source.LONGEST_PAUSE} s"
    )
    assert wait[2].startswith(f"{propagation.IAM.budget.seconds // 60} minutes")


# Registry --------------------------------------------------------------------------------------------


def _updates() -> Iterator[Any]:
    """The UpdateItem requests of the state machines."""
    for name in MACHINES:
        for raw in project.tasks(name).values():
            if raw["Resource"].endswith(":dynamodb:updateItem"):
                yield raw["Arguments"]


def _written_by_machines(partition: str, sort_key: str) -> set[str]:
    """What they write into items whose keys begin like that."""
    wanted = (partition, sort_key)
    found = [update for update in _updates() if all(map(str.startswith, _key(update), wanted))]
    assert found
    return {attribute for update in found for attribute in written(update)}


def _key(update: Any) -> tuple[str, str]:
    pk, sk = (update["Key"][name]["S"].removeprefix("{% '") for name in ("pk", "sk"))
    return pk, sk


def _written_with_failures(profile: str | None) -> set[str]:
    client: Any = Recorder()
    failure = Failure(step="s", error="e", reason="r", cause="c", remedy="m").model_dump()
    DynamoDbRegistry(client, "table").record_failure(CONNECTION.account_id, profile, failure, "now")
    return written(client.requests[0])


def test_the_registry_page_names_every_attribute_of_a_connection() -> None:
    client: Any = Recorder()
    DynamoDbRegistry(client, "table").record_dependents(CONNECTION.account_id, CONNECTION.profile, "any", "now")
    wanted = _written_by_machines("account#", "connection#") | _written_with_failures(CONNECTION.profile)
    wanted |= written(client.requests[0])
    assert set(_rows("registry", "Attributes of a connection")) == wanted


def test_the_registry_page_names_every_attribute_of_a_claim() -> None:
    wanted = _written_by_machines("account#", "claim") | _written_with_failures(None)
    assert set(_rows("registry", "Attributes of a claim")) == wanted


def test_the_registry_page_names_every_attribute_of_a_kept_event() -> None:
    wanted = _written_by_machines("unread", "unread#")
    assert set(_rows("registry", "Attributes of a kept event")) == wanted


def test_the_registry_page_names_every_attribute_of_the_sweeps_claim() -> None:
    assert set(_rows("registry", "Attributes of the sweep's claim")) == _written_by_machines("sweep", "claim")


def test_the_registry_page_names_every_attribute_of_the_sweep_store() -> None:
    client: Any = Recorder()
    store = DynamoDbSweepStore(client, "table")
    store.put("20261124080000000", "any", SnapshotProgress())
    (expires,) = {*client.requests[0]["Item"]} - {"pk", "sk", "value"}
    assert set(_rows("registry", "Attributes of the sweep store")) == written(client.requests[0])
    assert project.template(HUB)["Resources"]["RegistryTable"]["Properties"]["TimeToLiveSpecification"] == {
        "AttributeName": expires,
        "Enabled": True,
    }
    (days,) = re.findall(r"(\d+) days after its sweep began", project.reference("registry"))
    assert timedelta(days=int(days)) == RETENTION


def test_the_registry_page_names_every_number_of_a_sweeps_report() -> None:
    assert set(_rows("registry", "The report of a sweep")) == set(Report.model_fields)


def test_the_registry_page_names_every_attribute_of_the_access_ledger() -> None:
    client: Any = Recorder()
    ledger, now = DynamoDbLedger(client, "table"), "2026-11-24T08:00:00+00:00"
    ledger.enqueue(AccessChange(CONNECTION, allow=True, generation=1), now)
    assert set(_rows("registry", "Attributes of a pending change")) == written(client.requests.pop())
    ledger.acquire("me", now)
    ledger.release("me", {"shard": "v1"}, now)
    wanted = {attribute for request in client.requests for attribute in written(request)}
    assert set(_rows("registry", "Attributes of the lease")) == wanted


def test_the_registry_page_names_every_attribute_of_the_election() -> None:
    client: Any = Recorder()
    ledger = DynamoDbLedger(client, "table")
    ledger.elect("2026-11-24T08:00:00+00:00")
    ledger.end_election()
    wanted = {attribute for request in client.requests for attribute in written(request)}
    assert set(_rows("registry", "Attributes of the election")) == wanted


def _fill_queue(client: Any) -> None:
    """Write every kind of item of a stack set's queue."""
    queue, now, account = DynamoDbStackSetQueue(client, "table"), "2026-11-24T08:00:00+00:00", CONNECTION.account_id
    name, kind = CONNECTION.role_name, ChangeKind.CREATE
    change = {"account_id": account, "kind": kind, "holder": "me", "token": "any", "version": "1", "requested_at": now}
    queue.enqueue(name, QueuedChange.model_validate(change))
    batch = Batch(operation_id="qa-1", kind=kind, accounts=(account,), version="1", started_at=now)
    queue.begin_batch(name, batch)
    queue.end_batch(name, batch, Rollout())
    queue.next_epoch(name, 0, now)
    queue.stop(name, "any", now)
    queue.resume(name, now)


def test_the_registry_page_names_every_attribute_of_the_queue_of_a_stack_set() -> None:
    client: Any = Recorder()
    _fill_queue(client)
    wanted = {attribute for request in client.requests for attribute in written(request)}
    assert set(_rows("registry", "Attributes of the queue of a stack set")) == wanted
    rows = project.tables(project.reference("registry"))["What the values of the queue contain"]
    fields = {field for model in (QueuedChange, Batch, Rollout) for field in model.model_fields}
    assert {code for _, cell, _ in rows for code in project.codes(cell)} == fields


def test_the_registry_page_names_every_attribute_of_the_revocation_budget() -> None:
    client: Any = Recorder()
    budget = DynamoDbRevocationBudget(client, "table")
    budget.count([CONNECTION.key], "2026-11-24T08:00:00+00:00")
    batch = budget.hold([CONNECTION.key], "2026-11-24T08:00:00+00:00")
    assert batch
    budget.record_approval_requested(batch)
    budget.store_token(batch.id, "token")
    budget.expect([CONNECTION.key])
    client.get_item = lambda **_: {"Item": {"connections": {"SS": [CONNECTION.key]}}}  # of the batch, and announced
    budget.record_applied(batch.id)
    wanted = {
        attribute for request in client.requests if "ConsistentRead" not in request for attribute in written(request)
    }
    assert set(_rows("registry", "Attributes of the revocation budget")) == wanted


def test_the_registry_page_names_every_attribute_of_what_is_known_of_quicks_assets() -> None:
    client: Any = Recorder()
    cache, now = DynamoDbAssetCache(client, "table"), datetime(2026, 11, 24, tzinfo=UTC)
    cache.try_reserve(now, now)
    cache.keep_listing(ListingProgress())
    wanted = {attribute for request in client.requests for attribute in written(request)}
    assert set(_rows("registry", "Attributes of the lists of Quick's assets")) == wanted
    cache.keep(Asset("dataset", "1", "arn", "name", "now", uses=(), owners_asked="now"))
    assert set(_rows("registry", "Attributes of an asset in Quick")) == written(client.requests[-1])
    assert client.requests[-1]["Item"]["sk"]["S"] == "dataset#1"


def test_the_registry_page_names_every_key() -> None:
    rows = [tuple(cell.strip("`") for cell in row[:2]) for row in project.tables(project.reference("registry"))["Keys"]]
    assert len(rows) == len(set(rows))
    assert set(rows) == {*_keys_of_machines(), *_keys_of_adapters(), *_keys_of_sweeps()}


# How the page names the parts of a key that differ, by what the state machines write there.
PARTS = {"account_id": "<account id>", "resourceId": "<account id>", "profile": "<profile>", "Name": "<execution>"}


def _keys_of_machines() -> Iterator[tuple[str, str]]:
    for update in _updates():
        pk, sk = (update["Key"][name]["S"].removeprefix("{% ").removesuffix(" %}") for name in ("pk", "sk"))
        yield _literal(pk), _literal(sk)


def _literal(expression: str) -> str:
    """What a key's expression makes: literals joined with parts that differ."""
    terms = [term.strip() for term in expression.split(" & ")]
    return "".join(PARTS[re.split(r"[.$]", term)[-1]] if "$" in term else term.strip("'") for term in terms)


def _keys_of_adapters() -> Iterator[tuple[str, str]]:
    """The keys of the items that the adapters write, examples replaced by what they stand for."""
    client: Any = Recorder()
    now = "2026-11-24T08:00:00+00:00"
    registry, budget = DynamoDbRegistry(client, "table"), DynamoDbRevocationBudget(client, "table")
    registry.record_failure(CONNECTION.account_id, CONNECTION.profile, {}, now)
    registry.record_failure(CONNECTION.account_id, None, {}, now)
    registry.record_dependents(CONNECTION.account_id, CONNECTION.profile, "any", now)
    registry.set_last_report(now)
    ledger = DynamoDbLedger(client, "table")
    ledger.enqueue(AccessChange(CONNECTION, allow=True, generation=1), now)
    ledger.acquire("me", now)
    ledger.elect(now)
    _fill_queue(client)
    cache = DynamoDbAssetCache(client, "table")
    cache.keep_listing(ListingProgress())
    cache.keep(Asset("dataset", "asset", "arn", "name", "now", uses=()))
    budget.count([CONNECTION.key], now)
    budget.expect([CONNECTION.key])
    batch = budget.hold([CONNECTION.key], now)
    assert batch
    budget.store_token(batch.id, "token")
    _fill_grants(client, now)
    examples = {
        CONNECTION.account_id: "<account id>",
        f"#{CONNECTION.profile}": "#<profile>",
        batch.id: "<batch id>",
        "dataset#asset": "<kind>#<asset id>",
        CONNECTION.role_name: "<name>",
        "r-ab12": "<unit>",
        "2026-11-24T08": "<hour>",
    }
    for request in client.requests:
        if "ConsistentRead" not in request:
            yield _key_of(request, examples)


def _fill_grants(client: Any, now: str) -> None:
    """The items of the grant budget."""
    grants, at = DynamoDbGrantBudget(client, "table", percent=10), datetime.fromisoformat(now)
    grants.set_organization(7)
    grants.take("r-ab12", CONNECTION.key, 20, at)
    grants.approve("r-ab12", [CONNECTION.key], at)
    batch = grants.batches("r-ab12").hold([CONNECTION.key], now)
    assert batch
    grants.batches("r-ab12").store_token(batch.id, "token")


def _keys_of_sweeps() -> Iterator[tuple[str, str]]:
    """The keys of what a sweep stores: the names are in the code of its steps."""
    client: Any = Recorder()
    store, sweep = DynamoDbSweepStore(client, "table"), "20261124080000000"
    difference = planning.Difference(account_id=CONNECTION.account_id, name="any", what="any")
    save_plan(sweep, planning.SweepPlan(start=(difference,), reported_only=(difference,)), store)
    for path, tree in project.modules("layers/control_plane/control_plane/sweep").items():
        module = import_module(f"control_plane.sweep.{Path(path).stem}")
        for node in ast.walk(tree) if module.__name__ != save_plan.__module__ else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("store.put"):
                owner = "" if ast.unparse(node.args[0]) == "ACROSS_SWEEPS" else sweep
                store.put(owner, _name_of(node.args[1], module), SnapshotProgress())
    for request in client.requests:
        pk, sk = _key_of(request, {sweep: "<id>"})
        yield pk, re.sub(r"#\d+$", "#<number>", sk)


def _name_of(node: ast.expr, module: ModuleType) -> str:
    """A text in the code: a literal, a constant of the module, or one with a number in it."""
    if isinstance(node, ast.Name):
        return str(getattr(module, node.id))
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values)
    return str(ast.literal_eval(node))


def _key_of(request: Any, examples: dict[str, str]) -> tuple[str, str]:
    """The key that a request writes, examples replaced."""
    key = request.get("Key") or request["Item"]
    pk, sk = key["pk"]["S"], key["sk"]["S"]
    for example, placeholder in examples.items():
        pk, sk = pk.replace(example, placeholder), sk.replace(example, placeholder)
    return pk, sk


def _statuses() -> set[str]:
    values = [update["ExpressionAttributeValues"] for update in _updates()]
    client: Any = Recorder()
    DynamoDbRegistry(client, "table").record_failure(CONNECTION.account_id, None, {}, "now")
    values.append(client.requests[0]["ExpressionAttributeValues"])
    return {value[":status"]["S"] for value in values if ":status" in value}


def test_the_registry_page_explains_every_status() -> None:
    assert set(_rows("registry", "Statuses")) == _statuses()


def test_the_state_diagram_has_every_status_and_no_other() -> None:
    (diagram,) = re.findall(r"stateDiagram-v2\n(.*?)```", project.reference("registry"), flags=re.DOTALL)
    assert set(re.findall(r"\b([a-z]+)(?= -->|:)", diagram)) == _statuses()


def test_the_examples_of_records_have_only_documented_attributes() -> None:
    examples = re.findall(r"```json\n(.*?)```", project.reference("registry"), flags=re.DOTALL)
    assert examples
    for example in map(json.loads, examples):
        kind = "Attributes of a claim" if example["sk"] == "claim" else "Attributes of a connection"
        assert set(example) <= set(_rows("registry", kind))


# Settings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "name"), [("Parameters of the hub", HUB), ("Parameters of the forwarding stack", FORWARDING)]
)
def test_the_settings_page_lists_every_parameter_with_its_default(heading: str, name: str) -> None:
    declared = project.template(name)["Parameters"]
    defaults = {key: slot.get("Default", "") for key, slot in declared.items()}
    assert {key: row[0].strip("`") for key, row in _rows("settings", heading).items()} == defaults


def test_the_settings_page_lists_every_variable() -> None:
    variables = project.template(HUB)["Globals"]["Function"]["Environment"]["Variables"]
    assert set(_rows("settings", "Environment of the functions")) == set(variables)
    optional = {name.upper() for name, field in FIELDS.items() if not field.is_required()}
    assert optional <= project.codes(project.reference("settings"))


def test_the_errors_page_has_every_error_of_a_proof() -> None:
    tables = project.tables(project.reference("errors"))["Errors of a proof"]
    cells = {kind: tuple(row[1:]) for row in tables for kind in project.codes(row[0]) if len(row) == 5}
    assert cells == {kind: _shown(row) for kind, row in ingestion_errors.ROWS.items()}
    assert ["any other", *_shown(ingestion_errors.UNKNOWN)] in tables
    parts = [[part.name, part.cause, part.remedy] for part in ingestion_errors.PARTS]
    assert [row for row in tables if len(row) == 3] == parts


def _shown(row: ingestion_errors.Row) -> tuple[str, ...]:
    tried = f"{row.delay.budget.seconds // 60} min" if row.delay else "not at all"
    return (row.fault.value, tried, row.cause, row.remedy)


def _fixed(what: str) -> str:
    (row,) = [row for row in project.tables(project.reference("settings"))["Fixed numbers"] if row[0] == what]
    return row[1]


def test_the_settings_page_says_how_big_a_slice_of_a_sweep_is() -> None:
    states = project.machine("sweep_organization.asl.yaml")["States"]
    accounts = collecting.PAGES[SnapshotKind.ACCOUNTS] * account_listing.PAGE
    assert "? 5 :" in states["CollectSnapshot"]["Assign"]["pause"]
    assert _fixed("what a sweep reads of accounts") == f"{accounts}, then a pause of 5 s"
    pause = states["StartReconciles"]["Assign"]["pause"]
    assert _fixed("accounts a sweep starts") == f"{starting.STARTS_PER_CALL} every {pause} s"
    assert account.FULL_CHECK_DAYS == 10  # "a tenth", "within ten days"
    assert _fixed("what a sweep wrote down") == f"{RETENTION.days} days"
    hours = project.machine("sweep_organization.asl.yaml")["TimeoutSeconds"] // 3600
    assert _fixed("a sweep's timeout") == f"{hours} h"


def test_the_settings_page_says_how_operations_and_writes_are_shared() -> None:
    machine, operator = (
        project.machine(f"{name}.asl.yaml")["States"] for name in ("reconcile_connection", "operate_stack_set")
    )
    (times,) = re.findall(r"unanswered >= (\d+)", machine["AreWaitsExhausted"]["Choices"][0]["Condition"])
    patience = machine["EnsureConsumerRole"]["TimeoutSeconds"]
    assert machine["RemoveConsumerRole"]["TimeoutSeconds"] == patience
    assert _fixed("longest wait for an answer of OperateStackSet") == f"{patience // 60} min, {times} times"
    wait = machine["EnsureAccess"]["TimeoutSeconds"] // 60
    assert _fixed("longest wait for an answer of the writer of the access policy") == f"{wait} min"
    joining, between = access_requests.JOINING.seconds, access_requests.BETWEEN_WRITES.seconds
    assert _fixed("an elected writer waits for others") == f"{joining} s, or until {between} s after a write of several"
    assert _fixed("OperateStackSet waits for others") == f"{operator['Debounce']['Seconds']} s"
    assert _fixed("access changes that one writer applies") == str(access.MAX_CHANGES)
    assert batches.GROWTH == 10  # "ten times as many"
    assert batches.NEWEST_SHARE == 5  # "a fifth"
    stopped = f"{batches.CANARIES} in a row, for {batches.STOPPED_FOR.seconds // 3600} h"
    assert _fixed("failed canaries that stop a version") == stopped


def test_the_decision_on_dependents_has_the_codes_numbers() -> None:
    (page,) = (ROOT / "docs/decisions").glob("0017-*.md")
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert f"slices of {dependents.CALLS} calls" in text
    assert dependents.PAGE == 4  # "counts as four"
    assert timedelta(hours=1) == dependents.FRESH  # "for an hour"
    assert f"one slice in {dependents.PACE.seconds} s" in text
    assert f"of the {MAX_LISTED} that are named" in text


# Architecture ----------------------------------------------------------------------------------------


def test_the_architecture_page_lists_every_module_that_is_no_port_and_no_adapter() -> None:
    page = project.sections((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))["Where the code is"]
    modules = [path.relative_to(project.LAYER) for path in project.LAYER.rglob("*.py") if path.stem != "__init__"]
    inside = {path.stem for path in modules if path.parts[0] not in ("aws", "ports")}
    assert inside - set(re.findall(r"\w+", page)) == set()


# Events ----------------------------------------------------------------------------------------------


def test_the_events_page_names_every_event_we_have_a_sample_of() -> None:
    names = {project.sample(name)["detail"]["eventName"] for name in project.samples()}
    assert names <= project.codes(project.reference("events"))


def test_the_events_page_names_every_rule_and_every_event_that_starts_a_reconcile() -> None:
    page = project.reference("events")
    assert set(project.resources(HUB, "Rule")) <= project.codes(page)
    (rule,) = project.resources(HUB, "Rule").values()
    patterns = rule["Properties"]["EventPattern"]["detail"]["$or"]
    listed = {code for row in project.tables(page)["What starts a reconcile"] for code in project.codes(row[0])}
    assert listed == {name for pattern in patterns for name in pattern["eventName"]}


def test_the_readme_of_the_samples_says_of_each_what_it_starts() -> None:
    text = (ROOT / "events/README.md").read_text(encoding="utf-8")
    named = {code for row in project.tables(text)["Which event starts what"] for code in project.codes(row[0])}
    assert named == set(project.samples())


# Permissions -----------------------------------------------------------------------------------------


def _granted() -> dict[str, set[str]]:
    functions = {key.removesuffix("Function"): r for key, r in project.functions().items()}
    machines = dict(project.machine_resource(name) for name in MACHINES)
    found = {key: project.actions(*project.granted(r)) for key, r in {**functions, **machines}.items()}
    body = project.template("layers/consumer/consumer_role.yaml")["Resources"]["ConsumerRolePolicy"]["Properties"]
    found["ConsumerRole"] = project.actions(*project.statements(body["PolicyDocument"]))
    for name, role in [(HUB, "StartRouteRole"), (HUB, "ScheduleRole"), (FORWARDING, "ForwardRole")]:
        policies = project.template(name)["Resources"][role]["Properties"]["Policies"]
        found[role] = {a for p in policies for a in project.actions(*project.statements(p["PolicyDocument"]))}
    boundary = project.template(project.BOUNDARIES)["Resources"]["RunAsBoundary"]["Properties"]["PolicyDocument"]
    found["RunAsRole"] = project.actions(*project.statements(boundary))
    return found


def test_the_permissions_page_has_a_section_for_every_identity() -> None:
    assert set(project.sections(project.reference("permissions"))) == set(_granted())


@pytest.mark.parametrize("identity", sorted(_granted()))
def test_the_permissions_page_lists_what_an_identity_may_do_and_nothing_else(identity: str) -> None:
    text = project.sections(project.reference("permissions"))[identity]
    named = {code for code in project.codes(text) if re.fullmatch(r"[a-z0-9]+:[A-Z]\w+", code)}
    assert named == _granted()[identity]


# Alarms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "name"), [("Alarms of the hub", HUB), ("Alarms of the forwarding stack", FORWARDING)]
)
def test_the_alarms_page_lists_every_alarm_and_what_it_sees(heading: str, name: str) -> None:
    alarms = project.resources(name, "Alarm")
    metrics = {key: f"`{alarm['Properties']['MetricName']}`" for key, alarm in alarms.items()}
    assert {key: row[0] for key, row in _rows("alarms", heading).items()} == metrics


def test_the_alarms_page_lists_every_metric_of_ours() -> None:
    counted = {
        node.value
        for tree in project.modules("functions").values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and re.fullmatch(r"(?:[A-Z][a-z]+)+(?:Steps|Records|Events|Refused)", str(node.value))
    }
    counted |= {
        "OldestInProgress",
        "SinceSweep",
        *watch.Findings(in_progress=0, stuck=(), failed=(), unread=0).counts,
    }  # of WatchRegistry
    counted |= {"RefusedChanges", "UnexpectedEntries"}  # of LoggedAnomalies
    counted |= {"AccessPolicyUsed"}  # of MeasuredCapacity
    counted |= set(Report(sweep_id="any", at="now", scope=("all",)).counts)
    assert set(_rows("alarms", "Metrics")) == counted


@every_page
def test_pages_that_alarms_and_messages_name_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in re.findall(r"(?<![\w/(.])docs/[\w/-]+\.md", text):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("source", [HUB, FORWARDING, "layers/control_plane/control_plane/watch.py"])
def test_pages_that_templates_and_code_name_exist(source: str) -> None:
    names = re.findall(r"docs/[\w/-]+\.md", (ROOT / source).read_text(encoding="utf-8"))
    assert names
    assert [name for name in names if not (ROOT / name).is_file()] == []


# All pages -------------------------------------------------------------------------------------------


@every_page
def test_relative_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("https://", "mailto:")):
            assert ((ROOT / page).parent / target).exists(), target


@every_page
def test_links_to_headings_lead_to_headings(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#\s]*\.md)?#([^)]+)\)", text):
        other = ((ROOT / page).parent / target if target else ROOT / page).read_text(encoding="utf-8")
        assert anchor in {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", other, flags=re.MULTILINE)}, anchor


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@every_page
def test_make_targets_in_documents_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"(?:`|^ {4})make ([a-z][a-z-]*)", text, flags=re.MULTILINE)) <= targets


@every_page
def test_sam_sections_in_documents_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert set(re.findall(r"--config-env ([a-z-]+)", text)) <= set(project.samconfig())


def test_every_decision_is_in_the_index_once() -> None:
    files = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    assert re.findall(r"\(([0-9]{4}-[a-z0-9-]+\.md)\)", index) == files
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))


def test_no_file_says_where_packages_come_from() -> None:
    for path in project.files():
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [host for host in REGISTRY_HOSTS if host in text], path


# Faults ----------------------------------------------------------------------------------------------


def test_every_fault_names_a_test_that_exists() -> None:
    rows = project.tables(project.reference("faults"))["Faults: what happens when"]
    links = [re.fullmatch(r"\[`(test_\w+)`\]\(\.\./\.\./(tests/\S+\.py)\)", shown) for *_, shown in rows]
    assert all(links), "each row's last cell is a link: the test's name, its file"
    missing = [
        link[0] for link in links if link and f"def {link[1]}(" not in (ROOT / link[2]).read_text(encoding="utf-8")
    ]
    assert missing == []
    assert len(rows) > 20
