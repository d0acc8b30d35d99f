"""What moto's DynamoDB works out anew for every call from an expression's text or a table, worked out once.

The product's expressions are a few dozen texts, and moto reads, copies and checks each of them at every call. Its query
sorts the whole table to read one partition.
"""

from __future__ import annotations

import pickle
import weakref
from collections import deque
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import (
    DDBTypedValue,
    DepthFirstTraverser,
    Expression,
    Node,
    NoneExistingPath,
    UpdateExpressionFunction,
    UpdateExpressionPath,
)
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.parsing.validators import (
    ActionCountValidator,
    OverlappingPathsValidator,
    UpdateExpressionValidator,
    UpdateHashRangeKeyValidator,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# These look at the expression, its names and the table's key, and change nothing: what passed once passes again.
CHECKS = (ActionCountValidator, OverlappingPathsValidator, UpdateHashRangeKeyValidator)

# Nodes that no expression has when it is read: traversals put them in the place of these.
PUT_IN = {
    DDBTypedValue: (Node,),
    NoneExistingPath: (UpdateExpressionPath, UpdateExpressionFunction),
}
EVERYWHERE = -1  # as a set of kinds: all its bits are set

MOTOS_OWN = {
    (owner, name): getattr(owner, name)
    for owner, name in (
        (DepthFirstTraverser, "traverse"),
        (Node, "find_clauses"),
        (UpdateExpressionValidator, "__init__"),
        (UpdateExpressionValidator, "validate"),
        (Table, "all_items"),
        (Table, "query"),
    )
}

_lex = ConditionExpressionParser._lex_condition_expression
_roles: dict[tuple[type, type], tuple[bool, bool]] = {}
_kinds: dict[type, int] = {}  # each kind of node's bit
_sought: dict[tuple[type, int], int] = {}  # by traverser and number of kinds: the bits of the kinds it processes
_pickled = weakref.WeakKeyDictionary[Any, bytes]()
_query = Table.query
_queried: list[Any] = []  # the partition that the query under way reads, if it reads the table itself; else empty
_passed = weakref.WeakKeyDictionary[Any, set[Any]]()  # by expression: with which names and key


def take() -> None:
    """Let moto take these ways."""
    UpdateExpressionParser.make = lru_cache(4096)(UpdateExpressionParser.make)  # whoever changes one copies it
    ConditionExpressionParser._lex_condition_expression = _nodes
    DepthFirstTraverser.traverse = _traversed
    Node.find_clauses = _clauses
    UpdateExpressionValidator.__init__ = _begin
    UpdateExpressionValidator.validate = _validated
    Table.all_items = _all_items
    Table.query = _query_partition


def _nodes(parser: Any) -> deque[Any]:
    """A condition's words."""
    return deque(node._replace(children=[]) for node in _words(parser.condition_expression))


@lru_cache(4096)
def _words(condition: str) -> tuple[Any, ...]:
    return tuple(_lex(ConditionExpressionParser(condition, None, None)))


def _traversed(traverser: Any, node: Any) -> Any:
    """Moto's own traversal, but that it goes only where it has something to process.

    It is known of each type of node whether this type of traverser processes it, and of each node what is below it.
    """
    return _visited(traverser, node, -1, _kinds_for(traverser))


def _visited(traverser: Any, node: Any, place: int, sought: int) -> Any:
    kinds = (type(traverser), type(node))
    if kinds not in _roles:
        _roles[kinds] = isinstance(node, Node), isinstance(node, traverser.nodes_to_be_processed())
    is_node, is_processed = _roles[kinds]
    if not is_node:
        return node
    parent = node.parent
    for index, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, index)
        if getattr(child, "kinds", EVERYWHERE) & sought:
            _visited(traverser, child, index, sought)
    if is_processed:
        node = traverser.process(node)
        node.parent = parent
        if parent:
            parent.children[place] = node
    return node


def _kinds_for(traverser: Any) -> int:
    """The kinds of nodes that a traverser processes, as bits; for what others put in, the kinds it is put in for."""
    key = (type(traverser), len(_kinds))
    if key not in _sought:
        processed = traverser.nodes_to_be_processed()
        _sought[key] = sum(bit for kind, bit in _kinds.items() if issubclass(kind, processed))
        for kind, places in PUT_IN.items():
            if issubclass(kind, processed):
                _sought[key] |= sum(bit for each, bit in _kinds.items() if issubclass(each, places))
    return _sought[key]


def _write_kinds(node: Any) -> int:
    """Write on each node which kinds it and those below it are of."""
    if not isinstance(node, Node):
        return 0
    node.kinds = _kinds.setdefault(type(node), 1 << len(_kinds))
    for child in node.children or ():
        node.kinds |= _write_kinds(child)
    return int(node.kinds)


def _clauses(node: Any, kinds: Any) -> list[Any]:
    """The clauses of these kinds below a node; whether a kind of node has any below it is looked up once."""
    found: list[Any] = []
    for child in node.children or ():
        if type(child) in kinds:
            found.append(child)
        elif _has_clauses(child.__class__):
            found += child.find_clauses(kinds)
    return found


@cache
def _has_clauses(kind: Any) -> bool:
    return issubclass(kind, (Expression, UpdateExpressionFunction))


def _begin(
    validator: Any,
    expression: Any,
    expression_attribute_names: Any,
    expression_attribute_values: Any,
    item: Any,
    table: Any,
) -> None:
    """Moto's own, but that the copy comes from a pickle."""
    validator.expression_attribute_names = expression_attribute_names
    validator.expression_attribute_values = expression_attribute_values
    validator.item, validator.table = item, table
    validator.processors = validator.get_ast_processors()
    validator.expression = expression
    if expression not in _pickled:
        _write_kinds(expression)
        _pickled[expression] = pickle.dumps(expression)
    validator.node_to_validate = pickle.loads(_pickled[expression])  # noqa: S301 - written a moment ago


def _validated(validator: Any) -> Any:
    """Moto's own, but that an expression's `CHECKS` are made until they passed once."""
    names = validator.expression_attribute_names or {}
    given = (frozenset(names.items()), tuple(validator.table.table_key_attrs))
    passed = _passed.setdefault(validator.expression, set())
    node = validator.node_to_validate
    for processor in validator.processors:
        if not (given in passed and isinstance(processor, CHECKS)):
            node = processor.traverse(node)
    passed.add(given)
    return node


def _query_partition(table: Any, hash_key: Any, *given: Any, index_name: str | None = None, **more: Any) -> Any:
    """Moto's own, but that a query of the table itself sees the items of its partition only."""
    position = 6  # of the name of the index, among the arguments after the key
    if index_name or (len(given) > position and given[position]):
        return _query(table, hash_key, *given, **({"index_name": index_name} if index_name else {}), **more)
    _queried.append(hash_key)
    try:
        return _query(table, hash_key, *given, **more)
    finally:
        _queried.clear()


def _all_items(table: Any) -> Sequence[Any]:
    """A table's items by their keys, each read once."""
    partitions = [table.items[key] for key in _queried if key in table.items] if _queried else table.items.values()
    items = [item for each in partitions for item in (each.values() if table.range_key_attr else (each,))]
    return sorted(items, key=_key)


def _key(item: Any) -> tuple[Any, ...]:
    """What an item is sorted by. Its key never changes, so it is read once."""
    found: tuple[Any, ...] | None = item.__dict__.get("sort_key")
    if found is None:
        found = item.sort_key = tuple(part.cast_value for part in (item.hash_key, item.range_key) if part)
    return found
