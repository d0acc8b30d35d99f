"""The environment the template gives every function."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from control_plane import settings
from control_plane.settings import (
    FIELDS,
    ConsumerSettings,
    HubSettings,
    OptInSettings,
    ProofSettings,
    RegistrySettings,
    RepairSettings,
)
from tests.unit.control_plane.vocabulary import HUB

ENVIRONMENT = {
    "HUB_ACCOUNT_ID": "444455556666",
    "MANAGEMENT_ACCOUNT_ID": "111122223333",
    "HUB_REGION": "eu-west-1",
    "PARTITION": "aws",
    "ORGANIZATION_ID": "o-exampleorgid",
    "ORGANIZATION_ROOT_ID": "r-ab12",
    "RUN_AS_ROLE_ARN": "arn:aws:iam::444455556666:role/quick-athena-run-as",
    "RUN_AS_ROLES": "1",
    "DEPLOYMENT_ID": "default",
    "REGISTRY_TABLE": "registry",
    "OPT_IN_TAG": "quick-athena",
    "GRACE_DAYS": "7",
    "DRIFT_REPAIR": "repair",
    "PROOF_QUERIES": "enabled",
    "EXTERNAL_ID_MATCH": "exact",
    "QUICK_IDENTITY_REGION": "us-east-1",
    "QUICK_NAMESPACE": "default",
    "RECONCILE_ACCOUNT_ARN": "arn:aws:states:eu-west-1:444455556666:stateMachine:ReconcileAccount",
    "OPERATE_STACK_SET_ARN": "arn:aws:states:eu-west-1:444455556666:stateMachine:OperateStackSet",
    "MAX_BATCH_SIZE": "2000",
    "APPROVE_BATCH_ARN": "arn:aws:states:eu-west-1:444455556666:stateMachine:ApproveBatch",
    "GRANT_BUDGET_PERCENT": "10",
    "SWEEP_ORGANIZATION_ARN": "arn:aws:states:eu-west-1:444455556666:stateMachine:SweepOrganization",
    "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:eu-west-1:444455556666:notifications",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CONSUMER_DIRECTORY", raising=False)  # a sandbox in this process may have set it
    settings._read.cache_clear()
    yield
    settings._read.cache_clear()


def test_the_hub_is_read_from_the_environment() -> None:
    assert HubSettings.read().hub == HUB


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = OptInSettings.read()
    monkeypatch.setenv("OPT_IN_TAG", "changed")
    assert OptInSettings.read() is before


def test_the_consumer_layer_is_where_lambda_unpacks_it() -> None:
    assert ConsumerSettings.read().template == Path("/opt/consumer_role.yaml")


def test_every_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARTITION")
    monkeypatch.delenv("DEPLOYMENT_ID")
    with pytest.raises(ValidationError) as refused:
        HubSettings.read()
    assert [fault["loc"] for fault in refused.value.errors()] == [("partition",), ("deployment_id",)]


def test_a_missing_variable_stops_only_what_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        if name != "REGISTRY_TABLE":
            monkeypatch.delenv(name)
    assert RegistrySettings.read().registry_table == "registry"
    with pytest.raises(ValidationError):
        HubSettings.read()


@pytest.mark.parametrize(("value", "repairs"), [("repair", True), ("notify", False)])
def test_drift_is_repaired_or_only_reported(value: str, repairs: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    monkeypatch.setenv("DRIFT_REPAIR", value)
    assert RepairSettings.read().repairs is repairs


@pytest.mark.parametrize(("value", "proves"), [("enabled", True), ("disabled", False)])
def test_connections_are_proven_unless_queries_are_disabled(
    value: str, monkeypatch: pytest.MonkeyPatch, *, proves: bool
) -> None:
    monkeypatch.setenv("PROOF_QUERIES", value)
    assert ProofSettings.read().proves is proves


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROOF_QUERIES", "x"),
        ("HUB_ACCOUNT_ID", "x"),
        ("EXTERNAL_ID_MATCH", "any"),
        ("DRIFT_REPAIR", "x"),
        ("MANAGEMENT_ACCOUNT_ID", ""),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    models: dict[str, Any] = {"DRIFT_REPAIR": RepairSettings, "PROOF_QUERIES": ProofSettings}
    with pytest.raises(ValidationError, match=name.lower()):
        models.get(name, HubSettings).read()


def test_the_template_gives_every_function_what_settings_need() -> None:
    class Loader(yaml.SafeLoader):
        """CloudFormation's tags read as their plain values."""

    Loader.add_multi_constructor("!", lambda loader, _tag, node: getattr(loader, f"construct_{node.id}")(node))
    template = yaml.load((Path(__file__).parents[3] / "template.yaml").read_text(encoding="utf-8"), Loader)  # noqa: S506 - a SafeLoader with one more constructor
    given = template["Globals"]["Function"]["Environment"]["Variables"]
    required = {name for name, field in FIELDS.items() if field.is_required()}
    assert required == {name.lower() for name in given if not name.startswith("POWERTOOLS_")}
    assert {name for name in given if not name.startswith("POWERTOOLS_")} == set(ENVIRONMENT)
