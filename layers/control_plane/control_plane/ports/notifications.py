"""Messages to people."""

from typing import Protocol


class Notifications(Protocol):
    """Messages to people."""

    def send(self, subject: str, text: str) -> None:
        """Send one message."""
