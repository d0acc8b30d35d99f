"""The command lines that mend something: whole, so that they can be pasted into a shell. Pure."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quickctl.administrator import ORGANIZATIONS_REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
RESTORE = "quickctl-restore"  # the name of a change set
POLICIES = "docs/howto/policies"
SINGLE_SIGN_ON = "AWSReservedSSO_"  # how the roles of IAM Identity Center begin; IAM lets nobody change one

# What a command may leave to whoever runs it, as shell variables.
VARIABLES = {
    "ADMINISTRATOR_PROFILE": "an AWS profile of somebody who may change IAM policies in that account",
    "EMAIL": "the address of whoever is to get it",
    "MANAGEMENT_PROFILE": "an AWS profile of the management account",
    "PERMISSION_SET_ARN": "the ARN of the permission set, in IAM Identity Center",
    "QUICK_NAME": "the name of the Quick account, which nobody else has",
    "SSO_INSTANCE_ARN": "the ARN of the instance of IAM Identity Center",
    "TRAIL_BUCKET": "an S3 bucket whose policy lets CloudTrail write into it",
}
USED = re.compile(r'"\$([A-Z_]+)"')


class Variable(str):
    """A word of a command that a person sets: one of VARIABLES."""

    __slots__ = ()


def line(*words: str) -> str:
    """One command."""
    return " ".join(f'"${each}"' if isinstance(each, Variable) else shlex.quote(each) for each in words)


def then(*lines: str) -> str:
    """Several commands; the next one only if the one before succeeds."""
    return " && ".join(lines)


def compact(document: Any) -> str:
    """A document as one word of a command."""
    return json.dumps(document, ensure_ascii=False)


def needed(mend: str) -> tuple[str, ...]:
    """The variables that a command line has, each with what it is to be set to."""
    return tuple(f"{name}: {VARIABLES[name]}" for name in dict.fromkeys(USED.findall(mend)))


@dataclass(frozen=True)
class Commands:
    """Makes command lines with what doctor was called with, so that they mend what it looked at.

    `options`: quickctl's own, by name. `management_profile`: None if none was named.
    """

    region: str
    stack_name: str
    management_profile: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def hub(self, *words: str, region: str = "") -> str:
        """A call of the AWS CLI in the hub account."""
        profile = ("--profile", self.options["--profile"]) if "--profile" in self.options else ()
        return line("aws", *words, "--region", region or self.region, *profile)

    def management(self, *words: str, region: str = ORGANIZATIONS_REGION) -> str:
        """A call of the AWS CLI in the management account."""
        return line("aws", *words, "--region", region, "--profile", self._management_profile)

    def quickctl(self, *words: str) -> str:
        """A call of quickctl."""
        return line("quickctl", *(word for option in self.options.items() for word in option), *words)

    def quickctl_of_both(self, *words: str) -> str:
        """A call of quickctl that needs the management account, too."""
        return f"{self.quickctl(*words)} {line('--management-profile', self._management_profile)}"

    def sam_deploy(self, *words: str) -> str:
        """A deployment of the hub; parameters that are not named stay as they are."""
        profile = ("--profile", self.options["--profile"]) if "--profile" in self.options else ()
        return line("sam", "deploy", "--stack-name", self.stack_name, "--region", self.region, *profile, *words)

    def restore(self, parameters: Iterable[str]) -> str:
        """Have CloudFormation make again what was deleted or changed behind its back."""
        named = ("--stack-name", self.stack_name, "--change-set-name", RESTORE)
        kept = [f"ParameterKey={each},UsePreviousValue=true" for each in sorted(parameters)]
        modes = ("--use-previous-template", "--deployment-mode", "REVERT_DRIFT", "--capabilities", *CAPABILITIES)
        given = ("--parameters", *kept) if kept else ()
        return then(
            self.hub("cloudformation", "create-change-set", *named, *modes, *given),
            self.hub("cloudformation", "wait", "change-set-create-complete", *named),
            self.hub("cloudformation", "execute-change-set", *named),
        )

    @property
    def _management_profile(self) -> str:
        return self.management_profile or Variable("MANAGEMENT_PROFILE")


def grant(caller: str, policy: str) -> str:
    """What gives the caller (an ARN) one of the policies of the documents; run it in a checkout."""
    kind, _, name = caller.split(":", 5)[5].partition("/")
    file, named = f"file://{POLICIES}/{policy}.json", f"quickctl-{policy}"
    as_administrator = ("--profile", Variable("ADMINISTRATOR_PROFILE"))
    if kind in ("assumed-role", "role"):
        role = name.split("/")[0 if kind == "assumed-role" else -1]
        if role.startswith(SINGLE_SIGN_ON):
            instance = ("--instance-arn", Variable("SSO_INSTANCE_ARN"))
            permission_set = ("--permission-set-arn", Variable("PERMISSION_SET_ARN"), "--inline-policy", file)
            call = ("aws", "sso-admin", "put-inline-policy-to-permission-set")
            return line(*call, *instance, *permission_set, *as_administrator)
        put = ("aws", "iam", "put-role-policy", "--role-name", role, "--policy-name", named)
        return line(*put, "--policy-document", file, *as_administrator)
    partition, account = caller.split(":")[1], caller.split(":")[4]
    arn = f"arn:{partition}:iam::{account}:policy/{named}"
    create = ("aws", "iam", "create-policy", "--policy-name", named, "--policy-document", file)
    attach = ("aws", "iam", "attach-user-policy", "--user-name", name.rsplit("/", 1)[-1], "--policy-arn", arn)
    return then(line(*create, *as_administrator), line(*attach, *as_administrator))
