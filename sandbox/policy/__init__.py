"""One IAM policy evaluator for identity, trust, resource, boundary, session and service control policies."""

from sandbox.policy.document import validate
from sandbox.policy.evaluate import access_denied_message, assume_role, evaluate
from sandbox.policy.model import Document, MalformedPolicyDocument, Principal, Request, Verdict

__all__ = [
    "Document",
    "MalformedPolicyDocument",
    "Principal",
    "Request",
    "Verdict",
    "access_denied_message",
    "assume_role",
    "evaluate",
    "validate",
]
