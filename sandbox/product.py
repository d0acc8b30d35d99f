"""What the harness knows of the product: where its files lie, and the names it uses."""

from pathlib import Path

PROJECT = Path(__file__).parent.parent
FUNCTIONS = PROJECT / "functions"
CONSUMER_LAYER = PROJECT / "layers/consumer"
PACKAGE = "control_plane"  # in the layer of the same name; sandbox/__init__.py makes it importable

OPT_IN_TAG = "quick-athena"
RUN_AS_ROLE = "quick-athena-run-as"
HUB_STACK = "quick-onboarding"
FORWARDING_STACK = "quick-onboarding-forwarding"
BOUNDARIES_STACK = "quick-onboarding-boundaries"


def data_source_id(account_id: str, profile: str = "default") -> str:
    """The id of a connection's data source in Quick."""
    return f"quick-athena-{account_id}-{profile}"
