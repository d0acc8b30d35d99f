"""The organization's one resource policy: what the management account lets its members do."""

import json
from collections.abc import Callable
from typing import Any

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.policy import Document, MalformedPolicyDocument, Request, evaluate
from sandbox.aws.services.organizations import errors
from sandbox.aws.services.organizations.directory import Directory

EVERYTHING: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class ResourcePolicy:
    """Put, described and deleted as a whole: whoever puts it replaces everybody else's statements."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._content = ""

    def operations(self) -> dict[str, Callable[[Call], dict[str, Any]]]:
        """By name; all of them are the management account's."""
        return {
            "PutResourcePolicy": self.put,
            "DescribeResourcePolicy": self.describe,
            "DeleteResourcePolicy": self.delete,
        }

    def put(self, call: Call) -> dict[str, Any]:
        """Replace the policy."""
        content = str(call.parameters["Content"])
        try:
            self._evaluate(json.loads(content), call, "organizations:ListAccounts", "*")
        except (ValueError, MalformedPolicyDocument) as error:
            raise errors.invalid_input("INVALID_RESOURCE_POLICY_JSON", str(error)) from error
        self._content = content
        return self.describe(call)

    def describe(self, _call: Call) -> dict[str, Any]:
        """The policy; there is an error for there being none."""
        if not self._content:
            raise AwsError("ResourcePolicyNotFoundException", "We can't find a resource policy request.")
        organization = self._directory.backend.org.id
        arn = f"arn:aws:organizations::{self._directory.management}:resourcepolicy/{organization}/rp-sandbox1"
        return {
            "ResourcePolicy": {
                "ResourcePolicySummary": {"Id": "rp-sandbox1", "Arn": arn},
                "Content": self._content,
            }
        }

    def delete(self, call: Call) -> dict[str, Any]:
        """Delete it."""
        self.describe(call)
        self._content = ""
        return {}

    def allows_tagging(self, call: Call) -> bool:
        """Whether a member may set or take these tags of that account."""
        if not self._content:
            return False
        given = call.parameters
        keys = given.get("TagKeys") or [tag["Key"] for tag in given.get("Tags", [])]
        place = f"{self._directory.management}:account/{self._directory.backend.org.id}"
        resource = f"arn:aws:organizations::{place}/{given['ResourceId']}"
        return self._evaluate(json.loads(self._content), call, f"organizations:{call.operation}", resource, keys)

    def _evaluate(self, policy: Document, call: Call, action: str, resource: str, keys: Any = ()) -> bool:
        """The policy's part of the answer: what the caller's own policies say was asked before."""
        context = {"aws:TagKeys": list(keys)} if keys else {}
        request = Request(call.session.principal, action, resource, context)
        management = self._directory.management
        return evaluate(request, identity=[EVERYTHING], resource=policy, resource_account=management).allowed
