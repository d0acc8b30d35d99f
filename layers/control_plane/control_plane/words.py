"""Text that may come from anybody, made fit to be kept and sent: of bounded length, and always encodable."""

from typing import Any

LONGEST = 1000  # characters of one reason, cause or message
SHORT = 300  # of a description in a few words


def bounded(text: str, longest: int = LONGEST) -> str:
    """The text, cut when it is too long (the cut says how long it was); half of a surrogate pair becomes `?`.

    JSON may spell half a pair, which no UTF-8 can hold: printing, SNS and DynamoDB would refuse all of the text.
    """
    kept, more = text, ""
    if len(text) > longest:
        more = f"... ({len(text)} characters)"
        kept = text[: max(longest - len(more), 0)]
    return kept.encode("utf-8", "replace").decode() + more


def plain(value: Any, longest: int = SHORT) -> str:
    """A plain value as bounded text; of anything else, its kind: how deep or long it is nobody knows."""
    if isinstance(value, str):
        return bounded(value, longest)
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return _number(value)
    return f"a value that is no text ({type(value).__name__})"


def quoted(value: Any, longest: int) -> str:
    """A plain value as Python would write it, so that spaces and odd characters show; bounded."""
    return repr(value[:longest])[:longest] if isinstance(value, str) else plain(value)


def _number(value: float) -> str:
    """Python refuses to write out a number of thousands of digits."""
    return str(value) if isinstance(value, float) or abs(value) < 10**20 else "a number of more than 20 digits"
