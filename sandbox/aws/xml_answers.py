"""An answer in XML, written as text. Moto has a generator of events write it, which takes longer."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from moto.core.serialize import BaseXMLSerializer

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]*")

_serialize_body = BaseXMLSerializer._serialize_body


class Unusual(Exception):
    """The tree has something in it that xmltodict has rules of its own for."""


def take() -> None:
    """Let moto write its answers this way."""
    BaseXMLSerializer._serialize_body = _body


def _body(serializer: Any, body: Any) -> str:
    try:
        return written(body)
    except Unusual:
        text: str = _serialize_body(serializer, body)
        return text


def written(tree: dict[str, Any]) -> str:
    """What xmltodict writes of a tree without pretty-printing. Raises Unusual."""
    parts: list[str] = []
    for name, value in tree.items():
        _write_all(name, value, parts)
    return "".join(parts)


def _write_all(name: str, value: Any, parts: list[str]) -> None:
    if not _is_name(name):
        raise Unusual(name)
    for each in value if type(value) is list else (value,):
        _write(name, each, parts)


def _write(name: str, value: Any, parts: list[str]) -> None:
    if type(value) is dict:
        _write_structure(name, value, parts)
    else:
        text = _text(value)
        parts.append(f"<{name}>{text}</{name}>" if text else f"<{name}/>")


def _write_structure(name: str, value: dict[str, Any], parts: list[str]) -> None:
    attributes = "".join(f" {key[1:]}={_quoted(text)}" for key, text in value.items() if key.startswith("@"))
    children = [(key, each) for key, each in value.items() if not key.startswith("@") and each != []]
    if not children:
        parts.append(f"<{name}{attributes}/>")
        return
    parts.append(f"<{name}{attributes}>")
    for key, each in children:
        _write_all(key, each, parts)
    parts.append(f"</{name}>")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if type(value) in {str, int, float}:
        return escape(str(value))
    raise Unusual(type(value))


def _quoted(value: Any) -> str:
    if not isinstance(value, str):
        raise Unusual(type(value))
    return quoteattr(value)


@lru_cache(4096)
def _is_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None
