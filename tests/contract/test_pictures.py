"""Can the mermaid pictures of the documents be drawn, and do they name states that exist?

There is no renderer here. The pictures use a small part of mermaid's language, and this reads that part strictly.
The parser of mermaid 11.17.2 accepts every picture and refuses every line that the tests call unreadable.
"""

import re
from collections.abc import Iterator

import pytest

from control_plane.ports.registry import STATUSES
from tests.contract import project

NAME = r"(?!(?:subgraph|end|graph|class|click|style|direction)\b)[A-Za-z][A-Za-z0-9]*"  # words of mermaid are no ids
QUOTED = r'"[^"]+"'
PLAIN = r'[^\[\](){}"]+'  # a label without quotes: mermaid would read a bracket or a quote as the end
SHAPES = [
    rf"{opening}(?:{QUOTED}|{PLAIN}){closing}"
    for opening, closing in (
        (r"\[\[", r"\]\]"),
        (r"\(\[", r"\]\)"),
        (r"\[\(", r"\)\]"),
        (r"\{\{", r"\}\}"),
        (r"\(\(", r"\)\)"),
    )
]
SHAPES += [rf"\[(?:{QUOTED}|{PLAIN})\]", rf"\{{(?:{QUOTED}|{PLAIN})\}}"]
NODE = rf"{NAME}(?:{'|'.join(SHAPES)})?"
NODES = rf"{NODE}(?: & {NODE})*"
TEXT = r"(?:[^\[\](){}|<>-]|<br/>)+"
LINK = rf"(?:-->|---|-\.->|-\.-|-- {TEXT} -->|-\. {TEXT} \.->)"
FLOWCHART = re.compile(rf"{NODES}(?: {LINK} {NODES})*")
SUBGRAPH = re.compile(rf"subgraph {NAME}(?:\[(?:{QUOTED}|{PLAIN})\])?")
PLACE = rf"(?:\[\*\]|{'|'.join(STATUSES)})"
TRANSITION = re.compile(rf"{PLACE} --> {PLACE}: [^:;]+")
DIRECTION = re.compile(r"direction (LR|TB)")


def _pictures() -> list[tuple[str, str]]:
    """Every picture with the page and the number it has there."""
    return [
        (f"{path.relative_to(project.ROOT)}:{number}", picture)
        for path in project.files()
        if path.suffix == ".md"
        for number, picture in enumerate(
            re.findall(r"```mermaid\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        )
    ]


PICTURES = _pictures()


def _faults(picture: str) -> Iterator[str]:
    """The lines that the part of mermaid's language we use does not have."""
    head, *lines = [line.strip() for line in picture.splitlines() if line.strip()]
    if head == "stateDiagram-v2":
        yield from (line for line in lines if not TRANSITION.fullmatch(line))
    elif re.fullmatch(r"flowchart (LR|TD)", head):
        yield from _faults_of_flowchart(lines)
    else:
        yield head


def _faults_of_flowchart(lines: list[str]) -> Iterator[str]:
    depth = 0
    for line in lines:
        depth += bool(SUBGRAPH.fullmatch(line)) - (line == "end")
        known = line == "end" or any(each.fullmatch(line) for each in (SUBGRAPH, DIRECTION, FLOWCHART))
        if not known or depth < 0:
            yield line
    if depth:
        yield "a subgraph without its end"


@pytest.mark.parametrize(("place", "picture"), PICTURES, ids=[place for place, _ in PICTURES])
def test_a_picture_is_written_in_the_language_of_its_renderer(place: str, picture: str) -> None:
    assert list(_faults(picture)) == [], place


@pytest.mark.parametrize(
    "line",
    [
        "A[Claim (again)] --> B",
        "A[Claim --> B",
        "A -> B",
        "A -- a -- b --> B",
        "A --> B[[Map]",
        'A["x] --> B',
        "subgraph",
        "end --> A",
    ],
)
def test_a_line_that_mermaid_could_not_read_is_found(line: str) -> None:
    assert list(_faults(f"flowchart TD\n{line}\n")) == [line]


def test_a_subgraph_has_one_end() -> None:
    assert list(_faults("flowchart TD\nsubgraph A\nB --> C\n"))
    assert list(_faults("flowchart TD\nB --> C\nend\n"))


def test_the_pictures_of_the_machines_name_states_that_exist() -> None:
    known = {state for name in project.MACHINES for state, _ in project.states(project.machine(name))}
    known |= {project.machine_resource(name)[0] for name in project.MACHINES}
    pictures = [picture for place, picture in PICTURES if place.startswith("docs/architecture.md")]
    named = {word for picture in pictures for word in re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", picture)}
    assert len(named) > 30
    assert named <= known
