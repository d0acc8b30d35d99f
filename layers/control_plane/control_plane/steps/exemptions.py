"""Which revocations the brake need not count, because they take nothing from anybody. Asked of AWS, not of a record."""

from dataclasses import dataclass

from control_plane.account import Connection
from control_plane.ports import AccountStates, DataSourceStates


@dataclass(frozen=True)
class LiveExemptions:
    """Port `Exemptions` over what the organization and Quick say now."""

    accounts: AccountStates
    data_sources: DataSourceStates

    def is_exempt(self, connection: Connection) -> bool:
        """Whether the account is not active in the organization, or Quick has no data source for the connection."""
        if not self.accounts.is_active(connection.account_id):
            return True
        return not self.data_sources.is_usable(connection.data_source_id)
