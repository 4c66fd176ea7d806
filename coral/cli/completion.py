"""`coral completion`: commands and options at the press of the tab key."""

import sys
from typing import Literal

from coral.errors import Exit

__all__ = ["completion"]


def completion(shell: Literal["bash", "zsh", "fish"], /) -> int:
    """Print the script that completes commands and options in a shell.

    For example:
      source <(coral completion bash)
      coral completion zsh > "${fpath[1]}/_cyclopts_coral"
      coral completion fish > ~/.config/fish/completions/coral.fish

    zsh finds the function by the name of its file.
    """
    from coral.cli.main import program

    sys.stdout.write(program().generate_completion(shell=shell))
    return Exit.OK
