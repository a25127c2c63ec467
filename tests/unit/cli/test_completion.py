from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMANDS = {"accept", "cache", "clean", "diff", "merge-reports", "package", "python", "review"}
COMMANDS.add("show")

COMPLETE = """\
source completion.bash
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_shtab_flowrepro
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--print-completion", shell])
    return capsys.readouterr().out


@pytest.fixture
def complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., set[str]]:
    """Complete the last of the words of a command line, in bash."""
    (tmp_path / "completion.bash").write_text(script("bash", capsys))
    (tmp_path / "train.py").touch()

    def completed(*words: str) -> set[str]:
        argv = ["bash", "--norc", "-c", COMPLETE, "bash", "flowrepro", *words]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return set(done.stdout.split())

    return completed


def test_bash_completes_commands(complete: Callable[..., set[str]]) -> None:
    assert complete("") == COMMANDS
    assert complete("p") == {"package", "python"}


def test_bash_completes_options_and_their_values(complete: Callable[..., set[str]]) -> None:
    assert {"--dry-run", "--baselines", "--older-than", "--max-size"} <= complete("clean", "--")
    assert complete("diff", "--format", "") == {"text", "markdown", "json", "html"}
    formats = {"text", "markdown", "json", "html", "sarif", "gitlab"}
    assert complete("merge-reports", "--format", "") == formats


def test_bash_completes_the_files_of_flows(complete: Callable[..., set[str]]) -> None:
    for command in ("show", "python", "review", "accept", "merge-reports"):
        assert complete(command, "tr") == {"train.py"}


def test_zsh_gets_a_function_with_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("zsh", capsys)
    assert text.startswith("#compdef flowrepro\n")
    assert all(
        f"_shtab_flowrepro_{command.replace('-', '_')}_options" in text for command in COMMANDS
    )


def test_another_shell_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["--print-completion", "cmd"])
    assert "invalid choice: 'cmd'" in capsys.readouterr().err
