"""CloudTrail where moto differs: an organization's trail is seen in each of its accounts.

Source: CloudTrail User Guide, creating-trail-organization ("A trail ... is created in every AWS account that belongs to
your organization. Users with CloudTrail permissions in member accounts can see this trail"); botocore model, Trail
(HasCustomEventSelectors: "whether the trail has custom event selectors").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.cloudtrail.models import cloudtrail_backends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.gateway import Call
    from sandbox.aws.services.organizations import Organizations


class CloudTrail:
    """The trails of every account, as DescribeTrails shows them."""

    def __init__(self, organizations: Organizations) -> None:
        self._organizations = organizations

    def describe(self, call: Call) -> dict[str, Any]:
        """DescribeTrails; nothing but what is set is in it."""
        shown = [_described(trail) for trail in self._seen(call)]
        return {"trailList": [{key: value for key, value in each.items() if value is not None} for each in shown]}

    def _seen(self, call: Call) -> Iterator[Any]:
        asked, shadows = call.parameters.get("trailNameList") or (), call.parameters.get("includeShadowTrails", True)
        for trail in [*_trails(call.account), *self._shared(call.account)]:
            is_here = trail.region_name == call.region or (shadows and trail.is_multi_region)
            if is_here and (not asked or {trail.trail_name, trail.arn} & set(asked)):
                yield trail

    def _shared(self, account: str) -> list[Any]:
        """What a member sees of the management account's trails."""
        management = self._organizations.management_account
        if account == management or self._organizations.state_of(account) is None:
            return []
        return [trail for trail in _trails(management) if trail.is_org_trail]


def _described(trail: Any) -> dict[str, Any]:
    """Moto never says that a trail has selectors of its own."""
    chosen = bool(trail.event_selectors or trail.advanced_event_selectors)
    return {**trail.description(include_region=True), "HasCustomEventSelectors": chosen}


def _trails(account: str) -> list[Any]:
    return [trail for backend in list(cloudtrail_backends[account].values()) for trail in backend.trails.values()]
