"""What an account's tags ask for, its own and those above it. No I/O: facts in, answer out."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from control_plane.account import RESERVED, Account, Connection, Hub, Unit
from control_plane.errors import AccountNotReachable, InvalidTagValue

ENABLED, PAUSED, DISABLED = RESERVED


class Value(BaseModel):
    """A frozen fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Terms(Value):
    """What an operator decided: the tag that asks, and how long a quarantine lasts before anything is deleted."""

    opt_in_tag: str
    grace: timedelta

    @property
    def expires_tag(self) -> str:
        """The tag that says on which day (or at which moment) what the opt-in tag asks for ends."""
        return f"{self.opt_in_tag}:expires"


class Asked(Value):
    """What is asked for an account, before anybody looked which profiles there are.

    `denied`: it asks for something, but an account in its state is given nothing. `gone`: the account is not active,
    or not in the organization any more.
    """

    words: tuple[str, ...] = ()
    reason: str
    denied: bool = False
    gone: bool = False


def asked(account: Account, hub: Hub, terms: Terms, now: datetime) -> Asked:
    """What an account's state, its tags and those of the units above it ask for. Nearest wins, its own first.

    A tag that can't be read raises InvalidTagValue: then nothing new is given and nothing is taken away.
    """
    tag, value, place = _opt_in(account, terms.opt_in_tag)
    asks = value is not None and value.strip() not in (PAUSED, DISABLED)
    if not account.is_active:
        return Asked(reason=f"the account is {account.state}", denied=asks and not place, gone=True)
    if value is None:
        return Asked(reason=f"the account has no tag {terms.opt_in_tag}")
    if asks and account.id in (hub.management_account_id, hub.account_id):
        if not place:
            raise AccountNotReachable(_not_reachable(account, hub))
        return Asked(reason=_not_reachable(account, hub))
    wish = _read(value, tag)
    ended = _expiry(account, terms, now) if wish.words else ""
    return Asked(reason=ended) if ended else wish


def nearest(unit_ids: Iterable[str], tags_of: Callable[[str], dict[str, str]], key: str) -> Unit | None:
    """The first of the units, nearest first, that has the opt-in tag. Asks no further than that."""
    for unit_id in unit_ids:
        if key in (tags := tags_of(unit_id)):
            return Unit(id=unit_id, tags=tags)
    return None


def _opt_in(account: Account, key: str) -> tuple[str, str | None, str]:
    """The tag that counts: how to call it, its value, and the unit it stands on (empty: the account itself)."""
    if key in account.tags or account.unit is None:
        return key, account.tags.get(key), ""
    return f"{key} of {account.unit.id}", account.unit.tags.get(key), account.unit.id


def _read(value: str, tag: str) -> Asked:
    words = tuple(dict.fromkeys(value.split()))
    if words in ((PAUSED,), (DISABLED,)):
        return Asked(reason=f"the tag {tag} says {words[0]}")
    if words == (ENABLED,):
        words = ("default",)
    if unreadable := _why_unreadable(words, tag):
        raise InvalidTagValue(unreadable)
    return Asked(words=words, reason=f"the tag {tag} says {value.strip()}")


def _expiry(account: Account, terms: Terms, now: datetime) -> str:
    """Why what is asked for has ended already; empty while it has not. The account's own date wins over its unit's."""
    inherits = account.unit is not None and terms.opt_in_tag not in account.tags
    above = account.unit.tags if account.unit and inherits else {}
    value = account.tags.get(terms.expires_tag, above.get(terms.expires_tag))
    if value is None or now < _end_of(value.strip(), terms.expires_tag):
        return ""
    return f"the tag {terms.expires_tag} says {value.strip()}"


def _end_of(value: str, tag: str) -> datetime:
    """The end of that day, UTC; or that moment."""
    try:
        if len(value) <= len("2026-12-31"):
            day = date.fromisoformat(value)
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError) as error:
        raise InvalidTagValue(
            f"the tag {tag} has {value!r}, which is no date: write it as 2026-12-31 (until the end of that day, UTC)"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _why_unreadable(words: Sequence[str], tag: str) -> str | None:
    if not words:
        return f"the tag {tag} is empty: write enabled, paused, disabled, or profile names separated by spaces"
    reserved = [word for word in words if word in RESERVED]
    if reserved and len(reserved) == len(words):
        return f"the tag {tag} says {' and '.join(reserved)}: write one of them"
    if reserved:
        return f"the tag {tag} mixes {' and '.join(reserved)} with profile names: write the one or the other"
    if odd := [word for word in words if not _is_profile_name(word)]:
        hint = f"; did you mean {odd[0].lower()}?" if _is_profile_name(odd[0].lower()) else ""
        return f"the tag {tag} has {odd[0]!r}, which is no profile name (lower-case letters, digits, hyphens){hint}"
    return None


def _is_profile_name(word: str) -> bool:
    try:
        Connection(account_id="0" * 12, profile=word)
    except ValidationError:
        return False
    return True


def _not_reachable(account: Account, hub: Hub) -> str:
    if account.id == hub.management_account_id:
        return "the management account can't be connected: service-managed stack sets never reach it"
    return "the hub account needs no connection: Quick reads its own account's Athena directly"
