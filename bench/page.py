"""Write the figures of results.json into bench/README.md, between two markers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import measurements, prices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.results import Entry

PAGE = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- written by `make bench`, from results.json -->", "<!-- end of what `make bench` writes -->"
ROWS = (  # the figure's name, its words, how it is written
    ("connected", "connected", ",.0f"),
    ("aws_seconds", "seconds from the tag to the last connection", ",.0f"),
    ("stack_set_operations", "stack set operations", ",.0f"),
    ("access_policy_writes", "access policy writes", ",.0f"),
    ("transitions", "state transitions an account", ".1f"),
    ("invocations", "function invocations an account", ".1f"),
    ("calls_without_dynamodb", "AWS calls an account, without DynamoDB and invocations", ".1f"),
    ("dynamodb_calls", "DynamoDB calls an account", ".1f"),
    ("dynamodb_write_units", "DynamoDB write units an account", ".1f"),
    ("dollars", f"dollars an account (prices of {prices.AS_OF})", ".5f"),
)
GROWING = ("transitions", "invocations", "calls_without_dynamodb", "dynamodb_calls", "dynamodb_write_units", "dollars")
SERVICES = ("quicksight", "stepfunctions", "cloudformation", "organizations", "iam", "dynamodb", "lambda")


def write(entries: Mapping[str, Entry], page: Path = PAGE) -> None:
    """Replace what is between the markers."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{text(entries)}\n{END}{after}", encoding="utf-8")


def text(entries: Mapping[str, Entry]) -> str:
    """The tables, as far as there are results."""
    parts = [_connecting(entries), _by_service(entries), _model(entries), _cold_start(entries), _served(entries)]
    return "\n".join(part for part in parts if part)


def exponent(small: float, large: float, ratio: float) -> float:
    """How a figure grows with the number of accounts: 0 is not at all, 1 is as fast as they do."""
    return math.log(large / small) / math.log(ratio)


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _made(entry: Entry) -> str:
    return f"`{entry.command}`, {entry.date}, commit {entry.commit}, {entry.machine}.\n"


def _connecting(entries: Mapping[str, Entry]) -> str:
    found = {each.name: entries[each.name] for each in _runs() if each.name in entries}
    if not found:
        return ""
    ten, thousand = (entries.get(measurements.connect_name(n)) for n in (10, 1000))

    def row(name: str, words: str, form: str) -> Sequence[str]:
        values = [format(entry.figures[name], form) for entry in found.values()]
        grows = name in GROWING and ten and thousand
        growth = f"{exponent(ten.figures[name], thousand.figures[name], 100):.2f}" if grows and ten and thousand else ""
        return [words, *values, growth]

    heads = [name.removeprefix("connect ") for name in found]
    table = _table(["accounts, stack instance", *heads, "exponent, 10 to 1,000"], (row(*each) for each in ROWS))
    return f"{table}\n{_made(list(found.values())[-1])}"


def _runs() -> Sequence[measurements.Measurement]:
    return (*measurements.ONE_AFTER_THE_OTHER, *measurements.OTHER_SECONDS, *measurements.SIDE_BY_SIDE)


def _by_service(entries: Mapping[str, Entry]) -> str:
    found = {n: entries[name] for n in measurements.AT_ONCE if (name := measurements.connect_name(n)) in entries}
    if not found:
        return ""
    rows = (
        [service, *(f"{entry.figures['calls_by_service'].get(service, 0):.2f}" for entry in found.values())]
        for service in SERVICES
    )
    return "Calls an account, by service:\n\n" + _table(["accounts", *(f"{n:,}" for n in found)], rows)


def _model(entries: Mapping[str, Entry]) -> str:
    entry = entries.get(measurements.MODEL.name)
    if entry is None:
        return ""
    agreement = _table(
        ["accounts", "sandbox", "model"],
        (
            [f"{int(n):,}", f"{each['sandbox_seconds']:.0f} s", f"{each['model_seconds']:.0f} s"]
            for n, each in entry.figures["agreement"].items()
        ),
    )
    scenarios = _table(
        ["10,000 accounts", "strategy", "hours", "times the lower bound", "operations", "gave up"],
        (
            _strategy(name, scenario, each)
            for name, scenario in entry.figures["scenarios"].items()
            for each in scenario["strategies"]
        ),
    )
    return f"## The model\n\n{agreement}\n{scenarios}\n{_made(entry)}"


def _strategy(name: str, scenario: Mapping[str, Any], strategy: str) -> Sequence[str]:
    run = scenario["strategies"][strategy]
    bound = f"{name}; lower bound {scenario['lower_bound_seconds'] / 3600:.2f} h by {scenario['binding']}"
    nobody = run["gave_up"] >= 10_000
    hours, times = ("never", "") if nobody else (f"{run['seconds'] / 3600:,.2f}", f"{run['times_bound']:,.2f}")
    return [bound, strategy, hours, times, f"{run['operations']:,}", f"{run['gave_up']:,}"]


def _cold_start(entries: Mapping[str, Entry]) -> str:
    entry = entries.get(measurements.COLD_START.name)
    if entry is None:
        return ""
    functions, sizes = entry.figures["functions"], entry.figures["zipped_bytes"]
    rows = [
        [f"`{name}`", f"{each['ms']} ms", f"{each['boto3_ms']} ms", f"{each['times']:.2f}", str(each["modules"])]
        for name, each in functions.items()
    ]
    table = _table(["import", "processor time", "`import boto3`", "times", "modules"], iter(rows))
    modules = next(iter(functions.values()))["boto3_modules"]
    layers = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in sizes.items())
    explained = (
        "Each function takes turns with `import boto3`, nine times: the least milliseconds of both, and the median of "
        f"the nine quotients of neighbours. `import boto3` alone loads {modules} modules."
    )
    zipped = f"Layers, zipped: {layers}; together {sum(sizes.values()) / 1e6:.2f} MB."
    return f"## Cold start\n\n{explained}\n\n{table}\n{zipped}\n{_made(entry)}"


def _served(entries: Mapping[str, Entry]) -> str:
    entry = entries.get(measurements.SERVED.name)
    if entry is None:
        return ""
    it = entry.figures
    speed = it["connected"] / it["seconds"] * 60
    figures = f"{it['connected']} of {it['accounts']} accounts connected, {speed:.0f} a minute, {it['memory_mib']} MiB."
    return f"## A served sandbox\n\n{figures}\n{_made(entry)}"
