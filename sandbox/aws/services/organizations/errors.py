"""The errors of Organizations in AWS's words (those moto has; the rest after botocore's model of each error)."""

from sandbox.aws.gateway import AwsError


def account_not_found() -> AwsError:
    """No such account, or it is not (any more) in the organization."""
    return AwsError("AccountNotFoundException", "You specified an account that doesn't exist.")


def target_not_found() -> AwsError:
    """Nothing of that id can have tags."""
    return AwsError("TargetNotFoundException", "You specified a target that doesn't exist.")


def parent_not_found(which: str = "") -> AwsError:
    """No such root or OU; `which` is empty, Source or Destination."""
    words = f"{which.lower()} parent".strip()
    return AwsError(f"{which}ParentNotFoundException", f"You specified a {words} that doesn't exist.")


def access_denied() -> AwsError:
    """The caller is neither the management account nor allowed by it."""
    return AwsError("AccessDeniedException", "You don't have permissions to access this resource.")


def not_in_use() -> AwsError:
    """The caller's account belongs to no organization."""
    return AwsError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")


def constraint_violation(reason: str, message: str) -> AwsError:
    """A quota or a rule of Organizations; `reason` is one of botocore's ConstraintViolationExceptionReason."""
    return _with_reason(AwsError("ConstraintViolationException", message), reason)


def invalid_input(reason: str, message: str) -> AwsError:
    """A value Organizations does not take; `reason` is one of botocore's InvalidInputExceptionReason."""
    return _with_reason(AwsError("InvalidInputException", message), reason)


def invalid_pattern() -> AwsError:
    """Text that is not of the form its parameter has in botocore's model."""
    return invalid_input("INVALID_PATTERN", "You provided a value that does not match the required pattern.")


def _with_reason(error: AwsError, reason: str) -> AwsError:
    error.Reason = reason  # the member's name in botocore's model, from where moto serializes it
    return error
