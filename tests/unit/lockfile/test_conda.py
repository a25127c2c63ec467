from __future__ import annotations

import importlib

import pytest

from pytest_flowrepro.lockfile.conda import (
    format_explicit,
    parse_conda,
    with_credentials,
)
from pytest_flowrepro.lockfile.pypi import InvalidLockError
from pytest_flowrepro.model import LockedArchive
from pytest_flowrepro.support.redaction import without_conda_credentials

A, B = "a" * 64, "b" * 64
FORGE = "https://conda.anaconda.org/conda-forge"
HEAD = "# platform: linux-64\n@EXPLICIT\n"


def test_a_lock_is_sorted_by_package_and_has_no_credentials() -> None:
    text = format_explicit(
        "linux-64",
        [
            (f"{FORGE}/linux-64/python-3.11.7-hab00c5b_0_cpython.conda", B),
            ("https://ann:hunter2@conda.corp/t/tk-123/private/noarch/frames-2.1-0.conda", A),
        ],
    )
    assert text == (
        f"{HEAD}https://conda.corp/private/noarch/frames-2.1-0.conda#{A}\n"
        f"{FORGE}/linux-64/python-3.11.7-hab00c5b_0_cpython.conda#{B}\n"
    )


def test_a_lock_is_read_back() -> None:
    lock = parse_conda(f"{HEAD}{FORGE}/linux-64/ca-certificates-2024.2.2-hbcca054_0.tar.bz2#{A}\n")
    assert lock.platform == "linux-64"
    assert lock.archives == (
        LockedArchive(
            name="ca-certificates",
            version="2024.2.2",
            build="hbcca054_0",
            subdir="linux-64",
            url=f"{FORGE}/linux-64/ca-certificates-2024.2.2-hbcca054_0.tar.bz2",
            sha256=A,
        ),
    )


@pytest.mark.conda
def test_rattler_reads_it_as_an_explicit_environment() -> None:
    explicit = importlib.import_module("rattler.explicit_environment")
    url = f"{FORGE}/noarch/six-1.16.0-0.conda"
    read = explicit.ExplicitEnvironmentSpec.from_str(format_explicit("linux-64", [(url, A)]))
    assert str(read.platform) == "linux-64"
    assert [entry.url for entry in read.packages] == [f"{url}#{A}"]


SIX = f"{FORGE}/noarch/six-1.16.0-0.conda"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{HEAD}{SIX}\n", "line 3: not an archive of a channel with its sha256"),
        (f"{HEAD}{SIX}#{A[:32]}\n", "line 3: not an archive of a channel with its sha256"),
        (f"{HEAD}six==1.16.0\n", "line 3: not an archive of a channel with its sha256"),
        (f"{HEAD}--channel https://evil\n", "line 3: not an archive of a channel with its sha256"),
        (f"{HEAD}ftp://x/noarch/six-1-0.conda#{A}\n", "line 3: not an archive"),
        (f"{HEAD}{FORGE}/noarch/six.conda#{A}\n", "line 3: not an archive"),
        (f"{HEAD}https://u:p@x/noarch/six-1-0.conda#{A}\n", "line 3: credentials are not"),
        (f"{HEAD}https://x/t/tk-1/c/noarch/six-1-0.conda#{A}\n", "line 3: credentials are"),
        (f"{HEAD}<<<<<<< HEAD\n{SIX}#{A}\n", "line 3: not an archive"),
        (f"{HEAD}{SIX}#{A}\n{SIX}#{A}"[:-9], "line 4: not an archive"),
        (f"{HEAD}https://x/noarch/../six-1-0.conda#{A}\n", "line 3: not an archive"),
        (f"{HEAD}{SIX}#{A}\n{FORGE}/noarch/six-1.15.0-0.conda#{B}\n", "line 4: six is a duplicate"),
        (f"@EXPLICIT\n{SIX}#{A}\n", "the platform is missing"),
        (HEAD, "it does not have any packages"),
        ("", "the platform is missing"),
    ],
)
def test_what_is_not_a_lock_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidLockError) as error:
        parse_conda(text)
    assert error.value.problems[0].startswith(problem)


def test_credentials_go_back_to_the_channel_that_they_are_of_and_to_no_other() -> None:
    channels = ["https://ann:hunter2@conda.corp/t/tk-123/private", FORGE]
    private = "https://conda.corp/private/noarch/six-1.16.0-0.conda"
    assert with_credentials(private, channels) == (
        "https://ann:hunter2@conda.corp/t/tk-123/private/noarch/six-1.16.0-0.conda"
    )
    for other in (
        "https://conda.corp/private-too/noarch/six-1.16.0-0.conda",
        "https://conda.corp.evil/private/noarch/six-1.16.0-0.conda",
        SIX,
    ):
        assert with_credentials(other, channels) == other


def test_credentials_are_taken_out_of_a_text() -> None:
    text = "error sending request for url (https://u:p@h/t/tk-1/ch/noarch/repodata.json)"
    assert without_conda_credentials(text) == (
        "error sending request for url (https://h/ch/noarch/repodata.json)"
    )
