"""Messages to people: one SNS topic."""

from typing import TYPE_CHECKING

from control_plane.aws.calls import named_errors
from control_plane.text import bounded

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

SUBJECT_LENGTH = 100  # the limit of SNS: characters, ASCII, one line
TEXT_LENGTH = 60_000  # characters; the limit of SNS is 262,144 bytes, and a character has up to four


class SnsNotifications:
    """Port `Notifications` over SNS."""

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client, self._topic_arn = client, topic_arn

    def send(self, subject: str, text: str) -> None:
        """Send one message."""
        with named_errors():
            self._client.publish(
                TopicArn=self._topic_arn, Subject=subject_line(subject), Message=bounded(text, TEXT_LENGTH)
            )


def subject_line(subject: str) -> str:
    """The subject as SNS accepts it."""
    return " ".join(subject.encode("ascii", "replace").decode().split())[:SUBJECT_LENGTH]
