"""A DynamoDB client that only remembers what it was asked."""

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

WORD = re.compile(r"(?<![:\w#$])#?[a-z_]+(?![\w(])")


class Recorder:
    """Answers every call with an empty result; `requests` are the calls' parameters, in order."""

    def __init__(self) -> None:
        self.requests: list[Mapping[str, Any]] = []

    def get_paginator(self, _operation: str) -> Any:
        """Every list is empty."""
        return SimpleNamespace(paginate=lambda **_request: [])

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> dict[str, Any]:
            self.requests.append(request)
            return {}

        return call


def written(request: Mapping[str, Any]) -> set[str]:
    """The attributes an UpdateItem or PutItem request writes or removes, keys included."""
    names = request.get("ExpressionAttributeNames", {})
    words = WORD.findall(request.get("UpdateExpression", ""))
    return {names.get(word, word) for word in words} | set(request.get("Item", {})) | set(request.get("Key", {}))
