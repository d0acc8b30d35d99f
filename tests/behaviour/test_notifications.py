"""Port `Notifications`: what people receive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from control_plane.aws.notifications import SUBJECT_LENGTH, TEXT_LENGTH, SnsNotifications
from tests.fakes import FakeNotifications

if TYPE_CHECKING:
    from control_plane.ports.notifications import Notifications
    from tests.deployed_hub import Deployed


class _Fake:
    """What the fake sent."""

    def __init__(self) -> None:
        self._fake = FakeNotifications()

    def notifications(self, _function: str) -> Notifications:
        return self._fake

    def received(self) -> list[tuple[str, str]]:
        return self._fake.sent


@dataclass
class _Adapter:
    """What SNS published."""

    deployed: Deployed

    def notifications(self, function: str) -> Notifications:
        topic = self.deployed.world.outputs["NotificationsTopicArn"]
        return SnsNotifications(self.deployed.client_as(function, "sns"), topic)

    def received(self) -> list[tuple[str, str]]:
        return [(each.subject or "", each.text) for each in self.deployed.world.sns.published]


@pytest.fixture
def there(deployed: Deployed | None) -> _Fake | _Adapter:
    return _Adapter(deployed) if deployed else _Fake()


@pytest.mark.parametrize("function", ["WatchRegistry", "RemoveDataSource", "ReportSweep", "AskForApproval"])
def test_people_receive_messages_in_their_order(there: _Fake | _Adapter, function: str) -> None:
    notifications = there.notifications(function)
    for number in range(2):
        notifications.send(f"subject {number}", f"text {number}\nof two lines")
    assert there.received() == [(f"subject {number}", f"text {number}\nof two lines") for number in range(2)]


def test_a_subject_becomes_one_line_of_limited_length_in_ascii(there: _Fake | _Adapter) -> None:
    there.notifications("WatchRegistry").send("Größe\nof  it " + "x" * 200, "text")
    ((subject, _),) = there.received()
    assert subject == ("Gr??e of it " + "x" * 200)[:SUBJECT_LENGTH]


def test_a_text_is_cut_to_what_a_message_can_hold_and_stays_valid(there: _Fake | _Adapter) -> None:
    there.notifications("WatchRegistry").send("subject", "\ud800" + "é" * (TEXT_LENGTH + 1))
    ((_, text),) = there.received()
    assert text.startswith("?é")
    assert text.endswith(f"... ({TEXT_LENGTH + 2} characters)")
    assert len(text) == TEXT_LENGTH
