"""What the model of our own events says, as a JSON schema for others and as rows of docs/reference/events.md.

`PYTHONPATH=layers/control_plane python -m tests.contract.event_pages` writes the schema and prints the rows.
"""

import json
import sys

from control_plane.published_events import Detail, PublishedEvent
from tests.contract.project import ROOT

SCHEMA = ROOT / "docs/reference/published-events.schema.json"


def schema() -> str:
    """An event as EventBridge delivers it, as a JSON schema."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events that Quick Onboarding publishes, version 1 of their detail",
        "$comment": "Made from the model by tests/contract/event_pages.py.",
    }
    return json.dumps({**PublishedEvent.model_json_schema(), **described}, indent=2, ensure_ascii=False) + "\n"


def rows() -> list[str]:
    """One row for each field of a detail."""
    return [f"| `{name}` | {field.description} |" for name, field in Detail.model_fields.items()]


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
    sys.stdout.write("\n".join(rows()) + "\n")
