"""The documentation: links lead somewhere, commands exist, the tutorial runs."""

import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import urlsplit

import policies
import pytest
import tutorial
import yaml
from regions import has_region, replace_region
from shown import FENCE, RUN, blocks
from typed import there

from coral.incident.policy import VERDICT
from detectors.policy import TRIGGER

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "index.md"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*/*.md")])
SOURCES = sorted(
    path
    for folder in ("coral", "streams", "detectors", "benchmarks", "deploy", "tests", "tools")
    for path in ROOT.glob(f"{folder}/**/*")
    if path.suffix in {".py", ".toml", ".json"} and "results" not in path.parts
)
# Commands, messages and code; TOML, and YAML with values of the chart, are CORAL's own.
NO_CONFIGURATION = {"", "console", "sh", "json", "python"}
CHART_VALUES = yaml.safe_load((ROOT / "deploy" / "helm" / "coral" / "values.yaml").read_text())
# Commands whose first word after the name is an action with options of its own.
GROUPS = ("config", "graph", "topics")
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HELD = "https://hooks.example.com/x"  # of whatever kind one is named
NAMED = re.compile(r'^((?:\w+_file|template) = )"([\w-]+(?:-\w+|\.json))"', re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
TREE = r"\b(?:coral|streams|detectors|tests|tools|docs|benchmarks|deploy)/"
PATH = re.compile(TREE + r"[\w./-]*")
MENTION = re.compile(TREE + r"[\w./-]*\w\.(?:md|py|json|toml|svg|png)")


def name_of(page: Path) -> str:
    """Path of a page, as a test's name."""
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """Text of a page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Targets of a page's links; what looks like one inside of code is none."""
    return LINK.findall(re.sub(r"(?<!\[)`[^`\n]+`", "", prose(page)))


def anchors(page: Path) -> Iterator[str]:
    """Anchors of a page's headings, as GitHub makes them: of equal ones the later are numbered."""
    seen: dict[str, int] = {}
    for heading in HEADING.findall(prose(page)):
        words = LINK.sub("", heading) if LINK.search(heading) else heading
        slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug


def resolved(page: Path, target: str) -> tuple[Path, str]:
    """Return the file that a relative link leads to, and its anchor."""
    path, _, anchor = target.partition("#")
    return ((page.parent / path).resolve() if path else page), anchor


def is_external(target: str) -> bool:
    """Whether a link leaves the repository."""
    return urlsplit(target).scheme != ""


def commands(page: Path) -> list[str]:
    """Command lines of `coral` on a page, in blocks of commands and in the running text."""
    found = []
    for kind, block in blocks(page):
        if kind in {"console", "sh"}:
            prompted = "$ " if kind == "console" else ""
            joined = block.replace("\\\n", " ")
            lines = [line for line in joined.splitlines() if line.startswith(prompted)]
            found += [part for line in lines for part in re.split(r" \| | # |; ", line)]
    found += [span.replace("\\|", "|") for span in SPAN.findall(prose(page))]
    matches = (
        re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ )?coral +((?:--)?[a-z].*)", line) for line in found
    )
    return [match[1] for match in matches if match]


def run_coral(*words: str, **more: str) -> CompletedProcess[str]:
    """Run a command in a process of its own, with more in its environment."""
    command = [sys.executable, "-m", "coral.cli.main", *words]
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"} | more
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT
    )


def named_file(page: Path, home: Path, match: re.Match[str]) -> str:
    """Make a file that a configuration names: a template that the page shows, or a secret."""
    templates = [text for kind, text in blocks(page) if kind == "json"]
    (home / match[2]).write_text(templates[0] if match[2].endswith(".json") else HELD)
    return f'{match[1]}"{home / match[2]}"'


@functools.cache
def help_of(*words: str) -> str:
    """Return what a command says about itself."""
    done = run_coral(*words, "--help")
    assert done.returncode == 0, f"coral {' '.join(words)}: {done.stderr}"
    return done.stdout


def unknown_in(line: str) -> list[str]:
    """Return what `coral` does not know of a command line: its options that no help names."""
    words = line.split()
    if words[0].startswith("-"):
        told = help_of()
    elif words[0] in GROUPS and len(words) > 1 and not words[1].startswith("-"):
        # `check|print|schema` in a table stands for each of them.
        actions = there(re.match(r"\w+ +(\w+(?: ?\| ?\w+)*)", line))[1].replace(" ", "").split("|")
        told = "\n".join(help_of(words[0], action) for action in actions)
    elif words[:2] == ["record", "prometheus"]:
        told = help_of(*words[:2])
    else:
        told = help_of(words[0])
    known = {*OPTION.findall(told), "--help"}
    return [option for option in OPTION.findall(line) if option not in known]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
class TestPages:
    """What holds of every page."""

    def test_relative_links_lead_to_a_file_and_a_heading(self, page: Path) -> None:
        """No link into nothing."""
        broken = []
        for target in links(page):
            if is_external(target):
                continue
            path, anchor = resolved(page, target)
            inside = path.is_relative_to(ROOT) and path.exists()
            if not inside or (anchor and anchor not in anchors(path)):
                broken.append(target)
        assert [] == broken

    def test_external_links_are_addresses(self, page: Path) -> None:
        """Looked at, not followed: https and a host."""
        external = [urlsplit(target) for target in links(page) if is_external(target)]
        assert [] == [url for url in external if url.scheme != "https" or "." not in url.netloc]

    def test_commands_exist(self, page: Path) -> None:
        """Every command line of `coral` that a page shows is understood by `coral`."""
        unknown = {line: unknown_in(line) for line in commands(page)}
        assert {} == {line: options for line, options in unknown.items() if options}

    def test_configurations_are_sound(self, page: Path, tmp_path: Path) -> None:
        """Every block of TOML that is CORAL's is one that `coral config check` accepts."""
        ours = [text for kind, text in blocks(page) if kind == "toml" and not RUN.match(text)]
        for number, block in enumerate(ours):
            file = tmp_path / f"{number}.toml"
            file.write_text(NAMED.sub(partial(named_file, page, tmp_path), block))
            # The password of the example is not in its file, as a page says it should be.
            secret = {"CORAL_KAFKA__SASL_PASSWORD": "x"} if "sasl_username" in block else {}
            done = run_coral("config", "check", str(file), **secret)
            assert done.returncode == 0, done.stderr

    def test_configurations_of_other_programs_say_how_they_were_run(self, page: Path) -> None:
        """In their first line; a test that is named there reads this page and exists."""
        marked, silent = [], []
        for kind, text in blocks(page):
            if found := RUN.match(text):
                marked.append(found)
            elif kind == "yaml":
                silent += [text] if {*yaml.safe_load(text)} - {*CHART_VALUES} else []
            elif kind != "toml" and kind not in NO_CONFIGURATION:
                silent.append(text)
        assert [] == silent
        named = [found["test"] for found in marked if found["test"]]
        assert [] == [test for test in named if name_of(page) not in (ROOT / test).read_text()]


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("# run with Telegraf 1.37.2", True),
        ("# run by tests/broker/test_agents.py, with collectd 5.12", True),
        ("# not run; by the documentation of Fluent Bit 3.1", True),
        ("# run with Telegraf", False),
        ("# run by tests/broker/test_agents.py", False),
        ("# run by hand, with collectd 5.12", False),
        ("# as Telegraf 1.37 has it", False),
        ("[agent]", False),
    ],
)
def test_how_a_configuration_was_run_has_a_version(line: str, is_one: bool) -> None:
    """A mark without one says nothing when the program has gone on."""
    assert is_one == bool(RUN.match(line))


def test_every_page_can_be_reached_from_the_index() -> None:
    """By links from page to page."""
    reached, queue = set(), [INDEX]
    while queue:
        page = queue.pop()
        if page not in reached:
            reached.add(page)
            targets = [resolved(page, t)[0] for t in links(page) if not is_external(t)]
            queue += [t for t in targets if t.suffix == ".md" and t.is_relative_to(ROOT / "docs")]
    assert set(ROOT.glob("docs/**/*.md")) == reached


def test_every_page_stands_in_a_section_of_the_index() -> None:
    """Each folder is one kind of page, and the index lists every page."""
    listed = {resolved(INDEX, target)[0] for target in links(INDEX)}
    folders = {"tutorial", "howto", "reference", "explanation", "evaluation"}
    pages = set(ROOT.glob("docs/**/*.md")) - {INDEX}
    assert folders == {page.parent.name for page in pages}
    assert pages <= listed


def test_files_that_are_mentioned_exist() -> None:
    """In pages, comments and docstrings, wherever they are named by their path."""
    files = [*PAGES, *SOURCES, ROOT / "Makefile"]
    named = {(name_of(file), path) for file in files for path in MENTION.findall(file.read_text())}
    assert [] == sorted(pair for pair in named if not (ROOT / pair[1]).is_file())


def test_the_architecture_names_paths_that_exist() -> None:
    """The page is at most 100 lines long."""
    named = {path.rstrip(".") for path in PATH.findall(ARCHITECTURE)}
    assert len(ARCHITECTURE.splitlines()) <= 100
    assert [] == sorted(path for path in named if not (ROOT / path).exists())


@pytest.mark.parametrize("package", ["coral", "streams", "detectors"])
def test_the_architecture_names_every_folder(package: str) -> None:
    """A new stage is a new line of the tree; folders of data are none."""
    folders = [path.parent for path in ROOT.glob(f"{package}/*/__init__.py")]
    assert [] == [name_of(f) for f in folders if f"{name_of(f)}/ " not in ARCHITECTURE]


def test_the_readme_begins_with_two_commands_and_their_output() -> None:
    """One sentence, two commands, at most 15 lines of a real run; two for one's own; the line."""
    readme = ROOT / "README.md"
    sentence = readme.read_text().split("\n\n")[1]
    asked, shown, own, straight = (block for _, block in blocks(readme)[:4])
    assert sentence.count(". ") == 0
    assert ["$ make demo", "$ make test"] == [line[:11] for line in asked.splitlines()]
    assert shown.startswith("$ make demo\n")
    assert len(shown.splitlines()) <= 15
    first, second = own.splitlines()
    assert first.startswith("$ coral record prometheus ")
    assert second.startswith("$ coral replay ")
    assert straight.startswith("metrics ")


def test_the_policies_are_listed_as_the_code_has_them() -> None:
    """Every class, with every field's default and reason (else `make docs`)."""
    page = policies.PAGE.read_text()
    assert has_region(page, "policies")
    assert replace_region(page, "policies", policies.tables()) == page


@pytest.mark.parametrize(
    ("policy", "field", "choice"),
    [
        (TRIGGER.tail, "drop_part", ("5", "How often, in blocks, and which part")),
        (TRIGGER.dynamic_pca, "floor", ("0.01", "Half that of lag windows")),
        (TRIGGER.ssa, "floor", ("0.02", "Smallest mean that an energy is compared")),
        (VERDICT, "least_deviation", ("math.log(1.1)", "Deviation score below which")),
    ],
    ids=["a comment of two fields", "its own", "an inherited one", "docstring, not the heading"],
)
def test_a_reason_is_found_where_it_stands(
    policy: object, field: str, choice: tuple[str, str]
) -> None:
    """As a comment above a field or a docstring under it, in the class or in one before it."""
    row = next(line for line in policies.table(policy) if line.startswith(f"| `{field}` "))
    assert row.startswith(f"| `{field}` | `{choice[0]}` | {choice[1]}")


def test_the_tutorial_runs(tmp_path: Path) -> None:
    """Every command ends with 0, under the identifiers that the page shows (else `make docs`)."""
    page = tutorial.PAGE.read_text()
    commands_of = re.compile(r"^\$ .*$", re.MULTILINE)

    written = tutorial.run_page(page, tmp_path)

    assert commands_of.findall(page) == commands_of.findall(written)
    assert (tmp_path / "feedback.ndjson").is_file()
