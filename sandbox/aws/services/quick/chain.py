"""From Quick to the consumer account, one AssumeRole after the other, each decided by the policies of that moment.

Sources: AWS ML blog, 2026-05-14, "Cross-account Athena Access for Amazon Quick" (the data source's ARN as
ExternalId; an inline scope-down policy that allows one consumer role only).
"""

from datetime import datetime

from sandbox.aws.gateway import AwsError
from sandbox.aws.identity import Session
from sandbox.aws.policy import Document
from sandbox.aws.services.authorization import organization_key
from sandbox.aws.services.quick.answer import ACCESS_DENIED, Refused
from sandbox.aws.services.quick.assumptions import Assumptions
from sandbox.aws.services.quick.data_source import DataSource
from sandbox.aws.services.sts import AssumeRoleRequest, Sts


def connect(source: DataSource, sts: Sts, now: datetime, assumed: Assumptions) -> Session:
    """The session Quick queries with; without a consumer role it is the run-as role's own. Raises Refused."""
    run_as, consumer = source.athena.get("RoleArn"), source.athena.get("ConsumerAccountRoleArn")
    if run_as is None:
        message = "The data source has no RoleArn, and this Quick no account-wide role"
        raise Refused(ACCESS_DENIED, message, "IAM_ROLE_NOT_AVAILABLE")
    name = f"QuickSight-RoleSession-{int(now.timestamp() * 1000)}"
    try:
        session = sts.as_service(
            assumed.service, AssumeRoleRequest(run_as, name, session_policy=_scope(consumer), context=_source(source))
        )
        if consumer is None:
            return session
        return sts.chained(
            session, AssumeRoleRequest(consumer, name, external_id=source.arn + assumed.after_external_id)
        )
    except AwsError as error:
        raise Refused(ACCESS_DENIED, str(error.message), "FAILURE_TO_ASSUME_ROLE", by_chain=True) from error


def _scope(consumer: str | None) -> Document | None:
    if consumer is None:
        return None
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": consumer}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _source(source: DataSource) -> dict[str, str]:
    """Against the confused deputy: which data source Quick acts for."""
    return {
        "aws:SourceAccount": source.account,
        "aws:SourceArn": source.arn,
        **organization_key("Source", source.account),
    }
