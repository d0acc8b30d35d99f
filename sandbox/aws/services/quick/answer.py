"""How a query, a connection test or an ingestion ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

ACCESS_DENIED = "ACCESS_DENIED"
SQL_FAILURE = "GENERIC_SQL_FAILURE"
IN_AN_INGESTION = {ACCESS_DENIED: "PERMISSION_DENIED", SQL_FAILURE: "SQL_EXCEPTION"}


class Refused(Exception):
    """Why it did not work: one of Quick's error types, and the message of whoever refused.

    `by_chain`: a role could not be assumed. An ingestion has error types of its own (botocore model, ErrorInfo):
    `ingestion_type`.
    """

    def __init__(self, error_type: str, message: str, ingestion_type: str = "", *, by_chain: bool = False) -> None:
        super().__init__(message)
        self.error_type, self.message, self.by_chain = error_type, message, by_chain
        self.ingestion_type = ingestion_type or IN_AN_INGESTION.get(error_type, error_type)


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
    rows: int = 0
    imported: datetime | None = None  # when SPICE got what it answers with; None: asked of the source now


def refusal(refused: Refused) -> Answer:
    """The answer that is none."""
    return Answer(allowed=False, error_type=refused.error_type, message=refused.message)
