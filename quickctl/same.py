"""Whether AWS has what was written, though it may write it otherwise. Pure."""

from __future__ import annotations

import json
from typing import Any


def same(one: Any, other: Any) -> bool:
    """Whether two policies, or two event patterns, mean the same: a list of one is its value, and no order counts."""
    return bool(_normal(one) == _normal(other))


def covers(found: Any, wanted: Any) -> bool:
    """Whether what was found has all that is wanted; AWS adds values of its own."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(covers(found.get(key), value) for key, value in wanted.items())
    return bool(found == wanted)


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normal(each) for key, each in value.items()}
    if isinstance(value, list):
        parts = sorted((_normal(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
        return parts[0] if len(parts) == 1 else parts
    return value
