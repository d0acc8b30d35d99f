"""A queue whose messages are read and, once they were dealt with, deleted."""

from __future__ import annotations

from typing import Any


class Queue:
    """A queue of SQS."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url

    def receive(self) -> list[Any]:
        """Some messages; others do not see them for half a minute."""
        found = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=30,
            WaitTimeSeconds=2,  # otherwise SQS asks only some of its servers, and may say that there is nothing
        )
        return list(found.get("Messages", []))

    def delete(self, receipt: str) -> None:
        """Delete a message that was received."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)
