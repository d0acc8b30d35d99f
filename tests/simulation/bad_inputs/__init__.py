"""Every bad input of docs/reference/bad-input.md: what happens, what is recorded, what is left."""

from tests.simulation.bad_inputs import accounts, events, names, permissions, profiles, quick, tags
from tests.simulation.bad_inputs.vocabulary import Case

GROUPS: dict[str, list[Case]] = {
    "Events": events.CASES,
    "Accounts": accounts.CASES,
    "Tag values": tags.CASES,
    "The profiles file": profiles.CASES,
    "Permissions": permissions.CASES,
    "Amazon Quick": quick.CASES,
    "IAM and CloudFormation": names.CASES,
}
CASES = [case for cases in GROUPS.values() for case in cases]
