"""Where AWS's documents allow two readings of stack sets: which one is believed. The defaults are the worse ones."""

from dataclasses import dataclass


@dataclass
class Readings:
    """One switch for each doubt; True is the kinder reading."""

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
