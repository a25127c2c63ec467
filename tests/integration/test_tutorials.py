"""Metaflow's own tutorials, out of the installed wheel: recorded, then checked."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest
from local_channel import Channel

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project


def copy_tutorial(metaflow_python: Path, name: str, project: Project) -> None:
    (source,) = metaflow_python.parent.parent.glob(f"lib/*/site-packages/metaflow/tutorials/{name}")
    shutil.copytree(source, project.path / name)


def test_00_helloworld_reproduces(project: Project, metaflow_python: Path) -> None:
    copy_tutorial(metaflow_python, "00-helloworld", project)
    result = project.record()
    result.assert_outcomes(passed=5)
    result.stdout.no_fnmatch_line("*differs from run to run*")
    result.stdout.no_fnmatch_line("*depends on the hash seed*")
    result = project.check()
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["reproduced  00-helloworld/helloworld.py::HelloFlow*"])


def test_01_playlist_shuffles_unseeded(project: Project, metaflow_python: Path) -> None:
    copy_tutorial(metaflow_python, "01-playlist", project)
    project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 3\n")
    result = project.record()
    result.assert_outcomes(passed=7)
    (told,) = (line for line in result.outlines if "differs from run to run" in line)
    names = told.partition("differs from run to run: ")[2].partition(". Seed")[0].split(", ")
    assert sorted(names) == [
        "bonus_movie.bonus",
        "genre_movies.movies",
        "join.bonus",
        "join.playlist",
    ]
    result.stdout.no_fnmatch_line("*depends on the hash seed*")

    result = project.check("--flow-repro-json=report.json")
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(
        ["reproduced  *PlayListFlow  4 nondeterministic artifacts not compared*"]
    )
    (flow,) = json.loads((project.path / "report.json").read_bytes())["flows"]
    assert flow["nondeterministic"] == 4


def digests(baseline: Path) -> dict[tuple[str, str, str], str]:
    steps: dict[str, Any] = json.loads((baseline / "artifacts.json").read_bytes())["steps"]
    return {
        (step, index, name): artifact["digest"]
        for step, tasks in steps.items()
        for index, artifacts in tasks.items()
        for name, artifact in artifacts.items()
    }


@pytest.fixture
def statistics(project: Project, metaflow_python: Path) -> Project:
    """Episodes 02, 03, and 06 and 08, which run the flow of 02 on Kubernetes."""
    copy_tutorial(metaflow_python, "02-statistics", project)
    copy_tutorial(metaflow_python, "03-playlist-redux", project)
    # The movies of three genres: as many tasks, instead of 22, in each of seven runs.
    movies = project.path / "02-statistics" / "movies.csv"
    head, *lines = movies.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if set(line.split(",")[-2].split("|")) <= GENRES]
    movies.write_text("".join([head, *kept]), encoding="utf-8")
    project.write("pyproject.toml", STATISTICS)
    return project


GENRES = {"Adventure", "Comedy", "Sci-Fi"}

STATISTICS = """\
[tool.pytest]

[tool.flowrepro.flow.PlayListFlow]
after = ["MovieStatsFlow"]
record-runs = 1
ignore = ["bonus_movie.bonus", "genre_movies.movies", "join.bonus", "join.playlist"]

[tool.flowrepro.flow.MovieStatsFlow.case.cloud]
env = { METAFLOW_DECOSPECS = "kubernetes:memory=4000" }
record-runs = 1
"""


def test_02_03_06_08_statistics_and_what_reads_them(statistics: Project) -> None:
    # 02: the order of a set gets into it, so it depends on the hash seed; it reproduces.
    # 03: it reads the runs of 02 (`after`), and shuffles unseeded, as 01 does (`ignore`).
    # 06, 08: `--with kubernetes`, of which a rerun makes a run on this machine.
    result = statistics.record()
    result.assert_outcomes(passed=19)
    (told,) = (line for line in result.outlines if "depends on the hash seed" in line)
    assert "start.genres" in told
    assert "compute_statistics.genre (" in told
    result.stdout.no_fnmatch_line("*differs from run to run*")
    result.stdout.fnmatch_lines(
        [
            "recorded *::MovieStatsFlow@cloud*",
            "*step start ran on this machine; the flow sends it elsewhere (@kubernetes)",
            "recorded *::PlayListFlow*",
            "*MovieStatsFlow ran before it",
        ]
    )
    recorded = statistics.path / "02-statistics" / "__flowrepro__" / "stats"
    here, cloud = (digests(recorded / name) for name in ("MovieStatsFlow", "MovieStatsFlow@cloud"))
    assert here == cloud

    result = statistics.check("-k", "not cloud")
    result.assert_outcomes(passed=13, deselected=6)
    result.stdout.fnmatch_lines(["reproduced *::MovieStatsFlow *", "reproduced *::PlayListFlow *"])


@pytest.mark.conda
def test_04_playlist_plus_takes_its_python_and_a_package_from_conda(
    statistics: Project,
    metaflow_python: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path_factory.mktemp("rattler-cache")))
    copy_tutorial(metaflow_python, "04-playlist-plus", statistics)
    shutil.rmtree(statistics.path / "03-playlist-redux")
    monkeypatch.setenv("CONDA_CHANNELS", "file:///no/such/channel")
    result = statistics.record("04-playlist-plus", "-k", "code")
    result.assert_outcomes(errors=1, deselected=6)
    result.stdout.fnmatch_lines(
        ["A conda channel could not be read, so step start (@conda) could *"]
    )

    python = f"{sys.version_info.major}.{sys.version_info.minor}.99"
    channel = Channel(folder=tmp_path_factory.mktemp("channel"))
    channel.add_metaflows_own(python)
    near = b"import difflib\n\n\ndef eval(a, b):\n    return len([*difflib.ndiff(a, b)])\n"
    channel.add("editdistance", "0.5.3", files={"site-packages/editdistance.py": near})
    monkeypatch.setenv("CONDA_CHANNELS", channel.url)
    statistics.edit("04-playlist-plus/playlist.py", "3.9.10", python)
    statistics.record("04-playlist-plus").assert_outcomes(passed=7)
    baseline = statistics.path / "04-playlist-plus" / "__flowrepro__" / "playlist" / "PlayListFlow"
    environments = json.loads((baseline / "manifest.json").read_bytes())["environments"]
    assert environments["step-start"]["python"] == f"cpython {python}"
    assert environments["step-start"]["steps"] == ["start", "genre_movies", "join", "end"]
    assert "editdistance" in environments["step-bonus_movie"]["packages"]


def test_05_hello_cloud_runs_here_instead(project: Project, metaflow_python: Path) -> None:
    copy_tutorial(metaflow_python, "05-hello-cloud", project)
    project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n")
    result = project.record()
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(
        ["*step hello ran on this machine; the flow sends it elsewhere (@kubernetes)"]
    )
    assert project.drift() == []


def test_06_07_08_have_notebooks_and_no_flow_of_their_own(
    project: Project, metaflow_python: Path
) -> None:
    for name in ("06-statistics-redux", "07-worldview", "08-autopilot"):
        copy_tutorial(metaflow_python, name, project)
    result = project.check()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --flow-repro: no flow was found*"])
