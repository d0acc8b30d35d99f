"""Which revocations need not be counted, because nobody loses anything by them. Read from AWS, not from a record."""

from typing import NamedTuple

from control_plane.account import Connection
from control_plane.ports.organization import AccountStates
from control_plane.ports.quick import DataSourceStates


class LiveExemptions(NamedTuple):
    """Port `Exemptions`, from the current state of the organization and of Quick."""

    accounts: AccountStates
    data_sources: DataSourceStates

    def is_exempt(self, connection: Connection) -> bool:
        """Whether the account is not active in the organization, or Quick has no data source for the connection."""
        if not self.accounts.is_active(connection.account_id):
            return True
        return not self.data_sources.is_usable(connection.data_source_id)
