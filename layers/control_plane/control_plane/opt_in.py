"""Read which connections an account opts in to, from its own tags and its parents' tags. No I/O."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from control_plane.account import RESERVED, Account, Connection, Hub, TagValues, Unit
from control_plane.contradictions import ACCOUNT
from control_plane.errors import AccountNotReachable, InvalidExpiry, InvalidTagValue

ENABLED, PAUSED, DISABLED = RESERVED


class Value(BaseModel):
    """A base class for immutable values. Each is built at its first use: a function needs few of the sweep's."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class OptInPolicy(Value):
    """The operator's settings: the opt-in tag, and how long a quarantine lasts before anything is deleted."""

    opt_in_tag: str
    grace: timedelta

    @property
    def value_tags(self) -> dict[str, str]:
        """The tags that fit a profile to the account, by what they name."""
        return {name: f"{self.opt_in_tag}:{name}" for name in TagValues.model_fields}

    @property
    def keys(self) -> tuple[str, ...]:
        """All tags that say something to us."""
        return (self.opt_in_tag, self.expires_tag, *self.value_tags.values())

    @property
    def expires_tag(self) -> str:
        """The tag with the day (or the time) at which the opt-in expires."""
        return f"{self.opt_in_tag}:expires"


class OptInRequest(Value):
    """What an account opts in to. The profile names are not checked yet against profiles.yaml.

    `denied`: the account has the opt-in tag, but is in a state in which it can't be connected. `account_inactive`: the
    account is not active, or no longer in the organization. `unit`: the OU or the root whose tag counts; empty: it is
    the account's own. `values`: what other tags say about the profiles, not checked yet either.
    """

    profile_names: tuple[str, ...] = ()
    reason: str
    denied: bool = False
    account_inactive: bool = False
    unit: str = ""
    values: TagValues = TagValues()


def read_opt_in(account: Account, hub: Hub, opt_in_policy: OptInPolicy, now: datetime) -> OptInRequest:
    """What an account opts in to, from its state, its own tags and its parents' tags. The nearest tag wins.

    A tag that is not valid raises InvalidTagValue or InvalidExpiry: then no access is added and none is removed.
    """
    tag, value, place = tag_that_counts(account, opt_in_policy.opt_in_tag)
    opts_in = value is not None and value.strip() not in (PAUSED, DISABLED)
    if not account.is_active:
        return OptInRequest(
            reason=f"the account is {account.state}", denied=opts_in and not place, account_inactive=True
        )
    if value is None:
        return OptInRequest(reason=f"the account has no tag {opt_in_policy.opt_in_tag}")
    if opts_in and account.id in (hub.management_account_id, hub.account_id):
        if not place:
            raise AccountNotReachable(_not_reachable(account, hub))
        return OptInRequest(reason=_not_reachable(account, hub))
    fitted = {"unit": place, "values": _values(account, opt_in_policy)}
    request = _parse_value(value, tag).model_copy(update=fitted)
    expired = _expiry(account, opt_in_policy, now) if request.profile_names else ""
    return OptInRequest(reason=expired) if expired else request


def nearest(unit_ids: Iterable[str], tags_of: Callable[[str], dict[str, str]], key: str) -> Unit | None:
    """The first of the units (nearest first) that has the opt-in tag. Reads no tags beyond it."""
    for unit_id in unit_ids:
        if key in (tags := tags_of(unit_id)):
            return Unit(id=unit_id, tags=tags)
    return None


def tag_that_counts(account: Account, key: str) -> tuple[str, str | None, str]:
    """The tag that counts: its name for messages, its value, and the unit that has it (empty: the account itself)."""
    if key in account.tags or account.unit is None:
        return key, account.tags.get(key), ""
    return f"{key} of {account.unit.id}", account.unit.tags.get(key), account.unit.id


def _parse_value(value: str, tag: str) -> OptInRequest:
    names = tuple(dict.fromkeys(value.split()))
    if names in ((PAUSED,), (DISABLED,)):
        return OptInRequest(reason=f"the tag {tag} says {names[0]}")
    if names == (ENABLED,):
        names = ("default",)
    if problem := _why_invalid(names, tag):
        raise InvalidTagValue(problem)
    return OptInRequest(profile_names=names, reason=f"the tag {tag} says {value.strip()}")


def expiry_that_counts(account: Account, opt_in_policy: OptInPolicy) -> str | None:
    """The value of the tag that says when the opt-in expires. The account's own date wins over its unit's."""
    return _tags(account, opt_in_policy).get(opt_in_policy.expires_tag)


def _expiry(account: Account, opt_in_policy: OptInPolicy, now: datetime) -> str:
    """Why the opt-in has expired; empty while it has not."""
    value = expiry_that_counts(account, opt_in_policy)
    if value is None or now < _expires_at(value.strip(), opt_in_policy.expires_tag):
        return ""
    return f"the tag {opt_in_policy.expires_tag} says {value.strip()}"


def _tags(account: Account, opt_in_policy: OptInPolicy) -> Mapping[str, str]:
    """The tags that count: those of the unit as well, if its opt-in tag counts. The account's own win."""
    inherits = account.unit is not None and opt_in_policy.opt_in_tag not in account.tags
    return {**account.unit.tags, **account.tags} if account.unit and inherits else account.tags


def _values(account: Account, opt_in_policy: OptInPolicy) -> TagValues:
    tags, keys = _tags(account, opt_in_policy), opt_in_policy.value_tags
    words = {name: tuple(tags[key].replace(account.id, ACCOUNT).split()) for name, key in keys.items() if key in tags}
    return TagValues(**words)


def _expires_at(value: str, tag: str) -> datetime:
    """The end of that day in UTC, or that time."""
    try:
        if len(value) <= len("2026-12-31"):
            day = date.fromisoformat(value)
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError) as error:
        raise InvalidExpiry(
            f"the tag {tag} has {value!r}, which is no date: write it as 2026-12-31 (until the end of that day, UTC)"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _why_invalid(names: Sequence[str], tag: str) -> str | None:
    if not names:
        return f"the tag {tag} is empty: write enabled, paused, disabled, or profile names separated by spaces"
    reserved = [name for name in names if name in RESERVED]
    if reserved and len(reserved) == len(names):
        return f"the tag {tag} says {' and '.join(reserved)}: write one of them"
    if reserved:
        return f"the tag {tag} mixes {' and '.join(reserved)} with profile names: write the one or the other"
    if invalid := [name for name in names if not _is_profile_name(name)]:
        hint = f"; did you mean {invalid[0].lower()}?" if _is_profile_name(invalid[0].lower()) else ""
        return f"the tag {tag} has {invalid[0]!r}, which is no profile name (lower-case letters, digits, hyphens){hint}"
    return None


def _is_profile_name(name: str) -> bool:
    try:
        Connection(account_id="0" * 12, profile=name)
    except ValidationError:
        return False
    return True


def _not_reachable(account: Account, hub: Hub) -> str:
    if account.id == hub.management_account_id:
        return "the management account can't be connected: service-managed stack sets never reach it"
    return "the hub account needs no connection: Quick reads its own account's Athena directly"
