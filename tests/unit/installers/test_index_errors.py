from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from local_index import only_index, wheel

from pytest_flowrepro.installers.index_errors import excerpt, outer_trouble, pip_fetch_failures
from pytest_flowrepro.support.redaction import without_credentials

if TYPE_CHECKING:
    from pathlib import Path

NOTHING_FOUND = (
    "ERROR: Could not find a version that satisfies the requirement six==1 (from versions: none)"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at https://bob:hunter2@host/simple", "at https://host/simple"),
        ("https://token@host/a and http://u:p@other/b", "https://host/a and http://other/b"),
        ("'https://bob:raw@sign@host/simple'", "'https://host/simple'"),
        ("https://host/@scope/name", "https://host/@scope/name"),
        ("mail bob@host", "mail bob@host"),
        ("git+ssh://git:key@host/repo", "git+ssh://host/repo"),
    ],
)
def test_no_url_keeps_its_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@pytest.mark.parametrize(
    ("output", "what"),
    [
        (
            "error: Failed to fetch: http://pypi.corp/simple/six/\n  cause: error sending request",
            "The package index at pypi.corp cannot be reached",
        ),
        (
            (
                "WARNING: Retrying after connection broken by 'NewConnectionError("
                "\"HTTPConnection(host='10.0.0.1', port=9): Failed to establish a new connection"
            ),
            "The package index at 10.0.0.1 cannot be reached",
        ),
        (
            "  cause: HTTP status server error (503 Service Unavailable) for url (http://a/b)",
            "The package index at a cannot be reached",
        ),
        (
            (
                "hint: An index URL (http://bob:pw@a:80/simple) could not be queried due to a lack "
                "of valid authentication credentials (401 Unauthorized)"
            ),
            "The package index at a:80 refuses access (401 or 403)",
        ),
        (
            "WARNING: 401 Error, Credentials not correct for http://a/simple/beta/",
            "The package index at a refuses access (401 or 403)",
        ),
        (
            (
                'ERROR: Could not install packages due to an OSError: ("Connection broken: '
                "OSError(28, 'No space left on device')\")"
            ),
            "The disk is full",
        ),
        ("cause: failed to copy file: Disk quota exceeded (os error 122)", "The disk is full"),
        ("Because six was not found in the package registry", None),
        (NOTHING_FOUND, None),
    ],
)
def test_a_disk_or_an_index_that_fails_is_distinguished_from_a_missing_package(
    output: str, what: str | None
) -> None:
    trouble = outer_trouble(output)

    assert (trouble and trouble[0][: len(what or "")]) == what


def test_an_excerpt_has_neither_progress_nor_a_traceback() -> None:
    output = (
        "Looking in indexes: https://bob:****@host/simple\n"
        "Collecting six\n"
        "  ERROR: Could not find a version\n"
        "Traceback (most recent call last):\n"
        '  File "resolver.py", line 1, in resolve\n'
        "    raise error\n"
        "pip._vendor.exceptions.RequirementsConflicted: six\n"
        "\n"
        "The above exception was the direct cause of the following exception:\n"
        "\n"
        "Traceback (most recent call last):\n"
        '  File "resolver.py", line 2, in resolve\n'
        "pip._internal.exceptions.DistributionNotFound: No matching distribution\n"
    )

    assert excerpt(output) == "  ERROR: Could not find a version"


def test_where_there_is_a_traceback_only_its_last_line_is_what_is_said() -> None:
    output = (
        "Looking in indexes: https://bob:hunter2@host/simple\n"
        "Traceback (most recent call last):\n"
        '  File "finder.py", line 1, in find\n'
        "InstallationError: Index https://bob:hunter2@host/six/ gives no times\n"
    )

    assert excerpt(output) == "InstallationError: Index https://host/six/ gives no times"


def test_an_excerpt_keeps_the_last_lines_of_a_long_output() -> None:
    lines = excerpt("\n".join(f"reason {number}" for number in range(1000))).splitlines()

    assert lines[0] == "[... 975 lines left out ...]"
    assert lines[-1] == "reason 999"
    assert len(lines) == 26


@pytest.mark.parametrize(("status", "told"), [(503, True), (None, False)])
def test_pip_is_asked_again_for_what_it_kept_to_itself(
    status: int | None, *, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with only_index(monkeypatch, tmp_path) as index:
        index.add(wheel("idna", "3.0"))
        index.status = status
        failures = pip_fetch_failures(NOTHING_FOUND, workspace=tmp_path, timeout=30)

    assert ("Could not fetch URL" in failures) is told


def test_pip_is_not_asked_again_when_it_gave_a_reason(tmp_path: Path) -> None:
    assert not pip_fetch_failures("ERROR: ResolutionImpossible", workspace=tmp_path, timeout=0)
