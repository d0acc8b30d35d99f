"""Make untrusted text safe to store and to send: of limited length, and always encodable as UTF-8."""

from collections.abc import Sequence
from typing import Any

LONGEST = 1000  # characters of one reason, cause or message
SHORT = 300  # characters of a short description
NAMED = 5  # accounts and units that a message names


def bounded(text: str, longest: int = LONGEST) -> str:
    """The text, cut when it is too long (the end then says how long it was). A lone surrogate becomes `?`.

    JSON can contain a lone surrogate, which UTF-8 can't encode: printing, SNS and DynamoDB would refuse the whole text.
    """
    kept, more = text, ""
    if len(text) > longest:
        more = f"... ({len(text)} characters)"
        kept = text[: max(longest - len(more), 0)]
    return kept.encode("utf-8", "replace").decode() + more


def plain(value: Any, longest: int = SHORT) -> str:
    """A string, number, boolean or null as bounded text. Of any other value only the type: it may be very large."""
    if isinstance(value, str):
        return bounded(value, longest)
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return _number(value)
    return f"a value that is no text ({type(value).__name__})"


def quoted(value: Any, longest: int) -> str:
    """A string as a Python literal, so that spaces and special characters are visible; bounded."""
    return repr(value[:longest])[:longest] if isinstance(value, str) else plain(value)


def _number(value: float) -> str:
    """A number as text. Python refuses to print a number with thousands of digits."""
    return str(value) if isinstance(value, float) or abs(value) < 10**20 else "a number of more than 20 digits"


def first(ids: Sequence[str], separator: str = ", ") -> str:
    """The first ids, and how many more there are: there may be hundreds."""
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return separator.join(ids[:NAMED]) + more


def joined(*findings: str) -> str:
    """Those findings that say something, as one text."""
    return "; ".join(filter(None, findings))


def printable(text: str, longest: int) -> str:
    """The text in printable ASCII, cut at that length; every other character becomes `?`."""
    return "".join(each if " " <= each <= "~" else "?" for each in text[:longest])
