"""The functions Step Functions adds to JSONata, but for those that chance or a digest decides.

Source: Step Functions Developer Guide, transforming-data, "JSONata functions provided by Step Functions", and for the
limits of $partition and $range the intrinsics they stand for (intrinsic-functions; that they hold is an assumption).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from jsonata.utils import Utils

LONGEST_RANGE = 1000


def partition(array: Any, size: Any) -> Any:
    """$partition: chunks of that size, the last one perhaps shorter; undefined of nothing."""
    if array is None:
        return None
    items = array if isinstance(array, list) else [array]  # as JSONata's own functions take one for an array of one
    step = _whole("$partition", size)
    if step < 1:
        raise ValueError("$partition needs a chunk size greater than zero")
    return [list(items[at : at + step]) for at in range(0, len(items), step)]


def count_up(first: Any, last: Any, delta: Any) -> list[int]:
    """$range: first, first + delta, ... up to last, which is in it if it is met."""
    start, end, step = (_whole("$range", value) for value in (first, last, delta))
    if step == 0:
        raise ValueError("$range needs a delta other than zero")
    found = range(start, end + (1 if step > 0 else -1), step)
    if len(found) > LONGEST_RANGE:
        raise ValueError(f"$range makes no more than {LONGEST_RANGE} items")
    return list(found)


def parse(text: Any) -> Any:
    """$parse: the value of a JSON text; undefined of nothing."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError("$parse needs a string")
    return _with_nulls(json.loads(text))


def _with_nulls(value: Any) -> Any:
    """JSON's null as jsonata-python writes it."""
    if isinstance(value, dict):
        return {key: _with_nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_nulls(item) for item in value]
    return Utils.NULL_VALUE if value is None else value


def _whole(function: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise TypeError(f"{function} needs whole numbers")
    return int(value)


ADDED: Mapping[str, Callable[..., Any]] = {"partition": partition, "range": count_up, "parse": parse}
