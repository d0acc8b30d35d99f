"""Do the templates agree with the functions, the layers and the calls the code makes?"""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from control_plane.account import Connection
from control_plane.aws.iam import PATH
from control_plane.aws.ledger import LEASE
from control_plane.profiles import LONGEST, Profile, parameters
from control_plane.revocation_budget import OLDEST_CALL
from control_plane.settings import FIELDS
from control_plane.watch import LONGEST as LONGEST_LIFE
from control_plane.watch import STUCK_AFTER
from tests.contract import filled, project
from tests.contract.project import FORWARDING, HUB, MACHINES, ROOT, TEMPLATES

BODY = "layers/consumer/consumer_role.yaml"
FUNCTIONS = sorted((ROOT / "functions").glob("*.py"))
HUB_VALUES = LONGEST.model_copy(update={"partition": "aws", "region": "eu-west-1", "account_id": "444455556666"})
CONNECTION = Connection(account_id="222233334444", profile="sales-eu")


# Functions -----------------------------------------------------------------------------------------


def test_files_handlers_and_functions_are_the_same_set() -> None:
    handlers = {key: r["Properties"]["Handler"] for key, r in project.functions().items()}
    assert {f"{path.stem}.handler" for path in FUNCTIONS} == set(handlers.values())
    for logical_id, handler in handlers.items():
        words = handler.removesuffix(".handler").split("_")
        assert logical_id == "".join(word.capitalize() for word in words) + "Function"


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.stem)
def test_a_function_file_is_at_most_40_lines(path: Any) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40


def test_the_environment_is_what_settings_reads() -> None:
    variables = project.template(HUB)["Globals"]["Function"]["Environment"]["Variables"]
    ours = {name.lower() for name in variables if not name.startswith("POWERTOOLS_")}
    assert ours == {name for name, field in FIELDS.items() if field.is_required()}


def test_timeouts_hold_each_other_up() -> None:
    inherited = project.template(HUB)["Globals"]["Function"]["Timeout"]
    longest = max(r["Properties"].get("Timeout", inherited) for r in project.functions().values())
    tasks = [project.tasks(name)[state] for name in MACHINES for state in project.invocations(name)]
    calls = [each["TimeoutSeconds"] for each in tasks if not each["Resource"].endswith(".waitForTaskToken")]
    assert longest < min(calls)
    assert max(calls) < LEASE.total_seconds()


def test_nothing_reserves_concurrency() -> None:
    # it fails in new accounts
    text = (ROOT / HUB).read_text(encoding="utf-8")
    assert "ReservedConcurrentExecutions" not in text


def test_the_layer_has_the_versions_of_the_lock() -> None:
    lock, layer = _pins("requirements.lock"), _pins("layers/dependencies/requirements.txt")
    assert layer
    assert layer.items() <= lock.items()


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", text, flags=re.MULTILINE))


FIXED_PARTITION = re.compile(r"\barn:aws[\w-]*:|(?<![\w:-])aws-(?:cn|us-gov)\b")
DEPLOYED = [*TEMPLATES, *(f"statemachines/{name}" for name in MACHINES)]
CODE = sorted(path for folder in ("functions", "layers/control_plane") for path in project.modules(folder))


@pytest.mark.parametrize("name", DEPLOYED)
def test_nothing_deployed_works_in_one_partition_only(name: str) -> None:
    lines = [line.split(" # ")[0] for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if FIXED_PARTITION.search(line)] == []


def test_no_code_works_in_one_partition_only() -> None:
    fixed = {(path, text) for path in CODE for text in _constants(path) if FIXED_PARTITION.search(text)}
    longest = {("layers/control_plane/control_plane/profiles.py", LONGEST.partition)}
    assert fixed <= longest | {("layers/control_plane/control_plane/profiles.py", LONGEST.run_as_role_arn)}


def _constants(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


# What watches ---------------------------------------------------------------------------------------

ALARMS = [(name, key) for name in (HUB, FORWARDING) for key in sorted(project.resources(name, "Alarm"))]


@pytest.mark.parametrize(("name", "alarm"), ALARMS)
def test_an_alarm_says_what_is_wrong_tells_somebody_and_watches_something_there_is(name: str, alarm: str) -> None:
    resources = project.template(name)["Resources"]
    properties = resources[alarm]["Properties"]
    assert properties["AlarmDescription"].endswith((".", "?"))
    actions = properties["AlarmActions"]
    topic = actions["Fn::If"][1] if "Fn::If" in actions else actions
    assert resources[topic[0]["Ref"]]["Type"] == "AWS::SNS::Topic"
    for dimension in properties["Dimensions"]:
        value = dimension["Value"]
        if isinstance(value, Mapping):
            assert (value.get("Ref") or value["Fn::GetAtt"][0]) in resources
    assert properties["TreatMissingData"] == ("breaching" if alarm == "WatchSilent" else "notBreaching")


def test_every_state_machine_has_an_alarm_for_each_way_to_end_badly() -> None:
    wanted = {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled"}
    for machine in project.resources(HUB, "StateMachine"):
        seen = {
            alarm["Properties"]["MetricName"]
            for alarm in project.resources(HUB, "Alarm").values()
            if alarm["Properties"]["Dimensions"][0]["Value"] == {"Ref": machine}
        }
        # Whatever way a child ends badly, its parent fails. How many start is the storm alarm's.
        of_its_own = {"ExecutionThrottled"} if machine == "ReconcileConnection" else wanted
        if machine == "OperateStackSet":  # it hands over after so many rounds, and has no time limit
            of_its_own = wanted - {"ExecutionsTimedOut"}
        assert seen - {"ExecutionsStarted"} == of_its_own, machine


@pytest.mark.parametrize("name", [HUB, FORWARDING])
def test_every_queue_of_dead_letters_has_an_alarm(name: str) -> None:
    watched = [alarm["Properties"]["Dimensions"][0]["Value"] for alarm in project.resources(name, "Alarm").values()]
    for queue in project.resources(name, "Queue"):
        assert {"Fn::GetAtt": [queue, "QueueName"]} in watched


@pytest.mark.parametrize("name", [HUB, FORWARDING])
def test_whatever_is_delivered_without_somebody_waiting_has_dead_letters(name: str) -> None:
    queues = project.resources(name, "Queue")
    targets = [t for rule in project.resources(name, "Rule").values() for t in rule["Properties"]["Targets"]]
    targets += [schedule["Properties"]["Target"] for schedule in project.resources(name, "Schedule").values()]
    assert targets
    for target in targets:
        assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] in queues


def test_a_function_a_schedule_invokes_puts_its_failed_runs_aside() -> None:
    scheduled = set(project.scheduled()) & set(project.functions())
    assert scheduled
    for function in scheduled:
        config = project.template(HUB)["Resources"][function]["Properties"]["EventInvokeConfig"]
        assert config["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0] in project.resources(
            HUB, "Queue"
        )


def test_the_schedules_role_may_start_what_schedules_start_and_nothing_else() -> None:
    role = project.template(HUB)["Resources"]["ScheduleRole"]["Properties"]["Policies"]
    allowed = [s for policy in role for s in project.statements(policy["PolicyDocument"])]
    wanted = [target["Arn"] for targets in project.scheduled().values() for target in targets]
    starting = [s["Resource"] for s in allowed if "sqs:SendMessage" not in project.actions(s)]
    assert sorted(map(str, starting)) == sorted(map(str, wanted))


def test_our_metrics_with_an_alarm_are_counted_by_a_function() -> None:
    folders = ("functions", "layers/control_plane")  # a report of the layer says its own numbers
    emitted = {text for folder in folders for tree in project.modules(folder).values() for text in _texts(tree)}
    ours = [a["Properties"] for a in project.resources(HUB, "Alarm").values()]
    named = {each["MetricName"] for each in ours if each["Namespace"] == "QuickOnboarding"}
    assert named
    assert named <= emitted


def _texts(tree: ast.Module) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_an_execution_gives_signs_of_life_more_often_than_the_watch_expects() -> None:
    # the longest a machine may do something without writing to its claim
    names = ("reconcile_account.asl.yaml", "reconcile_connection.asl.yaml")
    silent = max(_longest(project.tasks(name)[state]) for name in names for state in project.invocations(name))
    pause = 300  # the longest Wait between two looks at the claim
    assert silent + pause < STUCK_AFTER.total_seconds()
    parent, child = (project.machine(name)["TimeoutSeconds"] for name in names)
    assert child < parent < LONGEST_LIFE.total_seconds(), "a parent lives to record that its child took too long"


def test_no_writer_is_older_than_what_is_taken_for_a_time_of_the_future() -> None:
    writing = ("EnsureAccess", "RevokeAccess", "RollBackAccess")
    tasks = [project.tasks("reconcile_connection.asl.yaml")[state] for state in writing]
    tasks.append(project.tasks("approve_batch.asl.yaml")["ApplyRevocations"])
    tasks.append(project.tasks("sweep_organization.asl.yaml")["RemoveUnexpectedEntries"])
    assert max(map(_longest, tasks)) < OLDEST_CALL.total_seconds()


FUNCTION_TIMEOUT = 60  # seconds, in the template's Globals


def _longest(task: Mapping[str, Any]) -> float:
    """Seconds a Task may take with all its retries, every attempt timing out.

    A task that waits for a token is not tried again when it times out, but when its function failed.
    """
    waits = task["Resource"].endswith(".waitForTaskToken")
    assert not waits or all("States.Timeout" not in each["ErrorEquals"] for each in task["Retry"])
    attempt = FUNCTION_TIMEOUT if waits else task["TimeoutSeconds"]
    retried = sum(
        min(each["IntervalSeconds"] * each["BackoffRate"] ** n, each["MaxDelaySeconds"]) + attempt
        for each in task["Retry"]
        for n in range(each["MaxAttempts"])
    )
    return float(task["TimeoutSeconds"] + retried)


# What is kept --------------------------------------------------------------------------------------


def test_the_registry_is_on_demand_recoverable_encrypted_and_retained() -> None:
    (table,) = project.resources(HUB, "Table").values()
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"]["SSEEnabled"] is True


@pytest.mark.parametrize("name", [HUB, FORWARDING])
def test_logs_end_some_day(name: str) -> None:
    for logical_id, group in project.resources(name, "LogGroup").items():
        assert group["Properties"]["RetentionInDays"] <= 365, logical_id


def test_everything_logs_where_retention_is_set() -> None:
    logging = project.template(HUB)["Globals"]["Function"]["LoggingConfig"]
    assert logging["LogGroup"]["Ref"] in project.resources(HUB, "LogGroup")
    for machine in project.resources(HUB, "StateMachine").values():
        assert machine["Properties"]["Logging"]["Level"] != "OFF"


# What a consumer account gets ------------------------------------------------------------------------


def test_the_stack_sets_body_is_one_stack_sets_take() -> None:
    # service-managed stack sets refuse macros, and CreateStackSet takes 51,200 bytes of body
    text = (ROOT / BODY).read_text(encoding="utf-8")
    assert "Transform" not in project.template(BODY)
    assert "Fn::Transform" not in text
    assert "AWS::CloudFormation::Stack" not in text
    assert len(text.encode()) <= 51_200


def test_the_bodys_parameters_are_those_a_profile_gives() -> None:
    profile = Profile(description="any", databases=["abc"], data_buckets=["abc"], owners=["authors"])
    assert set(project.template(BODY)["Parameters"]) == set(parameters("default", profile, LONGEST))


def test_the_body_and_the_code_mean_the_same_role_and_data_source() -> None:
    role = project.template(BODY)["Resources"]["ConsumerRole"]["Properties"]
    assert _filled(role["RoleName"]) == CONNECTION.role_name
    exact = project.statements(role["AssumeRolePolicyDocument"])[0]["Condition"]["Fn::If"][1]
    assert _filled(exact["StringEquals"]["sts:ExternalId"]) == CONNECTION.data_source_arn(HUB_VALUES)


def test_the_body_and_the_code_use_the_same_mark() -> None:
    marked = project.template(BODY)["Resources"]["ConsumerRole"]["Properties"]["Tags"]
    assert [tag["Key"] for tag in marked] == list(HUB_VALUES.ownership_tags)
    assert marked[0]["Value"] == HUB_VALUES.ownership_tags["managed-by"]


def test_the_run_as_roles_boundary_covers_every_consumer_role() -> None:
    boundary = project.template(project.BOUNDARIES)["Resources"]["RunAsBoundary"]["Properties"]["PolicyDocument"]
    (pattern,) = project.as_list(project.statements(boundary)[0]["Resource"])
    role = CONNECTION.consumer_role_arn(HUB_VALUES)
    assert re.fullmatch(_filled(pattern).replace("*", ".*"), role)


def test_the_writer_may_write_under_our_path_only() -> None:
    document = project.template(HUB)["Resources"]["WriteAccessPolicy"]["Properties"]["PolicyDocument"]
    by_sid = {statement["Sid"]: statement for statement in project.statements(document)}
    shards = f"arn:aws:iam::444455556666:policy{PATH}quick-athena-access-*"
    assert _filled(by_sid["WriteShards"]["Resource"]) == shards
    assert _filled(by_sid["AttachShardsOnly"]["Condition"]["ArnLike"]["iam:PolicyARN"]) == shards


def _filled(text: Any) -> str:
    """A !Sub in CONNECTION's account, or in the hub's when it is about the hub."""
    values = {
        "AWS::Partition": "aws",
        "AWS::Region": HUB_VALUES.region,
        "AWS::AccountId": HUB_VALUES.account_id if "policy/" in text["Fn::Sub"] else CONNECTION.account_id,
        "HubAccountId": HUB_VALUES.account_id,
        "Profile": CONNECTION.profile,
    }
    return re.sub(r"\$\{([\w:]+)\}", lambda found: values[found[1]], text["Fn::Sub"])


# Deployment ----------------------------------------------------------------------------------------


def test_every_section_of_samconfig_names_a_template_and_every_stack_has_a_section() -> None:
    sections = {key: value for key, value in project.samconfig().items() if isinstance(value, Mapping)}
    files = {s["global"]["parameters"].get("template_file", HUB) for s in sections.values()}
    assert files == {HUB, *(f"stacks/{path.name}" for path in (ROOT / "stacks").glob("*.yaml"))}


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_is_used(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for parameter in project.template(name)["Parameters"]:
        assert re.search(rf"!Ref {parameter}\b|\$\{{{parameter}\}}", text), parameter


def test_the_dependencies_layer_keeps_the_data_of_every_client_the_wiring_makes() -> None:
    kept = next(
        ast.literal_eval(node.value)
        for node in ast.parse((ROOT / "layers/dependencies/prune.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SERVICES"
    )
    wiring = (ROOT / "layers/control_plane/control_plane/wiring.py").read_text(encoding="utf-8")
    assert set(re.findall(r'_client\("(\w+)"\)', wiring)) <= kept


def test_the_dashboard_shows_metrics_that_exist_and_none_of_its_parts_is_above_another() -> None:
    body = json.loads(filled.hub().resources()["Dashboard"]["Properties"]["DashboardBody"])
    shown = [metric for each in body["widgets"] for metric in each["properties"].get("metrics", ())]
    ours = {metric[1] for metric in shown if metric[0] == "QuickOnboarding"}
    named = project.tables(project.reference("alarms"))["Metrics"]
    assert ours <= {name.strip("`") for name, *_ in named}
    machines = {metric[3] for metric in shown if metric[0] == "AWS/States"}
    assert len(machines) == len(MACHINES)
    taken: set[tuple[int, int]] = set()
    for each in body["widgets"]:
        columns, rows = range(each["x"], each["x"] + each["width"]), range(each["y"], each["y"] + each["height"])
        covered = {(column, row) for column in columns for row in rows}
        assert not covered & taken, each["properties"]
        assert max(columns) < 24
        taken |= covered


def test_every_function_and_state_machine_is_traced_and_no_function_loads_a_library_for_it() -> None:
    assert project.template(HUB)["Globals"]["Function"]["Tracing"] == "Active"
    assert not [name for name, each in project.functions().items() if "Tracing" in each["Properties"]]
    for name, machine in project.resources(HUB, "StateMachine").items():
        assert machine["Properties"]["Tracing"] == {"Enabled": True}, name
    imported = {
        name
        for folder in ("functions", "layers")
        for each in project.modules(folder).values()
        for name in project.imported(each)
    }
    assert not {name for name in imported if "tracing" in name or "xray" in name}


def test_the_boundary_lets_traces_be_sent_and_nothing_else_of_x_ray() -> None:
    boundary = project.template(project.BOUNDARIES)["Resources"]["HubBoundary"]["Properties"]["PolicyDocument"]
    # Step Functions Developer Guide, concepts-xray-tracing; AWSXRayDaemonWriteAccess, which SAM attaches, has the last
    sending = {"PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"}
    sending |= {"GetSamplingStatisticSummaries"}
    found = {each for each in project.actions(*project.statements(boundary)) if each.startswith("xray:")}
    assert found == {f"xray:{each}" for each in sending}
