"""The check at the gateway: a role's call goes on only if its policies, as IAM has spread them, allow all it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.aws.gateway import AwsError, Call, access_denied
from sandbox.aws.permissions.buckets import BucketPolicies
from sandbox.aws.permissions.need import Need
from sandbox.aws.permissions.stack_sets import deployed_types
from sandbox.aws.permissions.table import NEEDS
from sandbox.aws.policy import Request, access_denied_message
from sandbox.aws.services.authorization import decide, global_keys
from sandbox.aws.services.stack_sets.catalog import NOT_ADMINISTRATOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.services.authorization import KnownRoles

LOOKING_UP_DELEGATION = Need(
    "organizations:ListDelegatedAdministrators",
    "*",
    {"organizations:ServicePrincipal": "stacksets.cloudformation.amazonaws.com"},
)


class Permissions:
    """Checks every call of a role's session. Administrators pass.

    moto's own check matches no resource but `*` and evaluates hardly a condition.
    """

    def __init__(self, cloud: Cloud, iam: KnownRoles) -> None:
        self._cloud, self._iam = cloud, iam
        cloud.gateway.before.insert(0, self.authorize)  # permission is asked before anything else is looked at
        cloud.gateway.authorize = self.authorize
        cloud.gateway.resource_of = resource_of
        BucketPolicies(cloud)

    def authorize(self, call: Call) -> None:
        """Refuses with the service's access denied error; a call nobody described here is a RuntimeError."""
        if call.session.administrator:
            return
        if (call.service, call.operation) not in NEEDS:
            who = call.session.principal.arn
            raise RuntimeError(f"sandbox/aws/permissions describes no {call.service}:{call.operation}, called by {who}")
        self._check_delegation(call)
        self._require(call, NEEDS[call.service, call.operation](call))

    def may_deploy(self, call: Call, types: Iterable[str]) -> None:
        """Refuses a stack set operation whose body has a resource type the caller may not deploy."""
        if not call.session.administrator:
            self._require(call, deployed_types(call, types))

    def _require(self, call: Call, needs: Iterable[Need]) -> None:
        for need in needs:
            request = self._request(call, need)
            verdict = decide(self._iam, call.session, request)
            if not verdict.allowed:
                raise access_denied(call.service, access_denied_message(request, verdict))

    def _request(self, call: Call, need: Need) -> Request:
        known = global_keys(call.session, need.resource, call.region, self._cloud.clock.now())
        return Request(call.session.principal, need.action, need.resource, {**known, **need.context})

    def _check_delegation(self, call: Call) -> None:
        """As a delegated administrator CloudFormation looks up, with the caller's permissions, whether it is one.

        Source: hashicorp/terraform-provider-aws pull request 37069, which met it on CreateStackSet. That it is
        the same on every call with CallAs is an assumption.
        """
        if call.service == "cloudformation" and call.parameters.get("CallAs") == "DELEGATED_ADMIN":
            request = self._request(call, LOOKING_UP_DELEGATION)
            if not decide(self._iam, call.session, request).allowed:
                raise AwsError("ValidationError", NOT_ADMINISTRATOR)


def resource_of(call: Call) -> str:
    """What a call is about, for the call log: the ARN of the first thing it needs."""
    needs: Iterable[Need] = ()
    try:
        needs = NEEDS[call.service, call.operation](call)
        return next((need.resource for need in needs), "*")
    except KeyError:  # an operation without a row, or a request without the member that names its resource
        return "*"
