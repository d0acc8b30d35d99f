"""All rows: operation -> the permissions it needs.

Source: Service Authorization Reference (as cfn-lint 1.58 carries it) unless a row says otherwise. AssumeRole is
not here: STS decides it by itself, with the trust policy. What is missing, no role of ours calls.
"""

from sandbox.aws.permissions import buckets, iam, operations, quicksight, stack_sets, stacks
from sandbox.aws.permissions.machines import MACHINES
from sandbox.aws.permissions.need import Table, anything, rows
from sandbox.aws.permissions.organizations import by_id, child, parent, policy
from sandbox.aws.permissions.storage import STORAGE

NEEDS: Table = {
    **buckets.NEEDS,
    **iam.NEEDS,
    **quicksight.NEEDS,
    **stack_sets.NEEDS,
    **stacks.NEEDS,
    **STORAGE,
    **operations.NEEDS,
    **MACHINES,
    **rows(
        "organizations",
        "organizations",
        {
            "DescribeAccount": by_id("AccountId"),
            "DescribeOrganization": anything,
            "DescribeOrganizationalUnit": by_id("OrganizationalUnitId"),
            "DescribePolicy": policy,
            "DescribeResourcePolicy": anything,
            "ListAWSServiceAccessForOrganization": anything,
            "ListAccounts": anything,
            "ListAccountsForParent": parent,
            "ListChildren": parent,
            "ListDelegatedAdministrators": anything,
            "ListOrganizationalUnitsForParent": parent,
            "ListParents": child,
            "ListPolicies": anything,
            "ListRoots": anything,
            "ListTagsForResource": by_id("ResourceId"),
            "TagResource": by_id("ResourceId"),
            "UntagResource": by_id("ResourceId"),
        },
    ),
    ("sts", "AssumeRole"): lambda _call: (),
    ("sts", "GetCallerIdentity"): lambda _call: (),  # needs no permission (botocore model)
}
