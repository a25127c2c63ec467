from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_stages import job_of
from local_index import only_index, wheel
from locks import locked
from requirement_lines import requirement_lines

from pytest_flowrepro.model import Constraints, Requirements
from pytest_flowrepro.pipeline import resolution
from pytest_flowrepro.pipeline.resolution import resolve
from pytest_flowrepro.pipeline.stages import STAGES
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pytest_flowrepro.model import Lock
    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.pipeline.stages import Stages


def test_all_tests_of_a_session_speak_of_one_fresh_resolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = locked("alpha==0.9")
    asked = Requirements(requirements=requirement_lines("alpha"), source="uv.lock", locked=own)
    python = Path(sys.executable)
    fresh = job_of(tmp_path / "project", fresh=True)
    with only_index(monkeypatch, tmp_path) as index:
        index.add(wheel("alpha", "1.0"))
        index.add(wheel("beta", "1.0"))
        first = resolve(fresh, STAGES, asked, python)
        index.add(wheel("alpha", "2.0"))
        assert resolve(fresh, STAGES, asked, python) == first
        assert first.text.startswith("alpha==1.0 ")

        other = resolve(
            fresh, STAGES, replace(asked, requirements=requirement_lines("beta")), python
        )
        assert other.text.startswith("beta==1.0 "), "of other requirements"
        another = replace(fresh, folder=tmp_path / "another")
        assert resolve(another, STAGES, asked, python) == first, "of another flow"
        later = replace(fresh, resolutions=tmp_path / "later")
        assert resolve(later, STAGES, asked, python).text.startswith("alpha==2.0 "), (
            "of another session"
        )
        assert resolve(replace(fresh, fresh=False), STAGES, asked, python) is own


ASKED = Requirements(requirements=requirement_lines("alpha"), source="requirements.txt")
PYTHON = Path(sys.executable)


@dataclass
class CountingResolver:
    """A resolution that is counted."""

    error: LockError | None = None
    asked: list[Requirements] = field(default_factory=list)

    @property
    def stages(self) -> Stages:
        return replace(STAGES, resolve=self.resolve)

    def resolve(self, _: Job, requirements: Requirements, __: Path | None, ___: Path) -> Lock:
        self.asked.append(requirements)
        time.sleep(0.05)
        if self.error is not None:
            raise self.error
        return replace(locked("alpha==1.0"), notes=("as alpha says",))


def jobs_of(tmp_path: Path, number: int, **more: object) -> list[Job]:
    job = job_of(tmp_path / "project", **more)
    return [replace(job, folder=tmp_path / f"flow-{n}") for n in range(number)]


@pytest.mark.parametrize("fresh", [False, True], ids=["recording", "fresh check"])
def test_equal_requirements_of_a_session_are_resolved_once(tmp_path: Path, fresh: bool) -> None:
    counting = CountingResolver()

    def resolve_one(job: Job) -> Lock:
        place = f"{job.folder.name}.py (PEP 723)"  # only named in messages
        return resolve(job, counting.stages, replace(ASKED, source=place, notes=(place,)), PYTHON)

    jobs = jobs_of(tmp_path, 8, fresh=fresh, recording=True)
    with ThreadPoolExecutor(4) as pool:
        locks = {lock.text: lock.notes for lock in pool.map(resolve_one, jobs)}
    assert locks == {locked("alpha==1.0").text: ("as alpha says",)}
    assert len(counting.asked) == 1


def test_a_resolution_of_anything_else_is_another(tmp_path: Path) -> None:
    counting = CountingResolver()
    (job,) = jobs_of(tmp_path, 1)
    constraints = Constraints.of("constraints.txt", requirement_lines("beta<2"))
    asked = [
        (job, ASKED, PYTHON),
        (job, replace(ASKED, requirements=requirement_lines("alpha", "beta")), PYTHON),
        (job, replace(ASKED, constraints=(constraints,)), PYTHON),
        (job, ASKED, tmp_path / "python"),
        (replace(job, installer="pip-tools"), ASKED, PYTHON),
        (replace(job, as_of=date(2026, 3, 1)), ASKED, PYTHON),
    ]
    for _ in range(2):
        for its_job, requirements, python in asked:
            resolve(its_job, counting.stages, requirements, python)
    assert len(counting.asked) == len(asked)


def test_a_failed_resolution_fails_for_each_of_its_flows(tmp_path: Path) -> None:
    error = LockError("no such package: alpha", hint="correct it", detail="because")
    counting = CountingResolver(error=error)
    for job in jobs_of(tmp_path, 3):
        with pytest.raises(LockError, match="no such package: alpha") as caught:
            resolve(job, counting.stages, ASKED, PYTHON)
        assert (caught.value.hint, caught.value.detail) == ("correct it", "because")
    assert len(counting.asked) == 1
    with pytest.raises(LockError):
        resolve(job, counting.stages, replace(ASKED, source="pyproject.toml"), PYTHON)
    assert len(counting.asked) == 2, "for the message names the other file"


def test_an_error_of_the_system_is_no_answer_about_the_requirements(tmp_path: Path) -> None:
    error = LockError("The folder cannot be written", hint="make room")
    error.__cause__ = OSError("full")
    counting = CountingResolver(error=error)
    first, second = jobs_of(tmp_path, 2)
    with pytest.raises(LockError):
        resolve(first, counting.stages, ASKED, PYTHON)
    counting.error = None
    assert resolve(second, counting.stages, ASKED, PYTHON).text == locked("alpha==1.0").text


def test_the_tool_and_the_day_that_are_asked_for_are_those_of_the_resolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = date(2026, 3, 1)

    class Resolver:
        def resolve(self, requirements: Requirements, *, as_of: date | None, **_: object) -> Lock:
            assert (requirements, as_of) == (asked, day)
            return locked("alpha==1.0")

    monkeypatch.setattr(resolution, "resolver", {"pip-tools": Resolver()}.__getitem__)
    asked = Requirements(requirements=requirement_lines("alpha"), source="requirements.txt")
    job = job_of(tmp_path / "project", as_of=day, installer="pip-tools")
    lock = STAGES.resolve(job, asked, Path(sys.executable), job.folder)
    assert lock.text.startswith("alpha==1.0 ")
