"""The comment of the action, with a `gh` that keeps what it is asked."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from recorded_repository import FLOW, GIT_ENVIRONMENT, MOVED, commit, git, record
from recordings import recording

if TYPE_CHECKING:
    from pathlib import Path

    from ci_files import Runner

MARKER = "<!-- pytest-flowrepro: flow-repro -->"
CHECK = "### Flow reproducibility: 1 drifted\n"
LINK = "[All reports of this run](https://github.com/ada/shop/actions/runs/7)\n"

GH = """\
calls=("$GH_LOG"/*)
printf '%s\\0' "$@" > "$GH_LOG/${#calls[@]}-arguments"
case "$*" in
  *--paginate*) cat "$GH_LOG/comments" ;;
  *) cat > "$GH_LOG/body"; exit "$(cat "$GH_LOG/status")" ;;
esac"""


@pytest.fixture
def gh(runner: Runner, tmp_path: Path) -> Path:
    """The folder of the fake: the comments and the status that it answers, and what it got."""
    folder = tmp_path / "gh"
    folder.mkdir()
    (folder / "comments").touch()
    (folder / "status").write_text("0")
    runner.install("gh", GH)
    return folder


def asked(gh: Path) -> list[list[str]]:
    files = sorted(gh.glob("*-arguments"))
    return [file.read_text().removesuffix("\0").split("\0") for file in files]


@pytest.fixture
def base(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commit that the pull request is for, in the project's repository."""
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    project = runner.project
    (project / "flows").mkdir()
    (project / "flows/train.py").write_text(FLOW.format(name="TrainFlow"))
    record(project, recording())
    git(project, "init", "--quiet", "--initial-branch=main")
    commit(project)
    return head_of(project)


def head_of(project: Path) -> str:
    return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=project, text=True).strip()


@pytest.fixture
def comment(runner: Runner, gh: Path, base: str, tmp_path: Path) -> Comment:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/report.md").write_text(CHECK)
    return Comment(runner, gh, base)


class Comment:
    def __init__(self, runner: Runner, gh: Path, base: str) -> None:
        self.runner, self.gh, self.base = runner, gh, base

    def write(self, exit_code: int = 1, **environment: str) -> str:
        """Run the script; return what it printed, and assert that it does not fail."""
        variables = {
            "BASE": self.base,
            "EXIT_CODE": str(exit_code),
            "GH_LOG": str(self.gh),
            "GITHUB_REPOSITORY": "ada/shop",
            "GITHUB_RUN_ID": "7",
            "GITHUB_SERVER_URL": "https://github.com",
            "NAME": "flow-repro",
            "NUMBER": "12",
        }
        done = self.runner.run_script("comment.py", **variables | environment)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def have(self, *nodes: dict[str, Any]) -> None:
        """Let these comments be on the pull request, as `gh api --jq` prints them."""
        (self.gh / "comments").write_text("".join(f"{json.dumps(node)}\n" for node in nodes))

    @property
    def body(self) -> str:
        return (self.gh / "body").read_text()

    @property
    def is_written(self) -> bool:
        return (self.gh / "body").exists()


def node(name: str, body: str, *, own: bool = True) -> dict[str, Any]:
    return {"id": name, "body": body, "viewerDidAuthor": own}


def test_the_first_comment_is_new(comment: Comment) -> None:
    assert comment.write() == ""
    _, create = asked(comment.gh)
    assert create == ["pr", "comment", "12", "--repo", "ada/shop", "--body-file=-"]
    assert comment.body == f"{MARKER}\n{CHECK}\n{LINK}"


def test_later_ones_replace_its_text(comment: Comment) -> None:
    comment.have(
        node("other", "Looks good"),
        node("copied", f"{MARKER}\nby somebody", own=False),
        node("quoted", f"> {MARKER}"),
        node("another-job", MARKER.replace("repro -", "repro-gpu -")),
        node("mine", f"{MARKER}\r\nold text"),
        node("later", f"{MARKER}\n"),
    )
    assert comment.write(exit_code=0) == ""
    search, update = asked(comment.gh)
    assert {"--field=number=12", "--raw-field=owner=ada", "--raw-field=name=shop"} <= {*search}
    assert "--raw-field=id=mine" in update
    assert "--field=body=@-" in update
    assert comment.body == f"{MARKER}\n{CHECK}\n{LINK}"


def test_a_check_that_passes_is_no_reason_for_a_first_comment(comment: Comment) -> None:
    assert comment.write(exit_code=0) == ""
    assert not comment.is_written


def test_changed_baselines_are_a_reason(comment: Comment) -> None:
    record(comment.runner.project, MOVED)
    commit(comment.runner.project)
    assert comment.write(exit_code=0) == ""
    check, changes = comment.body.split("### Flow baselines: ")
    assert check == f"{MARKER}\n{CHECK}\n"
    assert "start.rows" in changes
    assert changes.endswith(f"\n\n{LINK}")


def test_each_name_has_its_own_comment(comment: Comment) -> None:
    comment.have(node("mine", MARKER))
    comment.write(NAME="flow-repro-gpu")
    assert comment.body.startswith("<!-- pytest-flowrepro: flow-repro-gpu -->\n")
    assert asked(comment.gh)[1][:2] == ["pr", "comment"]


@pytest.mark.parametrize(
    ("report", "parts"), [("ä" * 65_000, "report"), ("ä" * 65_500, "changes"), ("", "changes")]
)
def test_a_part_that_is_too_long_is_left_out(comment: Comment, report: str, parts: str) -> None:
    (comment.runner.project.parent / "reports/report.md").write_text(report)
    record(comment.runner.project, MOVED)
    comment.write()
    assert len(comment.body) <= 65_536
    assert (report in comment.body) == (parts == "report" or not report)
    assert ("### Flow baselines: " in comment.body) == (parts == "changes")
    assert comment.body.endswith(f"\n{LINK}")


def test_a_check_without_a_report_still_has_the_link(comment: Comment) -> None:
    (comment.runner.project.parent / "reports/report.md").unlink()
    comment.write(exit_code=3)
    assert comment.body == f"{MARKER}\n{LINK}"


def test_a_comment_that_cannot_be_written_is_a_warning(comment: Comment) -> None:
    refused = "echo 'HTTP 403: 100% refused' >&2; echo more >&2; exit 1"
    comment.runner.install("gh", refused)
    assert comment.write() == (
        "::warning title=flow-repro::The comment was not written: HTTP 403: 100%25 refused%0Amore\n"
    )
    comment.runner.install("gh", GH)
    (comment.gh / "status").write_text("1")
    assert comment.write().startswith("::warning title=flow-repro::The comment was not written: ")


def test_a_base_that_is_missing_in_a_shallow_clone_is_fetched(
    comment: Comment, tmp_path: Path
) -> None:
    record(comment.runner.project, MOVED)
    commit(comment.runner.project)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{comment.runner.project}", str(clone))
    comment.runner.project = clone
    assert comment.write() == ""
    assert "### Flow baselines: 1 drifted" in comment.body


def test_baselines_that_cannot_be_compared_are_a_warning(comment: Comment) -> None:
    printed = comment.write(BASE="0" * 40)
    assert printed.startswith("::warning title=flow-repro::The baselines were not compared: ")
    assert comment.body == f"{MARKER}\n{CHECK}\n{LINK}"


def test_the_whole_repository_is_compared(comment: Comment) -> None:
    record(comment.runner.project, replace(recording(), flow="NewFlow"), file="other/new.py")
    comment.runner.project /= "flows"
    comment.write(exit_code=0)
    assert "other/new.py::NewFlow" in comment.body
