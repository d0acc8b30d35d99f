"""What every line of a function's log carries, and the line that ends each invocation.

docs/reference/logs.md names the keys, and the saved queries of template.yaml read them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar, cast

from aws_lambda_powertools import Logger

from control_plane.text import bounded

Handler = TypeVar("Handler", bound=Callable[..., Any])
logger = Logger()
OF_THE_REQUEST = ("account_id", "profile", "execution", "sweep", "stack_set", "batch")


def logged(handler: Handler) -> Handler:
    """Decorates a handler: each line says whose it is, and the last one how long it took and how it ended."""

    @logger.inject_lambda_context
    def with_context(event: Any, context: Any) -> Any:
        with _ended():
            return handler(event, context)

    @wraps(handler)
    def run(event: Any, context: Any) -> Any:
        logger.thread_safe_append_keys(**keys(event))
        try:
            return with_context(event, context)
        finally:
            logger.thread_safe_clear_keys()  # the next invocation is another account's

    return cast("Handler", run)


def keys(event: Any) -> dict[str, str]:
    """What a request says about whose it is. It was not parsed yet, so it may say anything."""
    if not isinstance(event, Mapping):
        return {}
    return {name: bounded(event[name]) for name in OF_THE_REQUEST if event.get(name) and isinstance(event[name], str)}


@contextmanager
def _ended() -> Iterator[None]:
    """Log how long what is inside took, and the error that it ended with. The state machine decides about the error."""
    began = datetime.now(UTC)
    try:
        yield
    except Exception as error:
        refusal = {"error": type(error).__name__, "reason": bounded(str(error))}
        logger.warning("raised", extra={**refusal, "duration_ms": _milliseconds_since(began)})
        raise
    logger.info("ended", extra={"duration_ms": _milliseconds_since(began)})


def _milliseconds_since(began: datetime) -> int:
    return round((datetime.now(UTC) - began).total_seconds() * 1000)
