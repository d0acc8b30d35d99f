"""What botocore and moto work out anew for every session or every call, worked out once for the whole process.

None of it changes what a caller sees. It is half of the time a simulation takes. Whoever imports this module takes all
of it, best before moto's services are imported: some of them make sessions then.
"""

from __future__ import annotations

import string
import weakref
from collections import deque
from datetime import UTC, datetime
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import botocore.auth
import botocore.client
import botocore.hooks
import botocore.session
import botocore.useragent
import moto.core.responses
import moto.core.utils
from botocore.context import get_context
from botocore.exceptions import NoCredentialsError
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.serialize import MISSING, AttributePicker
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.moto_api._internal.moto_random import MotoRandom

from sandbox.aws import in_process_requests

if TYPE_CHECKING:
    from collections.abc import Sequence


_lex = ConditionExpressionParser._lex_condition_expression
_service_models: dict[tuple[str, str | None], Any] = {}
_load_service_model = botocore.client.ClientCreator._load_service_model  # type: ignore[attr-defined]  # botocore's own
_spell_user_agent = botocore.useragent.UserAgentString.to_string
_user_agents = weakref.WeakKeyDictionary[Any, dict[frozenset[str], str]]()
_make_aliaser = botocore.hooks.EventAliaser.__init__
_aliases: dict[str, str] = {}
_roles: dict[tuple[type, type], tuple[bool, bool]] = {}


def _take() -> None:
    """Take all of them."""
    # Service models: each takes a tenth of a second to read, and every session would have its own.
    modules: tuple[Any, ...] = (botocore.session, moto.core.utils)
    for module in modules:
        module.create_loader = cache(module.create_loader)
    # So do the shapes and errors that are looked up in one.
    creator: Any = botocore.client.ClientCreator
    creator._load_service_model = _service_model
    aliaser: Any = botocore.hooks.EventAliaser
    aliaser.__init__ = _with_known_aliases
    agent: Any = botocore.useragent.UserAgentString
    agent.to_string = _user_agent
    botocore.auth.AUTH_TYPE_MAPS["v4"] = _NamesTheKey
    moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)
    urls = cached_property(BaseBackend.urls.fget)
    urls.__set_name__(BaseBackend, "urls")
    BaseBackend.urls = urls
    _shorten(BackendDict, "__getitem__", _account)
    _shorten(AttributePicker, "__call__", _picked)
    UpdateExpressionParser.make = lru_cache(4096)(UpdateExpressionParser.make)  # whoever changes one copies it
    ConditionExpressionParser._lex_condition_expression = _nodes
    DepthFirstTraverser.traverse_node_recursively = _traversed
    MotoRandom.get_random_string = _random_string
    in_process_requests.take()
    Table.all_items = _all_items


def _service_model(creator: Any, service_name: str, api_version: str | None = None) -> Any:
    """A service's model, of which every client makes one of its own."""
    key = (service_name, api_version)
    if key not in _service_models:
        _service_models[key] = _load_service_model(creator, service_name, api_version)
    return _service_models[key]


def _with_known_aliases(aliaser: Any, event_emitter: Any, event_aliases: Any = None) -> None:
    """The names of events under which handlers are registered: every client looks for hundreds in the same list."""
    _make_aliaser(aliaser, event_emitter, event_aliases)
    if aliaser._event_aliases == botocore.hooks.EVENT_ALIASES:
        aliaser._alias_name_cache = _aliases


def _user_agent(agent: Any) -> str:
    """What a client calls itself: it depends on what a call makes use of only."""
    context = get_context()
    features = frozenset(context.features if context else ()) | frozenset(agent._client_features or ())
    known = _user_agents.setdefault(agent, {})
    if features not in known:
        known[features] = _spell_user_agent(agent)
    return known[features]


class _NamesTheKey(botocore.auth.SigV4Auth):
    """A signature of which only the access key means anything: nobody in this process verifies one."""

    def add_auth(self, request: Any) -> None:
        if self.credentials is None:
            raise NoCredentialsError
        request.context["timestamp"] = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)  # type: ignore[attr-defined]  # botocore's own
        scope = f"Credential={self.scope(request)}, SignedHeaders=host"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 {scope}, Signature={'0' * 64}"


def _shorten(owner: Any, name: str, short: Any) -> None:
    """Ask `short` first, and what it does not answer (`...`) of the method as it was."""
    long = getattr(owner, name)

    def either(self: Any, given: Any) -> Any:
        found = short(self, given)
        return long(self, given) if found is ... else found

    setattr(owner, name, either)


def _account(backends: Any, account_id: str) -> Any:
    """An account's backends, once they are there: moto takes a lock and looks through all services to be sure."""
    return dict.get(backends, account_id, ...)


def _picked(picker: Any, context: Any) -> Any:
    """A member of a plain dictionary: the names moto looks for it under depend on the model only."""
    if type(context.obj) is not dict or picker.response_transformers or context.shape is None:
        return ...
    known = vars(context.shape).setdefault("_names_of_members", {})
    names = known.get((type(picker), context.key))
    if names is None:
        names = known[type(picker), context.key] = tuple(dict.fromkeys(picker.get_possible_keys(context)))
    found = (moto.core.utils.get_value(context.obj, name, MISSING) for name in names)
    return next((value for value in found if value is not MISSING), None)


def _nodes(parser: Any) -> deque[Any]:
    """A condition's words."""
    return deque(node._replace(children=[]) for node in _words(parser.condition_expression))


@lru_cache(4096)
def _words(condition: str) -> tuple[Any, ...]:
    return tuple(_lex(ConditionExpressionParser(condition, None, None)))


def _traversed(traverser: Any, node: Any, child_id: int = -1) -> Any:
    """Moto's own traversal, but that it is known of each type of node whether this type of traverser processes it."""
    kinds = (type(traverser), type(node))
    if kinds not in _roles:
        _roles[kinds] = isinstance(node, Node), isinstance(node, traverser.nodes_to_be_processed())
    is_node, is_processed = _roles[kinds]
    if not is_node:
        return node
    parent = node.parent
    for index, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, index)
        traverser.traverse_node_recursively(child, index)
    if is_processed:
        node = traverser.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def _random_string(self: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:  # noqa: FBT001, FBT002 - moto's signature
    text = "".join(self.choices(string.ascii_letters + (string.digits if include_digits else ""), k=length))
    return text.lower() if lower_case else text


def _all_items(table: Any) -> Sequence[Any]:
    """A table's items by their keys, each read once."""
    items = [item for each in table.items.values() for item in (each.values() if table.range_key_attr else (each,))]
    return sorted(items, key=_key)


def _key(item: Any) -> tuple[Any, ...]:
    return tuple(part.cast_value for part in (item.hash_key, item.range_key) if part)


_take()
