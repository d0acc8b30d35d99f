"""Of a structure, the members that are there, not all its model knows.

Moto and botocore ask a value for every member of its shape, by every name it might have. DynamoDB's attribute has ten
members, of which every value has one. What is found, and in which order, is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.parsers
import moto.core.parse
from moto.core.serialize import AttributePickerContext, ResponseSerializer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Member = tuple[int, str, Any]  # its place in the shape, its name, its own shape

_get_value = ResponseSerializer.get_value
_serialize_structure = ResponseSerializer._serialize_type_structure
_parse_request = moto.core.parse.BaseJSONParser._parse_structure
_parse_answer = botocore.parsers.BaseJSONParser._handle_structure  # type: ignore[attr-defined]  # botocore's own


def take() -> None:
    """Let moto and botocore take these ways."""
    ResponseSerializer.get_value = _value
    ResponseSerializer._serialize_type_structure = _serialized
    moto.core.parse.BaseJSONParser._parse_structure = _request
    botocore.parsers.BaseJSONParser._handle_structure = _answer  # type: ignore[attr-defined]


def _value(serializer: Any, value: Any, key: str, shape: Any) -> Any:
    """A member of a plain dictionary: the names moto looks for it under depend on the model only."""
    if not _is_plain(serializer, value):
        return _get_value(serializer, value, key, shape)
    return next((value[name] for name in _names(serializer, key, shape) if name in value), None)


def _serialized(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """A structure of an answer."""
    if not _is_plain(serializer, value):
        _serialize_structure(serializer, serialized, value, shape, key)
        return
    wrapper = serializer.MAP_TYPE() if key else serialized
    for _, name, member in _present(_members_by_any_name(serializer, shape), value):
        serializer._serialize_structure_member(wrapper, value, member, name)
    if key:
        serializer._default_serialize(serialized, wrapper, shape, key)


def _request(parser: Any, shape: Any, value: Any) -> Any:
    """A structure of a request's JSON."""
    if type(value) is not dict or shape.is_document_type:
        return _parse_request(parser, shape, value)
    parsed = parser.MAP_TYPE()
    for name, member, found in _found(shape, value):
        parsed[name] = parser._parse_shape(member, found)
    return parsed


def _answer(parser: Any, shape: Any, value: Any) -> Any:
    """A structure of an answer's JSON."""
    if type(value) is not dict or shape.is_document_type or shape.is_tagged_union:
        return _parse_answer(parser, shape, value)
    return {name: parser._parse_shape(member, found) for name, member, found in _found(shape, value)}


def _is_plain(serializer: Any, value: Any) -> bool:
    return type(value) is dict and not serializer._value_picker.response_transformers


def _names(serializer: Any, key: str, shape: Any) -> tuple[str, ...]:
    """The names moto looks for a member under, in its order."""
    picker = serializer._value_picker
    known = vars(shape).setdefault("_names_of_members", {})
    names: tuple[str, ...] | None = known.get((type(picker), key))
    if names is None:
        context = AttributePickerContext({}, key, shape, serializer.operation_model)
        names = known[type(picker), key] = tuple(dict.fromkeys(picker.get_possible_keys(context)))
    return names


def _members_by_any_name(serializer: Any, shape: Any) -> Mapping[str, list[Member]]:
    """A shape's members by each of the names moto looks for them under."""
    known = vars(shape).setdefault("_members_by_any_name", {})
    kind = type(serializer._value_picker)
    if kind not in known:
        found: dict[str, list[Member]] = {}
        for place, (name, member) in enumerate(shape.members.items()):
            member.parent = shape  # as moto does, before it looks
            for each in _names(serializer, name, member):
                found.setdefault(each, []).append((place, name, member))
        known[kind] = found  # once it is whole: a served sandbox has threads
    members: Mapping[str, list[Member]] = known[kind]
    return members


def _present(members: Mapping[str, list[Member]], value: Mapping[str, Any]) -> list[Member]:
    """Those of them that a value has under any name, in the shape's order."""
    found = {member[0]: member for name in value if name in members for member in members[name]}
    return [found[place] for place in sorted(found)]


def _found(shape: Any, value: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The members a JSON object has: name, shape and value, in the shape's order."""
    members = vars(shape).get("_members_in_json")
    if members is None:
        members = shape._members_in_json = _members_in_json(shape)
    for _, name, member in _present(members, value):
        raw = value[member.serialization.get("name", name)]
        if raw is not None:
            yield name, member, raw


def _members_in_json(shape: Any) -> dict[str, list[Member]]:
    """A shape's members by their names in JSON."""
    found: dict[str, list[Member]] = {}
    for place, (name, member) in enumerate(shape.members.items()):
        found.setdefault(member.serialization.get("name", name), []).append((place, name, member))
    return found
