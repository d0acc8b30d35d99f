"""EventBridge: events travel from bus to bus and to targets, as far as policies and the one hop let them."""

from sandbox.aws.services.events.delivery import Undelivered
from sandbox.aws.services.events.delivery_faults import DeliveryFaults
from sandbox.aws.services.events.errors import TargetError
from sandbox.aws.services.events.service import Events

__all__ = ["DeliveryFaults", "Events", "TargetError", "Undelivered"]
