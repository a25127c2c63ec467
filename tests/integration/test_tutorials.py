"""Metaflow's own tutorials, out of the installed wheel: recorded, then checked."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

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

    result = project.check()
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(
        ["reproduced  *PlayListFlow  4 nondeterministic artifacts not compared*"]
    )
    assert project.report("-k", "step")["flows"][0]["nondeterministic"] == 4


def test_02_statistics_depends_on_the_hash_seed(project: Project, metaflow_python: Path) -> None:
    copy_tutorial(metaflow_python, "02-statistics", project)
    result = project.record()
    result.assert_outcomes(passed=6)
    (told,) = (line for line in result.outlines if "depends on the hash seed" in line)
    assert "start.genres" in told
    assert "compute_statistics.genre (" in told
    result.stdout.no_fnmatch_line("*differs from run to run*")

    result = project.check()
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["reproduced  *::MovieStatsFlow*"])
