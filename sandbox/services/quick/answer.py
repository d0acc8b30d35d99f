"""How a query or a connection test ends."""

from dataclasses import dataclass

ACCESS_DENIED = "ACCESS_DENIED"
SQL_FAILURE = "GENERIC_SQL_FAILURE"


class Refused(Exception):
    """Why it did not work: one of Quick's error types, and the message of whoever refused."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type, self.message = error_type, message


@dataclass(frozen=True)
class Answer:
    """A query's end: where it ran and what it read, or (not `allowed`) the error Quick shows."""

    allowed: bool
    error_type: str = ""
    message: str = ""
    account: str = ""  # whose Athena ran it, and pays for it
    work_group: str = ""
    location: str = ""  # of the table's data
    columns: tuple[str, ...] = ()
