"""What best effort may mean: events lost, repeated, late and out of order.

Source: EventBridge events reference ("AWS services deliver events on a best effort basis"); EventBridge User
Guide, eb-targets and eb-cross-account (at least once, in no order).
"""

from collections.abc import Iterator
from random import Random


class DeliveryFaults:
    """Decides for each event whether it is lost, repeated or late. The same seed decides the same in the same order."""

    def __init__(self, seed: int, *, drop: float = 0.0, repeat: float = 0.0, delay: float = 0.0) -> None:
        """`drop` and `repeat` are probabilities; `delay` is the longest extra delay in virtual seconds."""
        self._random = Random(seed)  # noqa: S311 - a seeded experiment, no secret
        self._drop, self._repeat, self._delay = drop, repeat, delay

    def delays(self) -> Iterator[float]:
        """The extra delay of each copy that arrives: none for a lost event, two for a repeated one."""
        if self._random.random() < self._drop:
            return
        yield self._random.uniform(0, self._delay)
        if self._random.random() < self._repeat:
            yield self._random.uniform(0, self._delay)
