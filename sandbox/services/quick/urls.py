"""Addresses of operations moto's QuickSight has no address for: with one, the call reaches the gateway.

To be imported before moto is used for the first time, as it reads the addresses once.
"""

from moto.quicksight.responses import QuickSightResponse
from moto.quicksight.urls import url_paths

MISSING = (
    r"{0}/accounts/(?P<account_id>[\d]+)/data-sources/(?P<datasourceid>[^/.]+)/permissions$",
    r"{0}/accounts/(?P<account_id>[\d]+)/search/data-sources$",
    r"{0}/account/(?P<account_id>[\d]+)$",
)


def extend() -> None:
    """Let moto know the addresses."""
    url_paths.update(dict.fromkeys(MISSING, QuickSightResponse.dispatch))
