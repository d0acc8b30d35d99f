"""`quickctl approvals`, `approve`, `reject`: what waits for people, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from control_plane.account import Connection
from quickctl.cli import Cli, cli_of
from quickctl.exits import ExitCode, Problem
from quickctl.output import Rendering, Result, table
from quickctl.questions import Question, questions

if TYPE_CHECKING:
    from collections.abc import Iterable

REVOCATIONS, NEW = "revocations", "new connections"
BatchArgument = Annotated[
    str, typer.Argument(metavar="BATCH", help="The batch's name, as quickctl approvals shows it.", show_default=False)
]


class Waiting(Result):
    """A batch that waits for an answer."""

    batch: str = Field(description="its name, for approve and reject")
    kind: str = Field(description=f"`{REVOCATIONS}` or `{NEW}`")
    unit: str = Field(description="of new connections: the OU or the root whose tag asks for them")
    connections: tuple[str, ...] = Field(
        description="what waits, `account#profile` each; an entry that is no connection of ours by its ARN"
    )


class Approvals(Result):
    """Everything that waits for people."""

    batches: tuple[Waiting, ...] = Field(description="the batches")


class Answer(Result):
    """An answer that was given."""

    batch: str = Field(description="the batch")
    answer: str = Field(description="`approved`, `rejected` or `sent again`")
    connections: tuple[str, ...] = Field(description="what the answer is about")


def approvals(
    context: typer.Context,
    ask_again: Annotated[
        str, typer.Option(metavar="BATCH", help="Send the question about this batch again, to whoever subscribed.")
    ] = "",
) -> None:
    """Show what waits for people: revocations, and new connections of an OU or the root."""
    cli = cli_of(context)
    if ask_again:
        found = _find(cli, ask_again)
        about = {"batch": found.batch_id, **({"unit": found.unit} if found.unit else {})}
        cli.aws.start("ApproveBatchArn", about)
        cli.printer.show(_answer(found, "sent again"), render_answer)
    else:
        cli.printer.show(Approvals(batches=tuple(map(_waiting, questions(cli.aws)))), render)


def approve(
    context: typer.Context,
    batch: BatchArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve without being shown the list first.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Approve exactly the connections of a batch: these lose their access, or these are made."""
    _give(context, batch, approve=True, yes=yes)


def reject(
    context: typer.Context,
    batch: BatchArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Reject without being shown the list first.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Reject a batch: everything stays as it is, until the list changes."""
    _give(context, batch, approve=False, yes=yes)


def _give(context: typer.Context, batch: str, *, approve: bool, yes: bool) -> None:
    cli = cli_of(context)
    found = _find(cli, batch)
    token = cli.aws.batches(found.unit).token_of(found.batch_id)
    if not token:
        raise Problem(
            ExitCode.NOT_FOUND,
            f"the question about {batch} was not sent yet",
            f"it is sent within two minutes; if it was lost: quickctl approvals --ask-again {batch}",
        )
    if not yes:
        _confirm(cli, found, "approve" if approve else "reject")
    if not cli.aws.answer(token, approve=approve):
        raise Problem(
            ExitCode.CHANGED,
            f"{batch} was answered, or has changed, since its question was sent; nothing was done",
            "see quickctl approvals; a list that has changed has another name",
        )
    cli.printer.show(_answer(found, "approved" if approve else "rejected"), render_answer)


def _confirm(cli: Cli, found: Question, verb: str) -> None:
    for each in (*map(_named, found.connections), ""):
        cli.printer.note(each)
    if not cli.printer.confirm(f"{verb} these {len(found.connections)} {_kind(found)}?"):
        raise Problem(ExitCode.CHANGED, "nothing was answered")


def _find(cli: Cli, batch: str) -> Question:
    known = list(questions(cli.aws))
    found = next((each for each in known if each.name == batch), None)
    if found:
        return found
    names = ", ".join(each.name for each in known)
    raise Problem(
        ExitCode.NOT_FOUND,
        f"no batch {batch} waits for an answer; {f'those that do: {names}' if names else 'none does'}",
        "a list that has changed has another name: see quickctl approvals",
    )


def _kind(question: Question) -> str:
    return NEW if question.unit else REVOCATIONS


def _waiting(question: Question) -> Waiting:
    return Waiting(batch=question.name, kind=_kind(question), unit=question.unit, connections=question.connections)


def _answer(question: Question, answer: str) -> Answer:
    return Answer(batch=question.name, answer=answer, connections=question.connections)


def _named(key: str) -> str:
    connection = Connection.of_key(key)
    return f"  {connection.account_id}  {connection.profile}" if connection else f"  {key}"


def render(found: Approvals) -> Rendering:
    """Each batch with its list."""
    if not found.batches:
        yield "Nothing waits for an approval."
    for each in found.batches:
        of = f" by the tag of {each.unit}" if each.unit else ""
        yield f"{each.batch}: {len(each.connections)} {each.kind}{of}"
        yield table(("  ACCOUNT", "PROFILE"), _rows(each.connections))
        yield f"  quickctl approve {each.batch}    or    quickctl reject {each.batch}"
        yield ""


def _rows(connections: Iterable[str]) -> Iterable[tuple[str, str]]:
    for key in connections:
        connection = Connection.of_key(key)
        yield (f"  {connection.account_id}", connection.profile) if connection else (f"  {key}", "")


def render_answer(found: Answer) -> Rendering:
    """One line."""
    yield f"{found.batch}: {found.answer} ({len(found.connections)} connections)"
