"""One thing, one word: the words that the glossary retires stay out of what people read."""

import argparse
import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from napari_umis_fusion import FusionConfig, TrainingConfig
from napari_umis_fusion.cli._main import build_parser
from napari_umis_fusion.live import AutofocusConfig, KeepConfig, SweepPlan

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
CODE = sorted((ROOT / "src").rglob("*.py"))

RETIRED_HEADING = "\n## Retired words\n"


PLACES = ("docs", "strings", "names")
"""Pages and help; strings that users can see; names of modules, classes and functions."""

# What waits to be rewritten, counted over all files. These lists only ever shrink.
ALLOWED_IN_PAGES = ("`slice`",)  # a name of an axis that files have
ALLOWED_IN_HELP: Counter[str] = Counter()
ALLOWED_IN_STRINGS = Counter(
    {
        "slice": 5,  # names of an axis that files have, and of an operator of ONNX
        "the ending": 1,
        "written over": 1,
    }
)
ALLOWED_IN_NAMES = Counter({"sight": 1})
FRAGMENTS_IN_HELP = 2  # those of argparse itself


@dataclass(frozen=True)
class Retired:
    """A word that is not used any more, what to use instead, and where it is searched for."""

    word: str
    instead: str
    places: tuple[str, ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """Whole words in any case, with any white space between them."""
        words = r"\s+".join(re.escape(part) for part in self.word.split())
        return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def retired_words(glossary: str) -> list[Retired]:
    """Read the table of retired words."""
    _, table = glossary.split(RETIRED_HEADING)
    head, _, *rows = [line for line in table.splitlines() if line.startswith("|")]
    assert head == "| retired | use instead | searched in |"
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [Retired(word, instead, tuple(where.split(", "))) for word, instead, where in cells]


def found_in(text: str, words: Iterable[Retired]) -> list[str]:
    """Return each retired word that a text holds, with what to use instead."""
    text = with_split_names(text)
    return [
        f"{' '.join(match.group().split())} -> {word.instead}, in: {_around(text, match)}"
        for word in words
        for match in word.pattern.finditer(text)
    ]


def with_split_names(text: str) -> str:
    """Return a text without link targets, and below it the words of names between backticks."""
    text = re.sub(r"\]\([^)]*\)", "]", text)
    code = " ".join(re.findall(r"`([^`\n]+)`", text))
    code = re.sub(r"\S*(?:/|\.(?:py|pyi|md|csv|json|png)\b)\S*", " ", code)  # names of files
    names = re.findall(r"[A-Za-z]\w+", code)
    return "\n".join([text, *dict.fromkeys(split_name(name) for name in names)])


def split_name(name: str) -> str:
    """Return the words of a ``snake_case`` or ``CamelCase`` name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_+", " ", name).strip()


def _around(text: str, match: re.Match[str]) -> str:
    return " ".join(text[max(0, match.start() - 30) : match.end() + 30].split())


def page_text(page: Path) -> str:
    """Return a page without what is not its own: options' help texts, labels, retired words."""
    text, _, _ = page.read_text("utf-8").partition(RETIRED_HEADING)
    for config in (FusionConfig, TrainingConfig, AutofocusConfig, SweepPlan, KeepConfig):
        for spec in fields(config):
            text = text.replace(f"| {spec.metadata['help']} |", "|")
    for label in ALLOWED_IN_PAGES:
        text = text.replace(label, "")
    return text


def visible_strings(source: str) -> Iterator[str]:
    """Yield the strings of a module that may reach a user: all but docstrings."""
    nodes = list(ast.walk(ast.parse(source)))
    docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def defined_names(source: str) -> Iterator[str]:
    """Yield the words of each class and function that a module defines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield split_name(node.name)


def help_texts() -> Iterator[str]:
    """Yield the help and description of every command and option of the command line."""
    parsers = [build_parser()]
    while parsers:
        parser = parsers.pop()
        if parser.description:
            yield parser.description
        for action in parser._actions:
            if isinstance(action.help, str) and action.help != argparse.SUPPRESS:
                yield action.help % {**vars(action), "prog": parser.prog}
            if isinstance(action.choices, dict):
                yield from (choice.help for choice in action._choices_actions)
                parsers += action.choices.values()


def is_sentence(text: str) -> bool:
    """Whether a help text begins with a capital, a sign or a quoted choice and ends in a stop."""
    return text.endswith(".") and not text[0].islower()


WORDS = retired_words(GLOSSARY.read_text("utf-8"))


def words_in(place: str) -> list[Retired]:
    """Return the words that are searched for in a place."""
    return [word for word in WORDS if place in word.places]


def count_words(text: str, place: str) -> Counter[str]:
    """Count the words that are searched for in a place."""
    return Counter({word.word: len(word.pattern.findall(text)) for word in words_in(place)})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_use_the_words_of_the_glossary(page: Path) -> None:
    assert found_in(page_text(page), words_in("docs")) == []


def test_help_uses_the_words_of_the_glossary() -> None:
    assert count_words("\n".join(set(help_texts())), "docs") - ALLOWED_IN_HELP == Counter()


def test_help_is_in_sentences() -> None:
    fragments = [text for text in set(help_texts()) if not is_sentence(text)]
    assert len(fragments) <= FRAGMENTS_IN_HELP


def test_strings_use_the_words_of_the_glossary() -> None:
    texts = [text for module in CODE for text in visible_strings(module.read_text("utf-8"))]
    assert count_words("\n".join(texts), "strings") - ALLOWED_IN_STRINGS == Counter()


def test_names_use_the_words_of_the_glossary() -> None:
    names = [name for module in CODE for name in defined_names(module.read_text("utf-8"))]
    names += [split_name(module.stem) for module in CODE]
    assert count_words("\n".join(names), "names") - ALLOWED_IN_NAMES == Counter()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The outcome is saved.", ["outcome"]),
        ("Outcomes differ.", []),
        ("Planes are put on\n  one another.", ["put on one another"]),
        ("Call `save_outcome`, or `OutcomePanel(x)`.", ["outcome", "Outcome"]),
        ("`training_dock.py` of `benchmarks/training_dock.py`, [this](the-start.md)", []),
        ("A tHe OuTcOmE", ["OuTcOmE"]),
    ],
)
def test_a_retired_word_is_found_where_it_stands(text: str, expected: list[str]) -> None:
    assert [found.partition(" -> ")[0] for found in found_in(text, WORDS)] == expected


def test_strings_that_users_see_are_told_from_docstrings() -> None:
    source = '"""Module."""\nA = 1\n"""About A."""\ndef f():\n    "Doc."\n    return f"seen {A}"\n'
    assert list(visible_strings(source)) == ["seen "]
    assert list(defined_names("class FooBar:\n    def go_on(self): ...")) == ["Foo Bar", "go on"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Random seed.", True), ("'none' keeps it.", True), ("of every choice", False), ("No", False)],
)
def test_a_sentence_is_told_from_a_fragment(text: str, expected: bool) -> None:
    assert is_sentence(text) == expected


def test_the_table_of_retired_words_is_sound() -> None:
    assert {place for word in WORDS for place in word.places} == set(PLACES)
    assert len({word.word.lower() for word in WORDS}) == len(WORDS)
    assert found_in("\n".join(word.instead for word in WORDS), WORDS) == []


def test_the_glossary_names_what_the_code_has() -> None:
    definitions, _ = GLOSSARY.read_text("utf-8").split(RETIRED_HEADING)
    cells = [line.rsplit("|", 2)[1] for line in definitions.splitlines() if line.startswith("| ")]
    named = [code for cell in cells for code in re.findall(r"`([^`]+[^`/])`", cell)]
    source = "\n".join(module.read_text("utf-8") for module in CODE)
    words = {*re.findall(r"\w+", source), "umis", "fusion"}
    options = {*re.findall(r'"(--[a-z-]+)"', source)}
    missing = [
        part
        for code in named
        for part in re.findall(r"--[a-z-]+|\w+", code)
        if part not in (options if part.startswith("--") else words)
    ]
    assert len(named) > 40
    assert missing == []


def test_what_is_allowed_is_still_there() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert [label for label in ALLOWED_IN_PAGES if label not in pages] == []
    known = {word.word for word in WORDS}
    assert {*ALLOWED_IN_HELP, *ALLOWED_IN_STRINGS, *ALLOWED_IN_NAMES} <= known
