"""What a target receives of an event: all of it, a part, a constant, or a template filled from it.

moto ignores Input and InputPath. Source: EventBridge User Guide, eb-transform-target-input; of JSON path, what
the guide allows: names and array indexes.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.aws.services.events.errors import TargetError

_PATH = re.compile(r"\$((\.[A-Za-z0-9_-]+)|(\['[^']+'\])|(\[\d+\]))*")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\['([^']+)'\]|\[(\d+)\]")
_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]+)>")
_ABSENT = object()


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str, now: datetime) -> Any:
    """The JSON value handed to the target; raises TargetError INVALID_JSON."""
    if "Input" in target:
        return _read(target["Input"])
    if "InputPath" in target:
        found = _find(event, target["InputPath"])
        return None if found is _ABSENT else found
    if "InputTransformer" in target:
        return _fill(target["InputTransformer"], event, _reserved(event, rule_arn, now))
    return event


def _fill(transformer: Mapping[str, Any], event: Mapping[str, Any], reserved: dict[str, Any]) -> Any:
    paths = transformer.get("InputPathsMap") or {}
    values = {name: _find(event, path) for name, path in paths.items()} | reserved
    template = transformer["InputTemplate"]
    quoted = _quoted_positions(template)

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        return _written(values[match[1]], quoted=match.start() in quoted)

    return _read(_VARIABLE.sub(value_of, template))


def _written(value: Any, *, quoted: bool) -> str:
    if value is _ABSENT:
        return "" if quoted else '""'
    text = value if quoted and isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1] if quoted else text


def _quoted_positions(template: str) -> set[int]:
    """Where in the template a JSON string is open."""
    strings = re.finditer(r'"(?:\\.|[^"\\])*"', template)
    return {position for found in strings for position in range(*found.span())}


def _reserved(event: Mapping[str, Any], rule_arn: str, now: datetime) -> dict[str, Any]:
    return {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rsplit("/", 1)[-1],
        "aws.events.event.ingestion-time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
    }


def _find(event: Any, path: str) -> Any:
    if not _PATH.fullmatch(path):
        raise TargetError("INVALID_PARAMETER", f"Invalid JSON path {path}")
    found = event
    for name, quoted_name, index in _STEP.findall(path):
        key: Any = int(index) if index else name or quoted_name
        try:
            found = found[key]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return found


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise TargetError("INVALID_JSON", f"The target's input is no JSON: {text}") from error
