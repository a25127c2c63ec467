"""Write the comment of the action on a pull request, or update the one that is there.

It has the report of the check, and the changes of baselines in the pull request (`flowrepro diff`).
A hidden first line identifies it. A comment that cannot be written is a warning: the verdict is the
check's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

LIMIT = 65_536
"""Maximum number of characters of a comment on GitHub."""

COMMENTS = """\
query($owner: String!, $name: String!, $number: Int!, $endCursor: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      comments(first: 100, after: $endCursor) {
        nodes { id body viewerDidAuthor }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""
NODES = ".data.repository.pullRequest.comments.nodes[] | @json"

UPDATE = """\
mutation($id: ID!, $body: String!) {
  updateIssueComment(input: {id: $id, body: $body}) { clientMutationId }
}
"""


def main() -> None:
    marker = f"<!-- pytest-flowrepro: {os.environ['NAME']} -->\n"
    changes = baseline_changes()
    try:
        comment = find_comment(marker)
        # A first comment needs a reason; a later one may say that all is well again.
        if comment or changes or os.environ["EXIT_CODE"] != "0":
            write_comment(comment, marker + body(changes, limit=LIMIT - len(marker)))
    except (OSError, subprocess.CalledProcessError) as error:
        warn("The comment was not written", error)


def body(changes: str, *, limit: int) -> str:
    """Return the report of the check, the changes, and a link to the run.

    Parts that are too long together are left out as a whole, as a cut could be within a table. Each
    has at most 65,000 bytes.
    """
    file = Path(os.environ["REPORTS"], "report.md")
    report = file.read_text(encoding="utf-8") if file.is_file() else ""
    server, repository, run_id = (
        os.environ[f"GITHUB_{name}"] for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    link = f"[All reports of this run]({server}/{repository}/actions/runs/{run_id})\n"
    candidates = ((report, changes, link), (report, link), (changes, link))
    texts = ("\n".join(filter(None, parts)) for parts in candidates)
    return next((text for text in texts if len(text) <= limit), link)


def baseline_changes() -> str:
    """Return the changes since the base of the pull request; empty if there are none."""
    base = os.environ["BASE"]
    git = ("git", "-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential")
    try:
        if run("git", "cat-file", "-e", f"{base}^{{commit}}", allowed=(0, 1, 128)).returncode:
            run(*git, "fetch", "--quiet", "--no-tags", "--depth=1", "origin", base)
        flowrepro = str(Path(sys.executable).with_name("flowrepro"))
        done = run(flowrepro, "diff", base, "--format=markdown", allowed=(0, 1))
    except (OSError, subprocess.CalledProcessError) as error:
        warn("The baselines were not compared", error)
        return ""
    return done.stdout if done.returncode else ""


def find_comment(marker: str) -> str | None:
    """Return the id of the comment that an earlier run wrote."""
    owner, _, name = os.environ["GITHUB_REPOSITORY"].partition("/")
    fields = {"owner": owner, "name": name, "query": COMMENTS}
    options = [f"--raw-field={key}={value}" for key, value in fields.items()]
    number = f"--field=number={os.environ['NUMBER']}"
    done = run("gh", "api", "graphql", "--paginate", f"--jq={NODES}", number, *options)
    for node in map(json.loads, done.stdout.splitlines()):
        if node["viewerDidAuthor"] and node["body"].startswith(marker.strip()):
            return str(node["id"])
    return None


def write_comment(comment: str | None, text: str) -> None:
    """Write `text` into the comment with this id, or into a new one."""
    if comment is None:
        target = (os.environ["NUMBER"], "--repo", os.environ["GITHUB_REPOSITORY"])
        run("gh", "pr", "comment", *target, "--body-file=-", text=text)
    else:
        fields = (f"--raw-field=query={UPDATE}", f"--raw-field=id={comment}", "--field=body=@-")
        run("gh", "api", "graphql", *fields, text=text)


def run(
    *command: str, text: str = "", allowed: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[str]:
    """Run a command with `text` as its input; raise `CalledProcessError` for another exit code."""
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False)
    if done.returncode not in allowed:
        done.check_returncode()
    return done


def warn(what: str, error: OSError | subprocess.CalledProcessError) -> None:
    """Print a warning of GitHub, which is one line: https://docs.github.com/en/actions."""
    output = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else ""
    reason = f"{what}: {output or error}"
    escaped = reason.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    sys.stdout.write(f"::warning title=flow-repro::{escaped}\n")


if __name__ == "__main__":
    main()
