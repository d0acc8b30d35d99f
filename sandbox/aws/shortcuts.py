"""What botocore and moto work out anew for every session or every call, worked out once for the whole process.

What no service here has a use for is not loaded at all. None of it changes what a caller sees. It is half of the time a
simulation takes. Whoever imports this module takes all of it, best before moto's services are imported: some of them
make sessions then.
"""

from __future__ import annotations

import string
import weakref
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any

import botocore.auth
import botocore.client
import botocore.hooks
import botocore.regions
import botocore.session
import botocore.useragent
import moto.core.responses
import moto.core.utils
import moto.utilities.utils
from botocore.context import get_context
from botocore.exceptions import NoCredentialsError
from moto.core.base_backend import BackendDict, BaseBackend
from moto.moto_api._internal.moto_random import MotoRandom

from sandbox.aws import dynamodb_expressions, in_process_client, in_process_requests, members, xml_answers

_service_models: dict[tuple[str, str | None], Any] = {}
_load_service_model = botocore.client.ClientCreator._load_service_model  # type: ignore[attr-defined]  # botocore's own
_spell_user_agent = botocore.useragent.UserAgentString.to_string
_construct_endpoint = botocore.regions.EndpointRulesetResolver.construct_endpoint
_endpoints = weakref.WeakKeyDictionary[Any, dict[tuple[Any, ...], Any]]()
_user_agents = weakref.WeakKeyDictionary[Any, dict[frozenset[str], str]]()
_make_aliaser = botocore.hooks.EventAliaser.__init__
_aliases: dict[str, str] = {}
_load_resource = moto.utilities.utils.load_resource


def _take() -> None:
    """Take all of them."""
    # Service models: each takes a tenth of a second to read, and every session would have its own.
    moto.utilities.utils.load_resource = _resource
    modules: tuple[Any, ...] = (botocore.session, moto.core.utils)
    for module in modules:
        module.create_loader = cache(module.create_loader)
    # So do the shapes and errors that are looked up in one.
    creator: Any = botocore.client.ClientCreator
    creator._load_service_model = _service_model
    aliaser: Any = botocore.hooks.EventAliaser
    aliaser.__init__ = _with_known_aliases
    resolver: Any = botocore.regions.EndpointRulesetResolver
    resolver.construct_endpoint = _endpoint
    agent: Any = botocore.useragent.UserAgentString
    agent.to_string = _user_agent
    botocore.auth.AUTH_TYPE_MAPS["v4"] = _NamesTheKey
    moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)
    urls = cached_property(BaseBackend.urls.fget)
    urls.__set_name__(BaseBackend, "urls")
    BaseBackend.urls = urls
    _shorten(BackendDict, "__getitem__", _account)
    MotoRandom.get_random_string = _random_string
    members.take()
    xml_answers.take()
    in_process_requests.take()
    in_process_client.take()
    dynamodb_expressions.take()


def _service_model(creator: Any, service_name: str, api_version: str | None = None) -> Any:
    """A service's model, of which every client makes one of its own."""
    key = (service_name, api_version)
    if key not in _service_models:
        _service_models[key] = _load_service_model(creator, service_name, api_version)
    return _service_models[key]


def _resource(name: str) -> Any:
    """One of moto's data files; EC2's instance types in every Region are half of what it loads, and nobody asks."""
    if name.startswith("ec2/resources/instance_type"):
        return {} if name.endswith("instance_types.json") else []
    return _load_resource(name)


def _with_known_aliases(aliaser: Any, event_emitter: Any, event_aliases: Any = None) -> None:
    """The names of events under which handlers are registered: every client looks for hundreds in the same list."""
    _make_aliaser(aliaser, event_emitter, event_aliases)
    if aliaser._event_aliases == botocore.hooks.EVENT_ALIASES:
        aliaser._alias_name_cache = _aliases


def _endpoint(resolver: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
    """Where a call goes to: it depends on the client, the operation, and few values, as a table's name."""
    if _goes_by_more(resolver, operation_model):
        return _construct_endpoint(resolver, operation_model, call_args, request_context)
    named = tuple(
        (call_args or {}).get(name) for name in resolver._get_dynamic_context_params(operation_model).values()
    )
    whose = tuple(each() for each in resolver._builtins.values() if callable(each))  # the account of who acts now
    known, key = _endpoints.setdefault(resolver, {}), (operation_model.name, named, whose)
    if key not in known:
        known[key] = _construct_endpoint(resolver, operation_model, call_args, request_context)
    return known[key]


def _goes_by_more(resolver: Any, operation_model: Any) -> bool:
    """S3 has handlers of its own that put buckets into endpoints; others look deep into their arguments."""
    of_s3 = resolver._service_model.service_name in {"s3", "s3control"}
    return of_s3 or bool(operation_model.operation_context_parameters)


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
        request.headers["Authorization"] = in_process_requests.signature(self.scope(request))


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


def _random_string(self: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:  # noqa: FBT001, FBT002 - moto's signature
    text = "".join(self.choices(string.ascii_letters + (string.digits if include_digits else ""), k=length))
    return text.lower() if lower_case else text


_take()
