"""What the functions log: each line says which account it is about, and which execution it belongs to."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract import project
from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from sandbox.organization import Sandbox


class Logging(Story):
    """A hub with one account that is connected, though AWS throttled it, and one that has failed."""

    connected = failed = ""

    def lines(self) -> list[dict[str, Any]]:
        """What functions have logged; their metrics are printed, too."""
        printed = [json.loads(line) for line in self.world.functions.log.lines]
        return [line for line in printed if "_aws" not in line]


@derived(world)
def logging(world: Sandbox) -> Logging:
    """Two accounts were tagged, and a sweep has ended."""
    story = Logging(world)
    world.faults.order(service="organizations", operation="DescribeAccount", code="TooManyRequestsException", times=9)
    story.connected, story.failed = story.tagged(), story.tagged("finance", "no-such-profile")
    story.run(86_400)
    return story


def test_each_line_says_which_execution_it_belongs_to(logging: Logging) -> None:
    started = {each.arn for each in logging.world.step_functions.executions}
    lines = [line for line in logging.lines() if "-WatchRegistryFunction-" not in line["function_name"]]
    assert {line["function_name"].split("-")[2] for line in lines} >= {"FindAccountFunction", "PlanSweepFunction"}
    assert [line for line in lines if line.get("execution") not in started] == []


def test_each_line_about_an_account_says_which(logging: Logging) -> None:
    accounts = {logging.connected, logging.failed}
    of_sweeps = [line for line in logging.lines() if "sweep" in line]
    of_accounts = [line for line in logging.lines() if ":execution:Reconcile" in line.get("execution", "")]
    assert of_sweeps
    assert {line["account_id"] for line in of_accounts} == accounts
    assert not any("account_id" in line for line in of_sweeps), "nothing is left of the invocation before"


def test_the_last_line_of_an_invocation_says_how_it_ended(logging: Logging) -> None:
    ends = [line for line in logging.lines() if line["message"] in ("ended", "raised")]
    by_request: dict[str, list[str]] = {}
    for line in logging.lines():
        by_request.setdefault(line["function_request_id"], []).append(line["message"])
    assert {messages[-1] for messages in by_request.values()} <= {"ended", "raised"}
    assert len(ends) == len(by_request)
    assert all(line["duration_ms"] >= 0 for line in ends)


# --- saved queries ---------------------------------------------------------------------------------------------

LANGUAGE = re.compile(
    r"\b(fields|filter|stats|sort|limit|by|as|asc|desc|count|count_distinct|latest|pct|max|bin|ispresent|and|or)\b"
)
AUTOMATIC = {"@timestamp"}  # what Logs Insights adds to every line
QUERIES = project.resources(project.HUB, "QueryDefinition")


def _text(name: str) -> str:
    """A query without its comments and literals."""
    text = re.sub(r"#.*", "", QUERIES[name]["Properties"]["QueryString"])
    return re.sub(r'"[^"]*"|\b\d+[hm]?\b', "", text)


def _fields(name: str) -> set[str]:
    """The fields that a query reads: its words that are neither the language's nor names it gives itself."""
    text = _text(name)
    given = set(re.findall(r"\bas (\w+)", text))
    return set(re.findall(r"@?\w+", LANGUAGE.sub("", text))) - given - AUTOMATIC


def _wanted(name: str) -> dict[str, str]:
    """What a query's filters want fields to be; the story's account is put in by whoever asks."""
    return dict(re.findall(r'(\w+) = "([^"]+)"', QUERIES[name]["Properties"]["QueryString"]))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("FailuresByCause", {"message", "account_id", "reason", "error", "cause", "remedy"}),
        ("SlowestSteps", {"duration_ms", "function_name"}),
    ],
)
def test_the_fields_of_a_query_are_found(name: str, fields: set[str]) -> None:
    assert _fields(name) == fields


@pytest.mark.parametrize("name", QUERIES)
def test_a_saved_query_reads_what_functions_log(logging: Logging, name: str) -> None:
    lines, wanted = logging.lines(), _wanted(name)
    if name == "StoryOfAnAccount":
        wanted["account_id"] = logging.failed
    found = [line for line in lines if wanted.items() <= line.items()]
    assert found
    assert _fields(name) - {field for line in found for field in line} == set()


def test_the_story_of_an_account_begins_with_its_event_and_names_the_failure(logging: Logging) -> None:
    story = [line for line in logging.lines() if line.get("account_id") == logging.failed]
    assert story[0]["message"] == "found subject"
    assert {"UnknownProfile"} <= {line.get("error") for line in story}


def test_the_stack_has_its_queries_for_the_log_of_its_functions(logging: Logging) -> None:
    hub = logging.world.boto3_session(logging.world.cloud.topology.hub)
    saved = hub.client("logs").describe_query_definitions(queryDefinitionNamePrefix="quick-onboarding/")
    names = {each["name"].split("/")[1] for each in saved["queryDefinitions"]}
    assert names == {row[0].strip("`") for row in project.tables(project.reference("logs"))["Saved queries"]}
    assert {group for each in saved["queryDefinitions"] for group in each["logGroupNames"]} == {
        "/quick-onboarding/quick-onboarding/functions"
    }
