"""EventBridge: events travel from bus to bus and to targets, as far as policies and the one hop let them."""

from sandbox.services.events.chaos import Chaos
from sandbox.services.events.delivery import Undelivered
from sandbox.services.events.errors import TargetError
from sandbox.services.events.service import Events

__all__ = ["Chaos", "Events", "TargetError", "Undelivered"]
