from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from recordings import recording

from pytest_flowrepro.environment import begin_use, end_use, note_complete
from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.pipeline import Job, Observation
from pytest_flowrepro.pipeline.apart import run_apart_if_edited
from pytest_flowrepro.settings.settings import Settings
from pytest_flowrepro.support.errors import RerunError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass
class Session:
    """Two jobs of one session and the environment that both have."""

    folder: Path
    seen: list[Path] = field(default_factory=list)

    def job(self, name: str) -> Job:
        return Job(
            flow=FlowSource(file=self.folder / "flow.py", name=name, lineno=1, steps=()),
            case=None,
            settings=Settings(file=self.folder / "pyproject.toml").for_flow(name),
            root=self.folder,
            folder=self.folder / name,
            environments=self.folder / "environments",
            resolutions=self.folder / "resolutions",
        )

    def environment(self, job: Job) -> Path:
        """As a build gives it: the first that was not edited."""
        place = job.environments / "aa-0"
        if not place.exists():
            place.mkdir(parents=True)
            (place / "six.py").write_text("original")
            note_complete(place)
        begin_use(place, key=str(job.folder), title=job.title)
        return place

    def run(self, job: Job, during: Callable[[Path], object]) -> Observation:
        def attempt(one: Job) -> Observation:
            self.seen.append(one.environments)
            place = self.environment(one)
            text = (place / "six.py").read_text()
            during(place)
            return replace(OBSERVATION, output=text)

        return run_apart_if_edited(job, attempt)


OBSERVATION = Observation(
    recording=recording(), logs=(), failure=None, output="", seconds=(), notes=("a note",)
)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def edit(place: Path) -> None:
    (place / "six.py").write_text("edited")


def nothing(_: Path) -> None:
    pass


def test_a_flow_that_ran_during_an_edit_runs_again_alone(session: Session) -> None:
    patch, plain = session.job("PatchFlow"), session.job("PlainFlow")
    shared = session.environment(patch)

    found = session.run(plain, lambda place: edit(shared) if place == shared else None)

    assert session.seen == [session.folder / "environments", plain.folder / "environments"]
    assert found.output == "original"
    assert found.notes == (
        "a note",
        (
            "PlainFlow ran again in a separate environment: PatchFlow used the same one at the "
            "same time, and installed files were changed there"
        ),
    )


def test_a_flow_that_runs_before_another_is_a_part_of_it(session: Session) -> None:
    session.environment(session.job("PatchFlow"))
    job = session.job("PlainFlow")

    def run_before(place: Path) -> None:
        session.environment(replace(job, folder=job.folder / "before" / "OtherFlow"))
        edit(place)

    session.run(job, run_before)
    assert len(session.seen) == 2


def test_the_flow_that_edits_runs_again_too_and_then_alone(session: Session) -> None:
    session.environment(session.job("PlainFlow"))
    session.run(session.job("PatchFlow"), edit)
    assert len(session.seen) == 2


def test_an_edit_that_was_undone_meanwhile_counts(session: Session) -> None:
    session.environment(session.job("PatchFlow"))

    def edit_and_restore(place: Path) -> None:
        edit(place)
        (place / "six.py").write_text("original")

    session.run(session.job("PlainFlow"), edit_and_restore)
    assert len(session.seen) == 2


def test_a_failure_during_an_edit_is_not_the_flows_own(session: Session) -> None:
    session.environment(session.job("PatchFlow"))

    def fail_at_first(place: Path) -> None:
        if len(session.seen) == 1:
            edit(place)
            raise RerunError("broken by the edit", hint="")

    assert session.run(session.job("PlainFlow"), fail_at_first).output == "original"


@pytest.mark.parametrize("during", [edit, nothing])
def test_a_flow_that_runs_by_itself_runs_once(
    session: Session, during: Callable[[Path], object]
) -> None:
    before = session.job("BeforeFlow")
    place = session.environment(before)
    end_use(place, key=str(before.folder))
    session.run(session.job("PatchFlow"), during)
    session.environment(session.job("AfterFlow"))
    assert len(session.seen) == 1


def test_flows_side_by_side_that_edit_nothing_run_once(session: Session) -> None:
    session.environment(session.job("OtherFlow"))
    assert session.run(session.job("PlainFlow"), nothing).notes == ("a note",)
    assert len(session.seen) == 1


def test_an_error_of_a_flow_by_itself_is_its_own(session: Session) -> None:
    def fail(_: Path) -> None:
        raise RerunError("broken", hint="")

    with pytest.raises(RerunError, match="broken"):
        session.run(session.job("PlainFlow"), fail)
    assert len(session.seen) == 1
