"""House rules that a linter does not know."""

import ast
import json
import re
from collections.abc import Iterator
from importlib.metadata import requires
from importlib.resources import files
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from typed import there

import coral
from streams.recorded import Recording, validate

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for package in ("coral", "streams", "detectors")
    for path in ROOT.glob(f"{package}/**/*.py")
)
KERNELS = [path for path in SOURCES if path.name.endswith("_kernels.py")]
# Commands say what a daemon starts with; the client of Kafka is told what not to log, and heard.
CLIENT = [ROOT / "streams" / "kafka" / name for name in ("connection.py", "refusals.py")]
MAY_LOG = {*ROOT.glob("coral/cli/*.py"), *CLIENT}
LOGGERS = {"log", "bound"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
RECORDINGS = sorted(path.parent for path in ROOT.glob("coral/recordings/*/incident.json"))


def imported(path: Path) -> Iterator[str]:
    """Top-level names of the modules a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_import_what_they_may(path: Path) -> None:
    """numba only in kernels, kafka only in one package, never pickle."""
    names = set(imported(path))
    assert "numba" not in names or path in KERNELS
    assert "kafka" not in names or path.parent == ROOT / "streams" / "kafka"
    assert not names & {"pickle", "dill", "cloudpickle", "shelve", "marshal"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_daemon_and_its_commands_log(path: Path) -> None:
    """Whoever embeds the engine, the detectors or a source finds nothing on standard error."""
    if not path.is_relative_to(ROOT / "coral" / "daemon") and path not in MAY_LOG:
        assert not set(imported(path)) & {"logging", "structlog", "warnings"}


# One reader of several topics: its events begin with the topic's (docs/reference/daemon.md).
ONE_READER = [ROOT / "coral" / "daemon" / name for name in ("clients.py", "inbox.py")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_an_event_of_the_log_is_a_constant(path: Path) -> None:
    """In snake_case, so that it can be searched for; what belongs to it are keys, not f-strings."""
    if path in ONE_READER:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if ast.unparse(node.func.value) in LOGGERS and node.func.attr in LEVELS:
            (event,) = node.args
            assert isinstance(event, ast.Constant), ast.unparse(node)
            assert isinstance(event.value, str), ast.unparse(node)
            assert re.fullmatch(r"[a-z][a-z_]*[a-z]", event.value), ast.unparse(node)
            assert "f'" not in ast.unparse(node).replace('"', "'"), ast.unparse(node)


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: str(p.relative_to(ROOT)))
def test_kernels_keep_the_kernel_policy(path: Path) -> None:
    """One set of flags, calls only inside the file, at most 80 lines, return types."""
    tree = ast.parse(path.read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert functions
    assert set(imported(path)) <= {"numba", "numpy", "typing", "math", "__future__"}
    for function in functions:
        decorators = [ast.unparse(d) for d in function.decorator_list]
        assert decorators == ["nb.njit(cache=True, error_model='numpy')"], function.name
        assert there(function.end_lineno) - function.lineno < 80, function.name
        assert function.returns is not None, function.name


def test_kernels_of_one_name_are_one_kernel() -> None:
    """What two files need is repeated, as a kernel calls its own file only, and stays the same."""
    bodies: dict[str, set[str]] = {}
    for path in KERNELS:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                bodies.setdefault(node.name, set()).add(ast.unparse(node))
    assert [] == [name for name, versions in bodies.items() if len(versions) > 1]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_are_short_and_documented(path: Path) -> None:
    """At most 40 lines of code after the docstring, and 80 in kernels; public ones say what."""
    most = 80 if path in KERNELS else 40
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef):
            continue
        start = node.body[0].lineno
        if ast.get_docstring(node):
            start = there(node.body[0].end_lineno) + 1
        assert there(node.end_lineno) - start < most, f"{path.name}:{node.name}"


# Functions that may have more than six parameters, with the reason.
WIDE = {
    "coral/daemon/daemon.py:__init__": "the parts of a member, put together in one place",
    "coral/daemon/inbox.py:__init__": "what makes one topic's reader of the one for all",
    "coral/replay/driver.py:replay": "keyword only: whoever drives names the few it needs",
    "streams/codec/labelled/mapping.py:learn": "the facts of one series, each of another type",
    "streams/kafka/source.py:__init__": "keyword only hooks of one reader",
    "streams/processing/loop.py:__init__": "keyword only hooks, each with its contract beside it",
}
COMMANDS = ROOT / "coral" / "cli"  # an option is a parameter

# Stages whose numbers are choices, and the real numbers among them that are none.
JUDGING = ("coral/baseline/", "coral/graph/", "coral/localise/", "coral/incident/", "detectors/")
NO_CHOICE = {
    "coral/graph/_orientation_kernels.py:RIDGE": "numerical: keeps a pivot positive",
    "coral/graph/edges.py:_RIDGE": "numerical: between copies of a series",
    "coral/graph/export.py:_CLEAR": "of the difference of two exports, which judges nothing",
    "coral/graph/moments.py:_LARGEST_VALUE": "numerical: no product overflows",
    "coral/graph/reduced.py:_RIDGE_FLOOR": "numerical: keeps a matrix definite",
    "coral/graph/solver.py:_LARGEST_RATIO": "numerical: no ratio overflows",
    "coral/graph/solver.py:_NOISE_FLOOR": "numerical: what never moved has no noise",
    "coral/graph/solver.py:_RIDGE": "numerical: copies of a series share a coefficient",
    "coral/graph/states.py:_LEAST_DEVIATION": "numerical: what never moved has no deviation",
    "detectors/decision/alarm_budget.py:WEEK_S": "the length of a week",
    "detectors/decision/novelty_gate.py:_DAY_S": "the length of a day",
    "detectors/health/habits.py:_DAY_S": "the length of a day",
    "detectors/health/spell.py:SLACK": "numerical: a sum of intervals is rounded",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_take_few_parameters(path: Path) -> None:
    """At most 10 in kernels and 6 elsewhere, keyword-only ones included, self excluded."""
    most, found = (10 if path in KERNELS else 6), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            names = [
                a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            ]
            if len(names) - (names[:1] in (["self"], ["cls"])) > most:
                found.add(f"{path.relative_to(ROOT)}:{node.name}")
    if path.parent != COMMANDS:
        assert {name for name in WIDE if name.startswith(f"{path.relative_to(ROOT)}:")} == found


def test_numbers_that_decide_stand_in_policies() -> None:
    """With their reason, to be listed and varied: a module has no real number of its own."""
    found = set()
    for path in SOURCES:
        where = str(path.relative_to(ROOT))
        if not where.startswith(JUDGING) or path.name == "policy.py":
            continue
        for node in ast.parse(path.read_text()).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            target = node.target if isinstance(node, ast.AnnAssign) else target
            value = getattr(node, "value", None)
            if target is None or not isinstance(value, ast.Constant | ast.BinOp | ast.UnaryOp):
                continue
            numbers = [one.value for one in ast.walk(value) if isinstance(one, ast.Constant)]
            if any(isinstance(number, float) for number in numbers):
                found.add(f"{where}:{ast.unparse(target)}")
    assert set(NO_CHOICE) == found


def test_no_file_names_a_machine_path() -> None:
    """The repository speaks of the project alone."""
    pattern = re.compile(r"/(?:work|root|tmp|home)/[a-z]")
    listed = [*SOURCES, *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "Makefile"]
    assert [] == [str(path) for path in listed if pattern.search(path.read_text())]


def test_the_changelog_knows_the_version() -> None:
    """The version has an entry."""
    text = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{coral.__version__}]" in text


def run_time_packages() -> set[NormalizedName]:
    """All distributions that an installation needs, transitive ones included."""
    seen, queue = set(), [Requirement("coral-rca")]
    while queue:
        asked = queue.pop()
        for text in requires(asked.name) or ():
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            marker = requirement.marker
            wanted = marker is None or any(
                marker.evaluate({"extra": e}) for e in ("", *asked.extras)
            )
            if wanted and name not in seen:
                seen.add(name)
                queue.append(requirement)
    return seen


def test_the_readme_shows_how_many_packages_an_installation_needs() -> None:
    """At most 30, and the number in the README is the real one."""
    count = len(run_time_packages())
    assert count <= 30
    assert f"{count} packages in all" in (ROOT / "README.md").read_text()


def test_constraints_pin_every_run_time_package() -> None:
    """`make demo` installs tested versions."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}
    assert run_time_packages() <= pinned


def test_four_recordings_are_bundled() -> None:
    """`coral demo` has real incidents to replay, found through the package."""
    assert len(RECORDINGS) >= 4
    root = Path(str(files("coral") / "recordings"))
    assert [path.name for path in RECORDINGS] == sorted(
        path.parent.name for path in root.glob("*/incident.json")
    )


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda p: p.name)
def test_bundled_recordings_are_sound_and_small(folder: Path) -> None:
    """No error for `coral validate`, labels that name what is there, at most 400 KB."""
    assert [] == [str(p) for p in validate(folder) if p.severity == "error"]
    meta = Recording.open(folder).meta
    raw = json.loads((folder / "incident.json").read_text())
    assert raw["n_rows"] == sum(1 for _ in Recording.open(folder).rows())
    assert meta.modes
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 400_000
