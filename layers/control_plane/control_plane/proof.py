"""What proves a connection: one statement that Quick runs through all of it, and what is proven when it went through.

The statement takes no value of the account's data into SPICE: it selects the number 1, and from a table at most once.
"""

from enum import StrEnum
from typing import NamedTuple

from control_plane.profiles import Profile

COLUMN = "proof"  # the one column of the statement: an integer


class Proof(StrEnum):
    """How far a connection is tested: Quick created the data source, or Quick ran a query through it."""

    CREATED = "created"
    QUERIED = "queried"


class Leg(StrEnum):
    """A part of the way from Quick to the data."""

    ROLES = "roles"  # both roles can be assumed
    WORKGROUP = "workgroup"
    RESULTS = "results"  # the place of the results takes them, with its key
    CATALOG = "catalog"
    DATA = "data"  # the bucket, and its key or Lake Formation


WITHOUT_TABLE = (Leg.ROLES, Leg.WORKGROUP, Leg.RESULTS)


class Statement(NamedTuple):
    """The SQL of a proof, and whether it reads a table."""

    sql: str
    reads_table: bool = False

    def proven(self, rows: int) -> str:
        """The legs that are proven when it brought so many rows. Of an empty table no file was opened."""
        legs = (*WITHOUT_TABLE, *([Leg.CATALOG] if self.reads_table else []))
        return ", ".join((*legs, Leg.DATA) if self.reads_table and rows else legs)


def statement(profile: Profile) -> Statement:
    """What is to be run through a connection of this profile."""
    if not profile.proof_table:
        return Statement(f"SELECT 1 AS {COLUMN}")
    path = ".".join(f'"{part}"' for part in profile.proof_path)
    return Statement(f"SELECT 1 AS {COLUMN} FROM {path} LIMIT 1", reads_table=True)  # noqa: S608 - a checked name
