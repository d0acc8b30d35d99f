"""How a command ends: its exit code, and the one sentence that says why it could do nothing."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes. Their meanings are part of the reference (docs/reference/quickctl.md)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NO_STACK = 4
    DENIED = 5
    NO_AWS = 6
    CHANGED = 7
    UNEXPECTED = 8


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "it was done, and the answer is bad: what was started failed, the profiles file has faults, "
    "or AWS does not behave as assumed (`selftest`)",
    ExitCode.USAGE: "wrong use: an unknown option, a value that can't be one, or two options that exclude each other",
    ExitCode.NOT_FOUND: "there is nothing of what was named: no record of the account, no open question, no profile",
    ExitCode.NO_STACK: "the hub's stack was not found in this account and Region, or it is of another version",
    ExitCode.DENIED: "a permission is missing",
    ExitCode.NO_AWS: "no credentials, no Region, or AWS does not answer",
    ExitCode.CHANGED: "what was to be answered has changed or was answered meanwhile; nothing was done",
    ExitCode.UNEXPECTED: "AWS answered with an error that this version does not know",
}


class Problem(Exception):
    """Why a command could not do what it was to do, what to do about it, and the exit code."""

    def __init__(self, code: ExitCode, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.remedy = code, message, remedy
