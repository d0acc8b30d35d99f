"""Take out of a report whatever says whose organization it is: it is to be attached to a public issue. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

PATTERNS = (
    (re.compile(r"\barn:[\w-]+:[^\s\"',;)]+"), "<arn>"),
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "<e-mail>"),
    (re.compile(r"\b(o|r|ou)-[0-9a-z]{4,32}(-[0-9a-z]{8,32})?\b"), r"<\1>"),
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), "<account>"),
    (re.compile(r"\b(AKIA|ASIA|AROA|AIDA)[A-Z2-7]{12,}\b"), "<id>"),
)


def redacted(value: Any, names: Iterable[str] = ()) -> Any:
    """The same value without ids of accounts, ARNs, addresses, and these names, in all the texts it has."""
    words = sorted({each for each in names if each}, key=len, reverse=True)
    named = re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in words)) if words else None
    return _redacted(value, named)


def _redacted(value: Any, named: re.Pattern[str] | None) -> Any:
    if isinstance(value, dict):
        return {key: _redacted(inner, named) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(inner, named) for inner in value]
    return _text(value, named) if isinstance(value, str) else value


def _text(text: str, named: re.Pattern[str] | None) -> str:
    for pattern, word in PATTERNS:
        text = pattern.sub(word, text)
    return named.sub("<name>", text) if named else text
