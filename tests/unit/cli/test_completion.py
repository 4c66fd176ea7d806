"""`coral completion` as a shell uses it."""

import re
import subprocess
from collections.abc import Callable

import pytest
from typed import there

from coral.cli.main import COMMANDS, main
from coral.errors import Exit

# Calls what `complete -F` has registered, as bash does when the tab key is pressed.
PRESS_TAB = """
source /dev/stdin

function=$(complete -p coral | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$function coral "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def tab(capsys: pytest.CaptureFixture[str]) -> Callable[..., set[str]]:
    """What bash offers after some words."""
    assert Exit.OK == main(["completion", "bash"])
    script = capsys.readouterr().out

    def press(*words: str) -> set[str]:
        command = ["bash", "-c", PRESS_TAB, "bash", "coral", *words]
        done = subprocess.run(command, input=script, capture_output=True, text=True, check=True)
        assert "" == done.stderr
        return set(done.stdout.split())

    return press


class TestBash:
    def test_commands(self, tab: Callable[..., set[str]]) -> None:
        """All of them, those of a group, those with a beginning."""
        assert set(COMMANDS) == tab("")
        assert {"check", "print", "schema"} == tab("config", "")
        assert {"replay", "record", "rekey", "report"} == tab("re")

    def test_options_and_their_values(self, tab: Callable[..., set[str]]) -> None:
        """What a command takes."""
        assert {"--markdown", "--json", "--kafka", "--config", "--set"} <= tab("explain", "--")
        assert {"oracle", "online"} == tab("evaluate", "--mode", "")
        assert {"create", "check"} == tab("topics", "")


@pytest.mark.parametrize(
    ("shell", "first"), [("zsh", "#compdef coral\n"), ("fish", "# Fish completion for coral\n")]
)
def test_other_shells(capsys: pytest.CaptureFixture[str], shell: str, first: str) -> None:
    """Their scripts name every command and its sentence."""
    assert Exit.OK == main(["completion", shell])
    script = capsys.readouterr().out

    assert script.startswith(first)
    assert [] == [name for name, about in COMMANDS.items() if about.split(",")[0] not in script]


def test_zsh_finds_it(capsys: pytest.CaptureFixture[str]) -> None:
    """It loads a function from the file of that name, which help must tell."""
    assert Exit.OK == main(["completion", "zsh"])
    name = there(re.search(r"^(\w+)\(\) {$", capsys.readouterr().out, re.MULTILINE))[1]
    assert Exit.OK == main(["completion", "--help"])

    assert f'coral completion zsh > "${{fpath[1]}}/{name}"' in capsys.readouterr().out
