"""Definitions: what the strict reader takes, and what it refuses with the state's name."""

from typing import Any

import pytest

from sandbox.aws.asl.machine import InvalidDefinition, parse, states
from sandbox.aws.asl.values import StateMachine

END = {"Type": "Succeed"}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {}, "End": True}
WITHIN = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": True}}}
TABLE = "arn:aws:states:::dynamodb:updateItem.waitForTaskToken"
QUEUE = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
EACH = {"Type": "Map", "Items": [1], "ItemProcessor": WITHIN, "End": True}


def machine(first: Any, **others: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": "First", "States": {"First": first, **others}}


def read(definition: Any, **substitutions: str) -> StateMachine:
    return parse(definition, substitutions)


def test_yaml_json_and_data_read_alike() -> None:
    data = machine({"Type": "Pass", "Output": "{% 1 + 1 %}", "End": True})
    yaml = """
        QueryLanguage: JSONata
        StartAt: First
        States:
          First: {Type: Pass, Output: "{% 1 + 1 %}", End: true}
    """
    json = (
        '{"QueryLanguage": "JSONata", "StartAt": "First",'
        ' "States": {"First": {"Type": "Pass", "Output": "{% 1 + 1 %}", "End": true}}}'
    )
    assert read(data) == read(yaml) == read(json)


def test_placeholders_are_replaced_before_the_text_is_read() -> None:
    text = """
        QueryLanguage: JSONata
        StartAt: First
        States:
          First: {Type: Wait, Seconds: "${Pause}", Next: Second}
          Second: {Type: Wait, Seconds: ${Pause}, End: true}
    """
    with pytest.raises(InvalidDefinition, match="First: Seconds"):
        read(text, Pause="15")
    assert read(text.replace('"${Pause}"', "1"), Pause="15").states["Second"].fields["Seconds"] == 15


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "arn:aws:states:::sns:publish.waitForTaskToken",
        "arn:aws:states:::states:startExecution.waitForTaskToken",
        "arn:aws:states:::aws-sdk:sfn:startExecution.waitForTaskToken",
        QUEUE,
    ],
)
def test_these_integrations_may_wait_for_a_token_and_for_heartbeats(resource: str) -> None:
    task = {**TASK, "Resource": resource, "HeartbeatSeconds": 60, "TimeoutSeconds": "{% 3600 %}"}
    assert read(machine(task)).states["First"].fields["HeartbeatSeconds"] == 60


def test_states_inside_maps_have_qualified_names() -> None:
    found = read(machine({**EACH, "End": True}))
    assert [path for path, _ in states(found)] == ["First", "First/Inner"]


def test_a_yaml_time_stays_a_string() -> None:
    text = """
        QueryLanguage: JSONata
        StartAt: First
        States:
          First: {Type: Wait, Timestamp: 2026-11-23T12:00:00Z, End: true}
    """
    assert read(text).states["First"].fields["Timestamp"] == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize(
    ("definition", "state", "fault"),
    [
        ({**machine(END), "QueryLanguage": "JSONPath"}, "", "JSONata"),
        ({"StartAt": "First", "States": {"First": END}}, "", "JSONata"),
        ({"QueryLanguage": "JSONata", "States": {"First": END}}, "", "StartAt"),
        ({**machine(END), "StartAt": "Nowhere"}, "", "Nowhere"),
        ({**machine(END), "Stats": {}}, "", "Stats"),
        ({**machine(END), "TimeoutSeconds": 0}, "", "TimeoutSeconds"),
        ({**machine(END), "Comment": "${Name}"}, "", "Name"),
        ("a: [b", "", "neither YAML nor JSON"),
        ("QueryLanguage: JSONata\nStartAt: A\nStates:\n  A: {Type: Succeed}\n  A: {Type: Fail}\n", "", "A .*twice"),
        (machine({"Type": "Parallel", "Branches": []}), "First", "Type"),
        (machine({**END, "QueryLanguage": "JSONPath"}), "First", "JSONata"),
        (machine({**TASK, "Parameters": {}}), "First", "Parameters"),
        (machine({**TASK, "ResultPath": "$.x"}), "First", "ResultPath"),
        (machine({**END, "Next": "First"}), "First", "Next"),
        (machine({"Type": "Task", "Resource": "r", "End": True}), "First", "lacks Arguments"),
        (machine({**TASK, "Resource": "{% $states.input %}"}), "First", "Resource"),
        (machine({**TASK, "Resource": "${Function}"}), "First", "Function"),
        (machine({"Type": "Pass"}), "First", "Next or End"),
        (machine({"Type": "Pass", "Next": "Second", "End": True}, Second=END), "First", "Next or End"),
        (machine({"Type": "Pass", "End": False}), "First", "End"),
        (machine({"Type": "Pass", "Next": "Gone"}), "First", "leads to Gone"),
        (machine({**TASK, "Catch": [{"ErrorEquals": ["A"], "Next": "Gone"}]}), "First", "leads to Gone"),
        (machine({"Type": "Choice", "Choices": [], "Default": "Gone"}), "First", "leads to Gone"),
        (machine(END, Island=END), "Island", "no state leads here"),
        (machine({"Type": "Wait", "End": True}), "First", "Seconds or Timestamp"),
        (machine({"Type": "Wait", "Seconds": -1, "End": True}), "First", "Seconds"),
        (machine({"Type": "Wait", "Seconds": True, "End": True}), "First", "Seconds"),
        (machine({"Type": "Pass", "Assign": "{% {} %}", "End": True}), "First", "Assign"),
        (machine({"Type": "Pass", "Assign": {"states": 1}, "End": True}), "First", "states"),
        (machine({"Type": "Pass", "Assign": {"a-b": 1}, "End": True}), "First", "a-b"),
        (machine({"Type": "Pass", "Output": "{% 1 +", "End": True}), "First", "begin with"),
        (machine({"Type": "Pass", "Output": "x {% 1 %}", "End": True}), "First", "begin with"),
        (machine({"Type": "Pass", "Output": {"a": ["{% 1 + %}"]}, "End": True}), "First", r"Output/a\[0\]"),
        (machine({"Type": "Pass", "Output": "{% $now() %}", "End": True}), "First", r"\$now"),
        (machine({"Type": "Pass", "Output": "{% $map([1], $random) %}", "End": True}), "First", r"\$random"),
        (machine({"Type": "Pass", "Output": "{% {'a': [$uuid()]} %}", "End": True}), "First", r"\$uuid"),
        (machine({"Type": "Pass", "Output": "{% $hash('a', 'MD5') %}", "End": True}), "First", r"\$hash"),
        (machine({"Type": "Pass", "Output": "{% ($m := $millis; 1) %}", "End": True}), "First", r"\$millis"),
        (machine({"Type": "Pass", "Output": "{% $eval('1') %}", "End": True}), "First", r"\$eval"),
        (machine({"Type": "Pass", "Output": "{% $shuffle([1]) %}", "End": True}), "First", r"\$shuffle"),
        (machine({"Type": "Pass", "Output": "{% $missing %}", "End": True}), "First", r"\$missing"),
        (machine({"Type": "Fail", "Error": 5}), "First", "Error"),
        (machine({"Type": "Choice", "Choices": [{"Condition": "yes", "Next": "S"}]}, S=END), "First", "Condition"),
        (machine({"Type": "Choice", "Choices": [{"Next": "S"}]}, S=END), "First", "lacks Condition"),
        (machine({**TASK, "Retry": [{"ErrorEquals": []}]}), "First", "ErrorEquals"),
        (machine({**TASK, "Retry": [{"ErrorEquals": ["A"], "MaxAttempt": 3}]}), "First", "MaxAttempt"),
        (machine({**TASK, "Retry": [{"ErrorEquals": ["A"], "IntervalSeconds": 0}]}), "First", "IntervalSeconds"),
        (machine({**TASK, "Retry": [{"ErrorEquals": ["A"], "MaxDelaySeconds": 1}]}), "First", "MaxDelaySeconds"),
        (machine({**TASK, "Retry": [{"ErrorEquals": ["A"], "BackoffRate": 0.5}]}), "First", "BackoffRate"),
        (machine({**TASK, "Retry": [{"ErrorEquals": ["A"], "JitterStrategy": "SOME"}]}), "First", "JitterStrategy"),
        (machine({**TASK, "Retry": [{"ErrorEquals": ["States.ALL", "A"]}]}), "First", "States.ALL"),
        (machine({**TASK, "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}]}), "First", "last"),
        (machine({**TASK, "Resource": "arn:aws:states:::states:startExecution.sync"}), "First", "no pattern"),
        (machine({**TASK, "Resource": "arn:aws:states:::ecs:runTask.sync"}), "First", r"no pattern \.sync"),
        (machine({**TASK, "Resource": TABLE}), "First", "can't wait for a task token"),
        (machine({**TASK, "HeartbeatSeconds": 5}), "First", "HeartbeatSeconds"),
        (machine({**TASK, "Resource": QUEUE, "HeartbeatSeconds": 0}), "First", "HeartbeatSeconds is not a number"),
        (machine({**TASK, "Resource": QUEUE, "HeartbeatSeconds": 9, "TimeoutSeconds": 9}), "First", "not less than"),
        (machine({**EACH, "ItemReader": {}}), "First", "ItemReader"),
        (machine({**EACH, "ItemProcessor": {**WITHIN, "StartAt": "Gone"}}), "First", "Gone"),
        (machine({**EACH, "ItemProcessor": {**WITHIN, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}}), "First", "inline"),
        (machine({**EACH, "ItemProcessor": {"StartAt": "First", "States": {"First": END}}}), "First", "unique"),
        (machine({**EACH, "ItemProcessor": {"StartAt": "In", "States": {"In": {"Type": "Pss"}}}}), "First/In", "Type"),
    ],
)
def test_a_faulty_definition_is_refused_with_the_state_and_the_fault(definition: Any, state: str, fault: str) -> None:
    with pytest.raises(InvalidDefinition, match=fault) as refused:
        read(definition)
    assert refused.value.state == state


def test_an_iteration_may_not_assign_what_is_assigned_outside_its_map() -> None:
    inside = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Assign": {"x": 2}, "End": True}}}
    before = {"Type": "Pass", "Assign": {"x": 1}, "Next": "Each"}
    with pytest.raises(InvalidDefinition, match="Each/In: assigns x"):
        read(machine(before, Each={**EACH, "ItemProcessor": inside}))


def test_an_iteration_reads_what_is_assigned_outside_but_not_the_other_way_round() -> None:
    inside = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Assign": {"y": "{% $x %}"}, "End": True}}}
    before = {"Type": "Pass", "Assign": {"x": 1}, "Next": "Each"}
    each = {**EACH, "ItemProcessor": inside}
    read(machine(before, Each=each))
    with pytest.raises(InvalidDefinition, match=r"Each: Output reads \$y"):
        read(machine(before, Each={**each, "Output": "{% $y %}"}))


def test_variables_an_expression_binds_itself_need_no_assign() -> None:
    expression = "{% ($a := 1; $f := function($b) { $a + $b }; [1,2]#$i.($ + $i) ~> $map($f)) %}"
    read(machine({"Type": "Pass", "Output": expression, "End": True}))
