"""What answering for a task needs.

SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat have no resource types: a policy allows them on `*`, or not.
"""

from sandbox.aws.permissions.need import Table, anything, rows

MACHINES: Table = rows(
    "stepfunctions",
    "states",
    {"SendTaskSuccess": anything, "SendTaskFailure": anything, "SendTaskHeartbeat": anything},
)
