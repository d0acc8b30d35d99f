"""What is assumed of Quick where AWS's documents leave a doubt."""

from dataclasses import dataclass


@dataclass
class Assumptions:
    """One setting for each doubt; it may be changed at any time."""

    # Who assumes the role of a data source, as its trust policy names it. The announcement of cross-account access.
    service: str = "quicksight.amazonaws.com"
    # What the ExternalId has after the data source's ARN. The announcement: it is the ARN.
    after_external_id: str = ""
    # Creating or updating a data source tries its roles. Not documented.
    tests_connections: bool = True
