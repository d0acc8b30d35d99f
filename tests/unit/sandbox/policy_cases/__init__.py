"""AWS's documented policy evaluation cases, one row each, with the page that documents it."""

from tests.unit.sandbox.policy_cases.assuming import ASSUMING
from tests.unit.sandbox.policy_cases.conditions import CONDITIONS
from tests.unit.sandbox.policy_cases.decisions import CROSS_ACCOUNT, KEYS_OF_KMS, LIMITS, SINGLE_ACCOUNT
from tests.unit.sandbox.policy_cases.elements import ELEMENTS, VARIABLE_ROWS

CASES = [
    *SINGLE_ACCOUNT,
    *LIMITS,
    *CROSS_ACCOUNT,
    *KEYS_OF_KMS,
    *ASSUMING,
    *ELEMENTS,
    *VARIABLE_ROWS,
    *CONDITIONS,
]
