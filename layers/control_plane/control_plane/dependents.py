"""What in Amazon Quick stops working when a data source goes. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

NAMED, OWNERS = 50, 5  # how many assets are named, and how many owners of each
WORDS = {"dataset": "data set", "analysis": "analysis", "dashboard": "dashboard"}


@dataclass(frozen=True)
class Asset:
    """A data set, an analysis or a dashboard.

    `uses`: ARNs of what it is made of; None: not looked at since it changed. `owners` as of `owners_asked`. `seen`
    names the listing that found it last.
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
    """Whatever is made of that, directly or not, always in one order: data sets, analyses, dashboards."""
    left = sorted(assets, key=lambda asset: (list(WORDS).index(asset.kind), asset.name, asset.id))
    broken, found = {arn}, [asset for asset in left if _uses(asset, {arn})]
    while found:
        broken |= {asset.arn for asset in found}
        found = [asset for asset in left if asset.arn not in broken and _uses(asset, broken)]
    return [asset for asset in left if asset.arn in broken]


def told(dependents: Sequence[Asset]) -> str:
    """Dependents in words, one for each line; empty when there are none. Long lists are cut, and say by how much."""
    lines = [f"{WORDS[asset.kind]} {asset.name} ({_owned(asset.owners)})" for asset in dependents[:NAMED]]
    if len(dependents) > NAMED:
        lines.append(f"and {len(dependents) - NAMED} more")
    return "\n".join(lines)


def _uses(asset: Asset, broken: Collection[str]) -> bool:
    return not set(asset.uses or ()).isdisjoint(broken)


def _owned(owners: Sequence[str]) -> str:
    """Principals without the part of their ARN that is the same for all: user/default/ann."""
    if not owners:
        return "no owner"
    names = [owner.rsplit(":", 1)[-1] for owner in owners[:OWNERS]]
    more = [f"{len(owners) - OWNERS} more"] if len(owners) > OWNERS else []
    return f"owners: {', '.join([*names, *more])}"
