"""One IAM policy evaluator for identity, trust, resource, boundary, session and service control policies."""

from sandbox.aws.policy.document import KeptDocument, validate
from sandbox.aws.policy.evaluate import access_denied_message, assume_role, evaluate
from sandbox.aws.policy.model import Document, MalformedPolicyDocument, Principal, Request, Verdict

__all__ = [
    "Document",
    "KeptDocument",
    "MalformedPolicyDocument",
    "Principal",
    "Request",
    "Verdict",
    "access_denied_message",
    "assume_role",
    "evaluate",
    "validate",
]
