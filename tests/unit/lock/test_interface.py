"""What every resolver does, with the real tools and an index of our own."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import pip
import pytest
from local_index import PASSWORD, LocalIndex, only_index, sha256, use_index, wheel
from locks import locked
from requirement_lines import requirement_lines

from pytest_flowrepro.lock import resolver, without_given
from pytest_flowrepro.lock.pip_tools import one_platform_header
from pytest_flowrepro.model import Constraints, PypiLock, Requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator

Tool: TypeAlias = Literal["uv", "pip-tools"]

both = pytest.mark.parametrize("tool", ["uv", "pip-tools"])


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    monkeypatch.chdir(tmp_path)
    with only_index(monkeypatch, tmp_path) as index:
        index.add(wheel("alpha", "1.0"))
        index.add(wheel("alpha", "2.0", requires=["beta<2"]))
        index.add(wheel("beta", "1.0"))
        index.add(wheel("beta", "2.0"))
        index.files["beta-3.0.tar.gz"] = b"a source distribution"
        index.files["source_only-1.0.tar.gz"] = b"a source distribution"
        yield index


def resolve(
    tool: Tool,
    *lines: str,
    constraints: tuple[str, ...] = (),
    timeout: float = 60,
    as_of: date | None = None,
    given: tuple[tuple[str, str], ...] = (),
) -> PypiLock:
    workspace = Path.cwd() / "workspace"
    workspace.mkdir(exist_ok=True)
    narrowed = (Constraints.of("limits.txt", requirement_lines(*constraints)),)
    requirements = Requirements(
        requirements=requirement_lines(*lines),
        source="requirements.txt",
        constraints=narrowed,
        given=given,
    )
    return resolver(tool).resolve(
        requirements,
        python=Path(sys.executable),
        workspace=workspace,
        timeout=timeout,
        as_of=as_of,
    )


@both
def test_a_lock_has_versions_hashes_and_reasons_and_nothing_else(
    tool: Tool, index: LocalIndex
) -> None:
    alpha = index.lock("alpha-2.0-py3-none-any.whl")
    beta = index.lock("beta-1.0-py3-none-any.whl")

    head = "" if tool == "uv" else f"{one_platform_header()}\n"
    assert resolve(tool, "alpha").text == (
        f"{head}{alpha}    # via -r requirements.in\n{beta}    # via alpha\n"
    )


@both
def test_a_wheel_from_a_url_is_locked_with_its_hash(tool: Tool, index: LocalIndex) -> None:
    url = f"{index.url.removesuffix('simple')}files/beta-1.0-py3-none-any.whl"

    (beta,) = resolve(tool, f"beta @ {url}").packages

    assert (beta.version, beta.url) == ("1.0", url)
    assert f"--hash={beta.hashes[0]}" in index.lock("beta-1.0-py3-none-any.whl")


@both
def test_what_is_given_is_kept_to_and_needs_no_index(tool: Tool) -> None:
    given = (("beta", "1.5"), ("gamma", "2.1.0.post300"))
    lock = resolve(tool, "alpha>=2", "gamma", given=given)

    pins = [package.pin for package in lock.packages]
    assert pins == ["alpha==2.0", "beta==1.5+conda", "gamma==2.1.0.post300+conda"]
    left = without_given(lock)
    assert left is not None
    assert [package.pin for package in left.packages] == ["alpha==2.0"]
    with pytest.raises(LockError, match=r"beta==2\.0\+conda") as error:
        resolve(tool, "alpha>=2", "beta<2", given=(("beta", "2.0"),))
    assert error.value.hint.startswith("require another version of the packages marked `+conda`")


@both
def test_what_was_locked_before_does_not_hold_a_new_lock_back(
    tool: Tool, index: LocalIndex
) -> None:
    assert "beta==2.0" in resolve(tool, "beta").text

    index.add(wheel("beta", "2.5"))
    assert "beta==2.5" in resolve(tool, "beta").text


@both
def test_a_declaration_that_is_a_lock_is_not_resolved_unless_as_of_a_day(
    tool: Tool, tmp_path: Path
) -> None:
    lock = locked("beta==1.0")
    requirements = Requirements(
        requirements=requirement_lines("beta"), source="uv.lock", locked=lock
    )

    def resolved(as_of: date | None) -> PypiLock:
        return resolver(tool).resolve(
            requirements, python=Path(sys.executable), workspace=tmp_path, timeout=60, as_of=as_of
        )

    assert resolved(None) is lock
    with pytest.raises(LockError):  # the index gives no days
        resolved(date(2024, 1, 1))


@both
def test_constraints_limit_and_do_not_add(tool: Tool) -> None:
    lock = resolve(tool, "beta", constraints=("beta<2", "alpha<2"))

    assert "beta==1.0" in lock.text
    assert "alpha" not in lock.text


@both
@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (("nowhere",), "requirements.txt: no index has a package nowhere"),
        (("beta==9",), "requirements.txt: no version beta==9 exists"),
    ],
)
def test_what_cannot_be_resolved_is_reported(tool: Tool, lines: tuple[str, ...], what: str) -> None:
    with pytest.raises(LockError) as caught:
        resolve(tool, *lines)

    assert caught.value.what.startswith(what)
    assert "Traceback" not in caught.value.detail
    assert PASSWORD not in str(caught.value)


@both
def test_yanked_versions_are_taken_only_where_they_are_pinned(
    tool: Tool, index: LocalIndex
) -> None:
    index.yanked.add("alpha-2.0-py3-none-any.whl")
    assert "alpha==1.0" in resolve(tool, "alpha").text
    assert "alpha==2.0" in resolve(tool, "alpha==2.0").text

    index.yanked.add("alpha-1.0-py3-none-any.whl")
    with pytest.raises(LockError, match=r"all matching versions of alpha are yanked") as caught:
        resolve(tool, "alpha")
    assert "pin a yanked one with `==`" in caught.value.hint


@both
def test_a_conflict_is_reported_with_who_asks_for_what(tool: Tool) -> None:
    with pytest.raises(LockError, match="these requirements conflict") as caught:
        resolve(tool, "alpha==2.0", "beta>=2")

    assert "beta<2" in caught.value.detail
    assert "beta>=2" in caught.value.detail
    assert "Traceback" not in caught.value.detail


@both
def test_a_package_without_wheels_is_refused_when_it_is_locked(tool: Tool) -> None:
    with pytest.raises(LockError) as caught:
        resolve(tool, "source-only")

    assert "source-only" in caught.value.what
    assert ("only an sdist" in caught.value.what) is (tool == "uv")


@both
@pytest.mark.parametrize("source", [(), ("other-1.0.tar.gz",)])
def test_a_package_with_wheels_for_other_pythons_only_is_reported_so(
    tool: Tool, index: LocalIndex, source: tuple[str, ...]
) -> None:
    index.files["other-1.0-cp38-cp38-any.whl"] = wheel("other", "1.0")[1]
    index.files.update(dict.fromkeys(source, b"a source distribution"))

    with pytest.raises(LockError, match=r"has no|with a wheel for this Python") as caught:
        resolve(tool, "other==1.0")

    assert "other" in caught.value.what
    assert "wheel for this Python" in caught.value.what


@both
@pytest.mark.parametrize(
    ("status", "what"), [(503, "cannot be reached"), (401, "refuses access (401 or 403)")]
)
def test_an_index_that_does_not_answer_is_not_a_missing_package(
    tool: Tool, index: LocalIndex, status: int, what: str
) -> None:
    index.status = status

    with pytest.raises(LockError) as caught:
        resolve(tool, "beta")

    assert what in caught.value.what
    assert PASSWORD not in str(caught.value)


@both
def test_an_index_that_is_down_is_reported(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    use_index(monkeypatch, "http://127.0.0.1:9/simple")

    with pytest.raises(LockError, match=r"The package index at 127\.0\.0\.1:9 cannot be reached"):
        resolve(tool, "beta")


PIP_KNOWS_UPLOAD_TIMES = int(pip.__version__.partition(".")[0]) >= 26

ALPHA = ("alpha-1.0-py3-none-any.whl", "alpha-2.0-py3-none-any.whl")
TIMES = ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z")


@both
def test_the_past_is_what_the_index_says_was_uploaded_by_then(
    tool: Tool, index: LocalIndex
) -> None:
    index.uploaded = dict(zip(ALPHA, TIMES, strict=True))
    if tool == "pip-tools" and not PIP_KNOWS_UPLOAD_TIMES:
        with pytest.raises(
            LockError, match=r"the installed pip cannot resolve as of a day"
        ) as caught:
            resolve(tool, "alpha", as_of=date(2024, 12, 31))
        assert "install pip 26 or newer" in caught.value.hint
        return

    assert "alpha==1.0" in resolve(tool, "alpha", as_of=date(2024, 12, 31)).text
    with pytest.raises(LockError, match=r"alpha.* as of 2020-01-01") as caught:
        resolve(tool, "alpha", as_of=date(2020, 1, 1))
    assert "or without one" in caught.value.hint


@pytest.fixture
def dated(index: LocalIndex) -> LocalIndex:
    """The index with days, the second release of each package newer than the first."""
    index.add(wheel("gamma", "1.0"))
    index.add(wheel("gamma", "2.0"))
    index.uploaded = {name: TIMES["-1.0" not in name] for name in index.files}
    return index


knows_days = pytest.mark.parametrize(
    "tool",
    [
        "uv",
        pytest.param(
            "pip-tools",
            marks=pytest.mark.skipif(not PIP_KNOWS_UPLOAD_TIMES, reason="pip 26 added the option"),
        ),
    ],
)


@knows_days
def test_a_package_that_is_pinned_to_a_newer_release_is_exempt_from_the_day(
    tool: Tool, dated: LocalIndex
) -> None:
    lock = resolve(tool, "alpha==2.0", "gamma", as_of=date(2024, 6, 1))

    pins = [package.pin for package in lock.packages]
    assert pins == ["alpha==2.0", "beta==1.0", "gamma==1.0"]
    assert [*lock.notes] == [
        (
            "alpha is exempt from --flow-repro-as-of 2024-06-01: it is pinned to 2.0, which was "
            "uploaded on 2025-01-01"
        ),
    ]
    assert f"--hash=sha256:{sha256(dated.files['alpha-2.0-py3-none-any.whl'])}" in lock.text
    assert "exempt" not in lock.text
    assert resolve(tool, "alpha==1.0", as_of=date(2024, 6, 1)).notes == ()


@knows_days
@pytest.mark.usefixtures("dated")
def test_what_an_exempt_package_requires_is_not_exempt(tool: Tool) -> None:
    with pytest.raises(LockError, match=r"as of 2024-06-01"):
        resolve(tool, "alpha==2.0", "gamma>1", as_of=date(2024, 6, 1))


@pytest.mark.parametrize(
    ("tool", "what"),
    [
        ("uv", "no version alpha exists as of 2024-06-01"),
        pytest.param(
            "pip-tools",
            "the package index has no upload times",
            marks=pytest.mark.skipif(not PIP_KNOWS_UPLOAD_TIMES, reason="pip 26 added the option"),
        ),
    ],
)
def test_an_index_without_upload_times_has_no_past(tool: Tool, what: str) -> None:
    with pytest.raises(LockError, match=what) as caught:
        resolve(tool, "alpha", as_of=date(2024, 6, 1))

    assert "upload time" in caught.value.hint
    assert PASSWORD not in str(caught.value)
    assert "Traceback" not in caught.value.detail


@both
def test_an_index_that_hangs_ends_with_the_deadline(tool: Tool, index: LocalIndex) -> None:
    index.hangs = True

    with pytest.raises(LockError, match=r"did not finish locking requirements\.txt: stopped"):
        resolve(tool, "beta", timeout=0.5)


@both
def test_an_interpreter_that_does_not_run_is_reported(tool: Tool, tmp_path: Path) -> None:
    with pytest.raises(LockError, match="cannot be started"):
        resolver(tool).resolve(
            Requirements(requirements=requirement_lines("beta"), source="requirements.txt"),
            python=tmp_path / "no-python",
            workspace=tmp_path,
            timeout=5,
        )
