"""An AWS organization in one process: moto, and services of our own where moto differs from AWS.

It knows nothing of what is deployed into it. Users import the names below, and the server from `sandbox.aws.server`
(only who serves needs it, and it is slow to import). All other modules are for the engine's own tests.
"""

from sandbox.aws import shortcuts  # noqa: F401 - first, and for what it does
from sandbox.aws.asl.effects import Entered
from sandbox.aws.asl.execution import Execution
from sandbox.aws.clock import Clock, ScaledClock, VirtualClock
from sandbox.aws.cloud import ORGANIZATIONS_REGION, Topology
from sandbox.aws.deployment import deploy
from sandbox.aws.embedded import EmbeddedAws
from sandbox.aws.services.events import DeliveryFaults
from sandbox.aws.services.functions import Handler, LoadHandler, Version
from sandbox.aws.services.sts import AssumeRoleRequest

__all__ = [
    "ORGANIZATIONS_REGION",
    "AssumeRoleRequest",
    "Clock",
    "DeliveryFaults",
    "EmbeddedAws",
    "Entered",
    "Execution",
    "Handler",
    "LoadHandler",
    "ScaledClock",
    "Topology",
    "Version",
    "VirtualClock",
    "deploy",
]
