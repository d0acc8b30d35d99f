"""AWS's list prices, us-east-1, as of the date below. A figure in dollars is only as good as this table."""

from bench.rates import SECONDS_PER_INVOCATION

AS_OF = "2026-11-28"
# Dollars. Sources: the services' pricing pages, as collected in November 2026; Lambda's are not verified.
PER_TRANSITION = 0.025 / 1000
PER_INVOCATION = 0.20 / 1_000_000
PER_GB_SECOND = 0.0000133334  # arm64
PER_WRITE_UNIT = 0.625 / 1_000_000
PER_READ_UNIT = 0.125 / 1_000_000

MEMORY_GB = 0.5  # of each function, template.yaml


def dollars(*, transitions: float, invocations: float, writes: float, reads: float) -> float:
    """What these cost. `writes` and `reads` are units; a read of an item of up to 4 KB is one at most."""
    duration = invocations * SECONDS_PER_INVOCATION * MEMORY_GB * PER_GB_SECOND
    units = writes * PER_WRITE_UNIT + reads * PER_READ_UNIT
    return transitions * PER_TRANSITION + invocations * PER_INVOCATION + duration + units
