"""What an owner should allow no more, and how it is taken out of a policy that others write, too."""

import json
import shlex

from quickctl.publishing import leftovers, removal

READS = {
    "Sid": "QuickReadssales",
    "Effect": "Allow",
    "Action": ["s3:GetObject"],
    "Principal": {"AWS": ["111122223333"]},
}
OLDER = {**READS, "Principal": {"AWS": ["222233334444"]}}
OWN = {"Sid": "Own", "Effect": "Deny", "Action": "s3:PutObject", "Principal": "*"}
PUT, DELETE = ("s3api", "put-bucket-policy", "--policy"), ("s3api", "delete-bucket-policy")


def test_statements_of_ours_that_nobody_needs_are_left_over() -> None:
    as_aws_writes_it = {**READS, "Action": "s3:GetObject", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
    assert leftovers([READS], [as_aws_writes_it, OWN]) == []
    assert leftovers([READS], [as_aws_writes_it, OWN, OLDER]) == [OLDER]
    assert leftovers([], [{**OWN, "Sid": None}, READS]) == [READS]


def test_all_others_are_kept() -> None:
    words = shlex.split(removal({"Version": "2012-10-17", "Statement": [OWN, OLDER]}, [OLDER], PUT, DELETE))
    assert words[:-1] == ["aws", *PUT]
    assert json.loads(words[-1]) == {"Version": "2012-10-17", "Statement": [OWN]}


def test_a_policy_of_which_nothing_is_left_is_deleted() -> None:
    assert removal({"Statement": OLDER}, [OLDER], PUT, DELETE) == "aws s3api delete-bucket-policy"
