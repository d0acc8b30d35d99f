"""What S3's operations need, and what a bucket's own policy denies.

Of S3 the gateway knows bucket and key only. An operation often needs an action of another name (Service Authorization
Reference; Amazon S3 User Guide, using-with-s3-policy-actions). Every call counts as one through TLS, whatever the
client's endpoint: a client of AWS has no other, and SAM's own bucket denies what comes without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.aws.gateway import Call, access_denied
from sandbox.aws.permissions.need import Need, Needs, Table
from sandbox.aws.policy import Request, access_denied_message, evaluate
from sandbox.aws.services.authorization import global_keys
from sandbox.aws.services.quick.lake import find_bucket

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud
    from sandbox.aws.policy import Document

ON_BUCKETS = {
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
    "DeleteBucketPolicy": "DeleteBucketPolicy",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketLocation": "GetBucketLocation",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketTagging": "GetBucketTagging",
    "GetBucketVersioning": "GetBucketVersioning",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketPolicy": "PutBucketPolicy",
    "PutBucketTagging": "PutBucketTagging",
    "PutBucketVersioning": "PutBucketVersioning",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
ON_OBJECTS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObject": "DeleteObject",
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "PutObject": "PutObject",
    "UploadPart": "PutObject",
}
ANYTHING: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def _bucket(action: str) -> Needs:
    return lambda call: [Need(f"s3:{action}", f"arn:aws:s3:::{call.parameters['Bucket']}")]


def _object(action: str) -> Needs:
    return lambda call: [Need(f"s3:{action}", f"arn:aws:s3:::{call.parameters['Bucket']}/{call.parameters['Key']}")]


NEEDS: Table = {
    **{("s3", operation): _bucket(action) for operation, action in ON_BUCKETS.items()},
    **{("s3", operation): _object(action) for operation, action in ON_OBJECTS.items()},
}


class BucketPolicies:
    """What a bucket's policy denies is denied to everybody; what it allows, the caller's own must allow too."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        cloud.gateway.before.append(self._ask)

    def _ask(self, call: Call) -> None:
        needs = NEEDS.get((call.service, call.operation))
        bucket = find_bucket(call.parameters.get("Bucket", "")) if call.service == "s3" else None
        if needs is None or bucket is None or bucket.policy is None:
            return
        for need in needs(call):
            keys = global_keys(call.session, need.resource, call.region, self._cloud.clock.now())
            request = Request(call.session.principal, need.action, need.resource, keys)
            verdict = evaluate(
                request, identity=(ANYTHING,), resource=bucket.policy, resource_account=call.session.account
            )
            if not verdict.allowed:
                raise access_denied("s3", access_denied_message(request, verdict))
