"""What is assumed of stack sets where AWS's documents can be read in two ways.

The defaults are the worse readings, unless said.
"""

from dataclasses import dataclass


@dataclass
class Assumptions:
    """One setting for each doubt; True is the more lenient reading."""

    # A parameter may have an empty value. botocore's issue 1597 reports "Parameters: [...] must have values".
    takes_empty_values: bool = False
    # UpdateStackSet with a template or a parameter's value in it marks instances OUTDATED only when something differs.
    # botocore's model: "includes changes to the template (that is, if TemplateBody or TemplateURL is specified)".
    compares_definitions: bool = False
    # UpdateStackSet whose targets have no instance runs an operation of nobody, instead of StackInstanceNotFound.
    updates_nobody: bool = False
    # UpdateStackInstances brings the set's template too, and takes overrides of parameters the stack has not had yet.
    # botocore's model: "you must first use UpdateStackSet to update all stack instances".
    instances_take_the_template: bool = False
    # Operations that do not concern the same accounts run side by side. botocore's model of ManagedExecution: "If there
    # are already running or queued operations, StackSets queues all incoming operations even if they are
    # non-conflicting."
    runs_side_by_side: bool = False
    # ListStackSetOperationResults shows an account's result while the operation still works on others. Not documented.
    # By default it does, as DescribeStackInstance shows each instance's state at once.
    shows_early_results: bool = True
