"""Addresses of operations moto's QuickSight has no address for: with one, the call reaches the gateway.

To be imported before moto is used for the first time, as it reads the addresses once.
"""

from moto.quicksight.responses import QuickSightResponse
from moto.quicksight.urls import url_paths

ACCOUNT = r"{0}/accounts/(?P<account_id>[\d]+)"
ID = r"(?P<asset_id>[^/.]+)"
IN_AN_ACCOUNT = (
    rf"data-sources/{ID}/permissions$",
    r"search/data-sources$",
    rf"data-sets/{ID}$",
    rf"data-sets/{ID}/permissions$",
    rf"data-sets/{ID}/ingestions$",
    r"search/data-sets$",
    r"folders$",
    rf"folders/{ID}$",
    rf"folders/{ID}/permissions$",
    rf"folders/{ID}/members$",
    rf"folders/{ID}/members/(?P<member_type>[A-Z]+)/(?P<member_id>[^/.]+)$",
    r"resource/(?P<asset_id>.+)/folders$",
    r"analyses$",
    rf"analyses/{ID}$",
    rf"analyses/{ID}/definition$",
    rf"analyses/{ID}/permissions$",
    rf"dashboards/{ID}/definition$",
    rf"dashboards/{ID}/permissions$",
)
MISSING = (r"{0}/account/(?P<account_id>[\d]+)$", *(f"{ACCOUNT}/{path}" for path in IN_AN_ACCOUNT))


def extend() -> None:
    """Let moto know the addresses."""
    url_paths.update(dict.fromkeys(MISSING, QuickSightResponse.dispatch))
