"""The rules for tags of accounts, OUs, roots and policies; moto has none of them.

Source: botocore model, TagKey, TagValue, ConstraintViolationException, InvalidInputException; Organizations User
Guide, orgs_tagging (restrictions).
"""

import unicodedata
from collections.abc import Iterable, Mapping

from sandbox.aws.services.organizations import errors

MOST_TAGS = 50
LONGEST_KEY, LONGEST_VALUE = 128, 256
_SIGNS = "_.:/=+-@"  # besides letters, numbers and separators (Unicode's L, N and Z): nothing else, no comma


def checked_tags(present: Mapping[str, str], added: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags after adding some; raises AwsError where Organizations refuses them, and nothing is added."""
    listed = [(tag["Key"], tag["Value"]) for tag in added]
    for key, value in listed:
        _check(key, value)
    if len(dict(listed)) != len(listed):
        raise errors.invalid_input("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags of a request.")
    result = {**present, **dict(listed)}
    if len(result) > MOST_TAGS:
        raise errors.constraint_violation(
            "MAX_TAG_LIMIT_EXCEEDED",
            f"You have exceeded the number of tags allowed on this resource: {MOST_TAGS}.",
        )
    return result


def _check(key: str, value: str) -> None:
    if not key:
        raise errors.invalid_input("MIN_LENGTH_EXCEEDED", "A tag key has one character at least.")
    if len(key) > LONGEST_KEY or len(value) > LONGEST_VALUE:
        message = f"A tag key has at most {LONGEST_KEY} characters, a value {LONGEST_VALUE}."
        raise errors.invalid_input("MAX_LENGTH_EXCEEDED", message)
    if not _is_text(key + value):
        raise errors.invalid_pattern()
    if key.lower().startswith("aws:"):
        raise errors.invalid_input("INVALID_SYSTEM_TAGS_PARAMETER", "Tag keys can't begin with aws:.")


def _is_text(text: str) -> bool:
    return all(sign in _SIGNS or unicodedata.category(sign)[0] in "LNZ" for sign in text)
