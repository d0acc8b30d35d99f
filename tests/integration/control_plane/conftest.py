"""The deployed hub and the clients of its functions."""

from tests.deployed_hub import client_as, connection, hub, world

__all__ = ["client_as", "connection", "hub", "world"]
