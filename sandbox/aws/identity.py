"""Who calls: every access key belongs to one session of one principal, and clients sign as whoever acts now."""

from __future__ import annotations

import secrets
import string
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.credentials import Credentials, ReadOnlyCredentials
from typing_extensions import override

from sandbox.aws.policy import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

ALPHABET = string.ascii_uppercase + "234567"
ADMINISTRATOR_ROLE = "OrganizationAccountAccessRole"


@dataclass(frozen=True)
class Session:
    """One set of credentials: whose they are and how far they reach.

    Sessions of an administrator (a person, or AWS's own services at work) are not asked for permissions; every
    other session is a role's and is evaluated at each call. One that `expires` is nobody's from then on; those of
    administrators, and those a service holds and renews (a function's, a state machine's), don't.
    """

    principal: Principal
    access_key: str
    secret_key: str
    token: str
    session_policies: Sequence[Mapping[str, Any]] = field(default=())
    expires: datetime | None = None
    may_everything: Callable[[], bool] = bool  # no; of an administrator, yes; of a role, what its policies say now

    @property
    def administrator(self) -> bool:
        """Whether these credentials are an administrator's, now."""
        return self.may_everything()

    def has_expired(self, now: datetime) -> bool:
        """Whether their time is over."""
        return self.expires is not None and now >= self.expires

    @property
    def account(self) -> str:
        """The account whose resources these credentials see."""
        return self.principal.account

    def credentials(self) -> dict[str, str]:
        """The three values an AWS client is configured with."""
        return {
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_session_token": self.token,
        }


class Identities:
    """Every session handed out in this sandbox, by access key."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._administrators: dict[str, Session] = {}
        self._lock = threading.Lock()

    def administrator(self, account: str) -> Session:
        """An administrator's session in an account; the same one each time, and it does not expire."""
        with self._lock:
            if account not in self._administrators:
                self._administrators[account] = self._issue(_administrator(account), may_everything=_yes)
            return self._administrators[account]

    def role_session(
        self,
        principal: Principal,
        session_policies: Sequence[Mapping[str, Any]] = (),
        expires: datetime | None = None,
        may_everything: Callable[[], bool] = bool,
    ) -> Session:
        """New credentials of a role, as AssumeRole would answer; without `expires` their holder renews them."""
        with self._lock:
            return self._issue(
                principal, session_policies=session_policies, expires=expires, may_everything=may_everything
            )

    def of(self, access_key: str) -> Session | None:
        """Whose access key this is; None for a key this sandbox never gave."""
        return self._sessions.get(access_key)

    def _issue(self, principal: Principal, **options: Any) -> Session:
        key = "ASIA" + "".join(secrets.choice(ALPHABET) for _ in range(16))
        session = Session(principal, key, secrets.token_hex(20), secrets.token_hex(24), **options)
        self._sessions[key] = session
        return session


def _yes() -> bool:
    return True


def _administrator(account: str) -> Principal:
    return Principal(
        account=account,
        arn=f"arn:aws:iam::{account}:role/{ADMINISTRATOR_ROLE}",
        session_arn=f"arn:aws:sts::{account}:assumed-role/{ADMINISTRATOR_ROLE}/sandbox",
        unique_id="AROAADMINISTRATOR" + account[-4:],
    )


_acting: ContextVar[Session | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(session: Session) -> Iterator[Session]:
    """Every boto3 call inside, of any client, is signed by this session."""
    token = _acting.set(session)
    try:
        yield session
    finally:
        _acting.reset(token)


class ActingCredentials(Credentials):
    """Credentials read anew at each signature, so one cached client serves every role (a Lambda's warm client)."""

    def __init__(self) -> None:
        super().__init__("acting", "acting", "acting")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """The acting session's keys; without one the call would be nobody's."""
        session = _acting.get()
        if session is None:
            raise RuntimeError("a boto3 call outside `acting_as`: the sandbox can't tell who makes it")
        return ReadOnlyCredentials(session.access_key, session.secret_key, session.token)


class KeepingSession(boto3.Session):
    """A boto3 session that keeps the clients it made: they are slow to make."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._clients: dict[Any, Any] = {}
        self._making = threading.Lock()  # a boto3 session is not safe to make clients of on two threads

    @override
    def client(self, service_name: Any, region_name: str | None = None, **options: Any) -> Any:  # type: ignore[override]  # of any service
        """The client that was made for these options, or a new one; configurations are compared by identity."""
        key = (service_name, region_name or self.region_name, *sorted(options.items()))
        with self._making:
            if key not in self._clients:
                self._clients[key] = super().client(service_name, region_name, **options)
            return self._clients[key]


@cache
def acting_boto3_session(region: str) -> boto3.Session:
    """A boto3 session whose clients sign as whoever acts: one for the whole process, its clients carry no identity."""
    core = botocore.session.get_session()
    vars(core)["_credentials"] = ActingCredentials()  # where botocore keeps a session's credentials
    core.set_config_variable("region", region)
    return KeepingSession(botocore_session=core, region_name=region)
