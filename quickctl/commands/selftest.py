"""`quickctl selftest`: whether AWS behaves as the documents assume. Without --with it only reads."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from pydantic import Field
from rich.text import Text

from quickctl.aws import problem_of
from quickctl.cli import Cli, ManagementOption, account_id, cli_of, management_of
from quickctl.exits import ExitCode, Problem
from quickctl.output import Rendering, Result, table
from quickctl.selftest.check import HIDDEN, NOT_SEEN, OTHERWISE, VERIFIED, Judgement
from quickctl.selftest.checks import CHECKS
from quickctl.selftest.observer import Observer
from quickctl.selftest.redaction import redacted
from quickctl.selftest.trial import Trial

if TYPE_CHECKING:
    from quickctl.selftest.check import Check

STYLES = {VERIFIED: "green", OTHERWISE: "red", NOT_SEEN: "yellow", HIDDEN: "red"}
SKEW = timedelta(minutes=5)  # between this computer's clock and AWS's, at most
FORGOTTEN = 90  # days after which Step Functions and CloudTrail have forgotten
YAML = (".yaml", ".yml")


class Behaviour(Result):
    """A behaviour that the documents assume, and what was seen of it."""

    check: str = Field(description="its short name")
    behaviour: str = Field(description="what the documents assume")
    verdict: str = Field(
        description=f"`{VERIFIED}`, `{OTHERWISE}`, `{NOT_SEEN}`, or `{HIDDEN}`: a permission to look is missing"
    )
    seen: str = Field(description="what was seen")
    do: str = Field(
        description="what to change if it is otherwise; what makes it be seen if it was not; empty if it is verified"
    )
    pages: tuple[str, ...] = Field(description="the pages below docs/ that assume it")


class SelfTest(Result):
    """All behaviours. It has no ids and names of accounts, no ARNs and no addresses: it can be attached to an issue."""

    at: datetime = Field(description="when it was looked at")
    since: datetime = Field(description="what happened before was not looked at")
    region: str = Field(description="Quick's Region")
    counts: dict[str, int] = Field(description="behaviours by verdict")
    behaviours: tuple[Behaviour, ...] = Field(description="each of them")

    @property
    def failed(self) -> bool:
        """Whether something is otherwise, or could not be looked at."""
        return any(each.verdict in (OTHERWISE, HIDDEN) for each in self.behaviours)


def selftest(
    context: typer.Context,
    with_account: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="ACCOUNT",
            callback=lambda value: value and account_id(value),
            help="Connect this account, watch it, and end its access again; only what it did is looked at.",
        ),
    ] = None,
    management_profile: ManagementOption = None,
    days: Annotated[int, typer.Option(min=1, max=FORGOTTEN, help="How many days to look back.")] = 30,
    file: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to write the report: JSON, or YAML if its name says so.")
    ] = Path("quickctl-selftest.json"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before an account is tagged.")] = False,  # noqa: FBT002 - an option
) -> None:
    """See whether AWS behaves as the documents assume, and write a report that names no account.

    It only reads. With --with it connects one account that has no opt-in tag, and takes the tag away at the end.
    """
    cli = cli_of(context)
    management = management_of(cli, management_profile, cli.aws.deployment.hub.management_account_id)
    since = cli.now() - (SKEW if with_account else timedelta(days=days))
    with Trial(cli, with_account, management).connected(asks=not yes) if with_account else nullcontext():
        found = examined(cli, Observer(cli.aws, cli.now(), since, management, with_account or ""))
        cli.printer.show(found, render)
        _write(file, found)
        cli.printer.note(f"wrote {file}: it names no account, and can be attached to an issue")
    if found.failed:
        raise typer.Exit(ExitCode.FAILED)


def examined(cli: Cli, observer: Observer) -> SelfTest:
    """What is seen of every behaviour."""
    behaviours = []
    for check in CHECKS:
        cli.printer.note(f"{check.name} ...")
        behaviours.append(_behaviour(check, _judged(check, observer)))
    verdicts = [each.verdict for each in behaviours]
    found = SelfTest(
        at=observer.now,
        since=observer.since,
        region=observer.aws.region,
        counts={each: verdicts.count(each) for each in STYLES},
        behaviours=tuple(behaviours),
    )
    return SelfTest.model_validate(redacted(found.model_dump(), observer.names))


def _judged(check: Check, observer: Observer) -> Judgement:
    """The judgement; if it may not look, which permission is missing."""
    try:
        return check.judge(check.observe(observer))
    except Exception as error:
        problem = problem_of(error)
        if problem is None or problem.code is not ExitCode.DENIED:
            raise
        return Judgement(HIDDEN, problem.message)


def _behaviour(check: Check, judgement: Judgement) -> Behaviour:
    to_do = {
        VERIFIED: "",
        OTHERWISE: check.change,
        NOT_SEEN: check.comes,
        HIDDEN: "docs/howto/policies/operator.json has the permissions to look",
    }
    return Behaviour(
        check=check.name,
        behaviour=check.behaviour,
        verdict=judgement.verdict,
        seen=judgement.seen,
        do=to_do[judgement.verdict],
        pages=tuple(dict.fromkeys(place.page for place in check.places)),
    )


def _write(file: Path, found: SelfTest) -> None:
    plain = found.model_dump(mode="json")
    is_yaml = file.suffix in YAML
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True) if is_yaml else json.dumps(plain, indent=2)
    try:
        file.write_text(f"{text.rstrip()}\n", encoding="utf-8")
    except OSError as error:
        raise Problem(ExitCode.USAGE, f"{file} can't be written: {error.strerror}", "name another --file") from error


def render(found: SelfTest) -> Rendering:
    """A line for each behaviour, then what to do about what is not verified."""
    yield table(
        ("BEHAVIOUR", "VERDICT", "SEEN"),
        ((each.check, Text(each.verdict, style=STYLES[each.verdict]), each.seen) for each in found.behaviours),
    )
    for each in found.behaviours:
        if each.verdict in (OTHERWISE, HIDDEN):
            yield ""
            yield f"{each.check}: {each.behaviour}"
            yield f"  but: {each.seen}"
            yield f"  do: {each.do}"
    unseen = [each for each in found.behaviours if each.verdict == NOT_SEEN]
    if unseen:
        yield ""
        yield "To see what was not seen:"
        yield table(("BEHAVIOUR", "IT IS SEEN AFTER"), ((each.check, each.do) for each in unseen))
    yield ""
    yield ", ".join(f"{count} {verdict}" for verdict, count in found.counts.items() if count)
