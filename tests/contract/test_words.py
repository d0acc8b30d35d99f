"""One name for each thing: no retired word is used anywhere, and the glossary says which word replaced it."""

import ast
import re
from functools import cache

import pytest
import yaml

from tests.contract import project

GLOSSARY = "docs/reference/glossary.md"
# Words that are plain English elsewhere: retired as names of our own, in Python and in state machines.
AS_NAMES = {
    "asked",
    "asking",
    "attention",
    "begins",
    "board",
    "course",
    "defects",
    "desk",
    "gather",
    "gone",
    "heart",
    "kept",
    "left",
    "look",
    "mark",
    "memory",
    "moment",
    "office",
    "remembered",
    "room",
    "settled",
    "terms",
    "told",
}
# Words that say nothing else to anybody: retired wherever somebody reads.
ANYWHERE = [
    r"agenda",
    r"brakes?",
    r"deeply",
    r"desk",
    r"heldplan",
    r"is\w+hopeless",
    r"keepclaim",
    r"landscape",
    r"lefttoholder",
    r"look_?again",
    r"papers?",
    r"(?-i:[Rr]ole [AB])",
    r"shel(f|ves)",
    r"sort_out",
    r"stillthere",
    r"strands?",
    r"strangers?",
    r"takebackaccess",
    r"whatnow",
    r"wish(es)?",
]
# Words that no part of a name may be: `role_a_session` and `TellPeople` retire with their words.
IN_NAMES = [
    ("role", "a"),
    ("role", "b"),
    ("tell", "people"),
    ("look", "at"),
    ("looks", "at"),
    ("at", "rest"),
    ("not", "at", "rest"),
    ("superseded", "token"),
    ("superseded", "tokens"),
    ("release", "revocations"),
    ("release", "failed"),
    ("held", "by"),
    ("held", "since"),
    *((word,) for word in ("agenda", "brake", "desk", "foreign", "landscape", "mend", "papers", "planes", "remember")),
    *((word,) for word in ("shelf", "stranger", "strangers", "strand", "strands", "wish", "wishes", "wakes", "woken")),
]
SIDS = r"^(Know|See|Tell|Hand|Keep|Mark|Learn|LookAt|Remember|WriteDown|PutAside)(?=[A-Z])"
CHANGES = "CHANGELOG.md"  # says what a renamed part was called before
ROLE_NAMES = {"README.md"}  # says once what AWS's documents call the two roles


@cache
def _glossary() -> dict[str, str]:
    rows = project.tables((project.ROOT / GLOSSARY).read_text(encoding="utf-8"))["Retired words"]
    return {word.lower(): new for old, new, *_ in rows for word in re.findall(r"`([^`]+)`", old)}


@cache
def _texts() -> list[tuple[str, str]]:
    found = []
    for path in project.files():
        name = str(path.relative_to(project.ROOT))
        if name not in (GLOSSARY, "tests/contract/test_words.py") and path.suffix not in (".lock", ".txt"):
            found.append((name, path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("word", ANYWHERE)
def test_a_retired_word_is_used_nowhere(word: str) -> None:
    pattern = re.compile(rf"(?<![A-Za-z]){word}(?![A-Za-z])", re.IGNORECASE)
    used = [
        f"{name}:{text[: found.start()].count(chr(10)) + 1}: {found[0]}"
        for name, text in _texts()
        for found in pattern.finditer(text)
        if not (word == r"(?-i:[Rr]ole [AB])" and name in ROLE_NAMES)
    ]
    assert used == []


def _parts(name: str) -> list[str]:
    """The words of a name in snake_case or CamelCase, in lower case."""
    return [each.lower() for each in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


RETIRED_PARTS = re.compile(rf"_(?:{'|'.join('_'.join(words) for words in IN_NAMES)})_")


@cache
def _has_a_retired_part(name: str) -> bool:
    return RETIRED_PARTS.search(f"_{'_'.join(_parts(name))}_") is not None


@pytest.mark.parametrize(
    "name", ["role_a_session", "test_role_a_must_trust", "ROLE_A", "RoleA", "TellPeople", "PutStrangerAside"]
)
def test_a_retired_word_is_found_in_a_name_of_either_case(name: str) -> None:
    assert _has_a_retired_part(name)


@pytest.mark.parametrize("name", ["RoleArn", "role_arn", "a_role_asks", "outlook_attached", "RoleAssumed"])
def test_another_word_is_not_taken_for_a_retired_one(name: str) -> None:
    assert not _has_a_retired_part(name)


def _names_in(text: str) -> set[str]:
    """What looks like a name: more words than one, joined by underscores or by capital letters."""
    return set(re.findall(r"\b(?:[A-Za-z0-9]+_[A-Za-z0-9_]+|[A-Z]?[a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+)\b", text))


def test_no_name_has_a_retired_word_as_a_part() -> None:
    used = {
        f"{place}: {name}"
        for place, text in _texts()
        if place != CHANGES
        for name in _names_in(text)
        if _has_a_retired_part(name)
    }
    assert used == set()


def test_the_sids_of_our_statements_say_what_they_allow_in_iams_words() -> None:
    sids = {
        f"{place}: {sid}"
        for place, text in _texts()
        if place.endswith(("yaml", "json"))
        for sid in re.findall(r"\"?Sid\"?: \"?(\w+)", text)
        if re.match(SIDS, sid)
    }
    assert sids == set()


def _python_names() -> dict[str, str]:
    """Every class, function, module, field and parameter somebody named, with one place where it stands."""
    found: dict[str, str] = {}
    for folder in ("layers/control_plane", "functions", "quickctl", "sandbox", "bench", "tests"):
        for path, tree in project.modules(folder).items():
            found[path.rsplit("/", 1)[-1].removesuffix(".py")] = path
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef | ast.FunctionDef):
                    found[node.name] = f"{path}:{node.lineno}"
                elif isinstance(node, ast.arg):
                    found[node.arg] = f"{path}:{node.lineno}"
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    found[node.target.id] = f"{path}:{node.lineno}"
    return found


def test_no_class_module_field_or_parameter_has_a_retired_name() -> None:
    used = {name: where for name, where in _python_names().items() if name.strip("_").lower() in AS_NAMES}
    assert used == {}


def test_no_attribute_of_the_registry_and_no_state_has_a_retired_name() -> None:
    used = set()
    for name in project.MACHINES:
        document = yaml.safe_load(project.machine_text(name))
        states = {state.lower() for state, _ in project.states(document)}
        attributes = set(re.findall(r"(?:SET|REMOVE|ADD|,)\s+#?([a-z_]+)\b", project.machine_text(name)))
        used |= (states | attributes) & (AS_NAMES | set(_glossary()))
    assert used == set()


def test_the_glossary_names_every_retired_word_and_what_replaced_it() -> None:
    missing = {word for word in AS_NAMES if not any(re.search(rf"\b{word}\b", old) for old in _glossary())}
    assert missing == set()
    assert all(new.strip() for new in _glossary().values())
