"""What README and docs say is true of the code: commands parse, examples run, links lead somewhere.

A ```python block below the line `<!-- runnable -->` is executed in an empty folder; every other one
must compile. Every `sensorium`, `make` and `python` line of a shell block is checked without
running it.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from sensorium.cli import app
from sensorium.recipe import load_recipe, shipped_recipes
from sensorium.verbs.budget import Budget
from sensorium.verbs.grid import make_grid, read_axes
from sensorium.verbs.space import read_search
from sensorium.verbs.terms import make_terms

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "sensorium"
DOCS = ROOT / "docs"
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
PAGES = [ENGLISH, CHINESE, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
VERBS = typer.main.get_command(app).commands

RUNNABLE = "<!-- runnable -->"
SHELLS = ("sh", "bash", "shell", "console")
NEW_VERBS = {"compare", "finetune", "predict"}  # which the READMEs name once they tell their story
THEIR_OWN = "my-recipe.yaml"  # what the pages call a reader's copy of the template


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the line of its fence, its language, and whether it is to run."""

    page: Path
    line: int
    language: str
    text: str
    runnable: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        if lines[number].startswith("```"):
            end = lines.index("```", number + 1)
            text = "\n".join(lines[number + 1 : end])
            marked = number > 0 and lines[number - 1] == RUNNABLE
            yield Block(page, number + 1, lines[number][3:], text, marked)
            number = end
        number += 1


def prose_of(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)


def commands_of(block: Block) -> list[list[str]]:
    """The commands of a shell block, in words, without comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def headings_of(text: str) -> list[str]:
    return re.findall(r"^#+ .+$", text, flags=re.M)


def anchors_of(page: Path) -> set[str]:
    """Of each heading, as GitHub makes them."""
    titles = [heading.lstrip("#").strip().lower() for heading in headings_of(prose_of(page))]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
COMMANDS = [
    pytest.param(words, id=f"{block} {' '.join(words)[:60]}")
    for block in BLOCKS
    if block.language in SHELLS
    for words in commands_of(block)
]


@pytest.mark.parametrize("block", [b for b in PYTHON if b.runnable], ids=str)
def test_runnable_examples_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, str(block), "exec"), {"__name__": "example"})


@pytest.mark.parametrize("block", [b for b in PYTHON if not b.runnable], ids=str)
def test_other_examples_compile_and_name_what_is_there(block):
    tree = ast.parse(block.text, str(block))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sensorium"):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, name.name) for name in node.names), ast.unparse(node)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "sensorium":
            assert node.attr in importlib.import_module("sensorium").__all__, node.attr


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_can_be_given_as_they_are_written(words):
    program, *arguments = words
    if program == "sensorium":
        check_verb(arguments)
    elif program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.M)
        assert set(arguments) <= set(targets)
    elif program in ("python", "cp"):
        assert (ROOT / arguments[0]).is_file()


def check_verb(arguments: list[str]) -> None:
    """Parse by the program's own parser, and read the recipe that is named, with its overrides."""
    verb, *rest = arguments
    assert verb in VERBS, f"no verb {verb}; there are {', '.join(VERBS)}"
    given = VERBS[verb].make_context(verb, list(rest)).params
    recipe = "template" if given.get("recipe") == THEIR_OWN else given.get("recipe")
    if verb == "pretrain" or (verb == "finetune" and not given["start"]):
        load_recipe(recipe, given["overrides"] or [])
    if verb == "compare":
        budget = None if given["budget"] is None else Budget.read(given["budget"])
        if given["search"]:
            make_terms(recipe, given["overrides"] or [], read_search(given["search"]), budget)
            return
        make_grid(recipe, given["overrides"] or [], read_axes(given["over"]), budget)


def test_there_are_commands_and_examples_to_check():
    assert len(COMMANDS) > 20
    assert sum(block.runnable for block in PYTHON) >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_pictures_are_there(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name} links to {target}, which is not there"
        assert not anchor or anchor in anchors_of(there), f"{target} has no such heading"


def test_both_readmes_say_the_same():
    english, chinese = ([b for b in BLOCKS if b.page == page] for page in (ENGLISH, CHINESE))
    assert [b.language for b in english] == [b.language for b in chinese]
    for ours, theirs in zip(english, chinese, strict=True):
        if ours.language in SHELLS:
            assert commands_of(ours) == commands_of(theirs)
        elif ours.language == "python":
            assert ast.dump(ast.parse(ours.text)) == ast.dump(ast.parse(theirs.text))
    levels = [
        [heading.split()[0] for heading in headings_of(prose_of(page))]
        for page in (ENGLISH, CHINESE)
    ]
    assert levels[0] == levels[1]
    for pattern in (r"^\|", r"!\[", r"<!-- .* -->", r"`sensorium \w+"):
        counts = [len(re.findall(pattern, prose_of(page), re.M)) for page in (ENGLISH, CHINESE)]
        assert counts[0] == counts[1], pattern


@pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=lambda page: page.name)
def test_the_tree_in_a_readme_has_every_folder_with_a_caption(readme):
    (tree,) = (b.text for b in BLOCKS if b.page == readme and b.text.startswith("src/sensorium/"))
    shown = dict(re.findall(r"^  (\S+?)/? {2,}(\S.*)$", tree, flags=re.M))
    folders = {path.parent.name for path in SOURCES.glob("*/__init__.py")}
    assert folders <= set(shown)
    assert all((SOURCES / name).exists() for name in shown)


def test_every_folder_has_a_page_and_the_index_has_every_page():
    elsewhere = {"verbs": "command_line", "cli": "command_line"}
    for folder in SOURCES.glob("*/__init__.py"):
        name = folder.parent.name
        assert (DOCS / f"{elsewhere.get(name, name)}.md").is_file()
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_section_with_every_option(verb):
    page = (DOCS / "command_line.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)$(.*?)(?=^## |\Z)", page, flags=re.S | re.M))
    assert verb in sections
    options = {name for p in VERBS[verb].params for name in p.opts if name.startswith("--")}
    told = set(re.findall(r"^\| `(--[\w-]+)`", sections[verb], flags=re.M))
    assert told == options - {"--help"}
    usage = re.search(r"```text\n(.*?)\n```", sections[verb], flags=re.S)
    assert usage is not None
    assert set(re.findall(r"--[\w-]+", usage[1])) == told


@pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=lambda page: page.name)
def test_a_readme_names_every_verb(readme):
    named = set(re.findall(r"^\| `sensorium (\w+)", prose_of(readme), flags=re.M))
    assert named | NEW_VERBS == set(VERBS)


def test_the_page_on_recipes_names_all_that_are_shipped():
    page = (DOCS / "recipes.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, flags=re.M)) == set(shipped_recipes())


def test_the_page_of_recipe_keys_is_up_to_date():
    specification = importlib.util.spec_from_file_location("recipe_keys", DOCS / "recipe_keys.py")
    assert specification is not None
    assert specification.loader is not None
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    written = script.PAGE.read_text(encoding="utf-8")
    assert written == script.page(), "out of date; mend it by: python docs/recipe_keys.py"
