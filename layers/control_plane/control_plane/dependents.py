"""Which assets in Amazon Quick stop working when a data source is deleted. Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

MAX_LISTED, OWNERS = 50, 5  # assets that are listed by name, and owners listed for each
KIND_NAMES = {"dataset": "data set", "analysis": "analysis", "dashboard": "dashboard"}


class Asset(NamedTuple):
    """A data set, an analysis or a dashboard.

    `uses`: ARNs of the data sources and data sets it uses; None: not described since it changed. `owners_asked`: when
    `owners` was read. `seen`: the start of the listing that found it last.
    """

    kind: str
    id: str
    arn: str
    name: str
    updated: str
    seen: str = ""
    uses: tuple[str, ...] | None = None
    owners: tuple[str, ...] = ()
    owners_asked: str = ""


def depending(arn: str, assets: Iterable[Asset]) -> list[Asset]:
    """All assets that depend on that ARN, directly or not, in a fixed order: data sets, analyses, dashboards."""
    ordered = sorted(assets, key=lambda asset: (list(KIND_NAMES).index(asset.kind), asset.name, asset.id))
    broken, found = {arn}, [asset for asset in ordered if _uses(asset, {arn})]
    while found:
        broken |= {asset.arn for asset in found}
        found = [asset for asset in ordered if asset.arn not in broken and _uses(asset, broken)]
    return [asset for asset in ordered if asset.arn in broken]


def describe(dependents: Sequence[Asset]) -> str:
    """Dependents as text, one per line; empty when there are none. A long list is cut and says by how much."""
    lines = [
        f"{KIND_NAMES[asset.kind]} {asset.name} ({_describe_owners(asset.owners)})" for asset in dependents[:MAX_LISTED]
    ]
    if len(dependents) > MAX_LISTED:
        lines.append(f"and {len(dependents) - MAX_LISTED} more")
    return "\n".join(lines)


def _uses(asset: Asset, broken: Collection[str]) -> bool:
    return not set(asset.uses or ()).isdisjoint(broken)


def _describe_owners(owners: Sequence[str]) -> str:
    """Owners without the common part of their ARN: user/default/ann."""
    if not owners:
        return "no owner"
    names = [owner.rsplit(":", 1)[-1] for owner in owners[:OWNERS]]
    more = [f"{len(owners) - OWNERS} more"] if len(owners) > OWNERS else []
    return f"owners: {', '.join([*names, *more])}"
