"""What every list of AWS has in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class ListPage(Generic[T_co]):
    """One page of a list, and the token of the next page; empty: it was the last."""

    items: Sequence[T_co]
    token: str = ""
