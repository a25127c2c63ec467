from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_reports import DRIFTED, REPRODUCED, SHARDED, report_of
from report_schema import report_schema, validator

from pytest_flowrepro.cli.main import main
from pytest_flowrepro.model import Obsolete, Report, Shard, Uncollected
from pytest_flowrepro.report import render_json

if TYPE_CHECKING:
    from pathlib import Path

SCORE = replace(REPRODUCED, file="flows/score.py", flow="ScoreFlow")
GREEN = report_of(REPRODUCED), report_of(SCORE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def merge(folder: Path, reports: tuple[Report, ...], *options: str) -> int:
    names = [f"{number}.json" for number, _ in enumerate(reports)]
    for name, report in zip(names, reports, strict=True):
        (folder / name).write_text(render_json(report))
    return main(["merge-reports", *names, *options])


def test_flows_that_passed_are_exit_code_0(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert merge(folder, GREEN) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "reproduced  flows/hello.py::HelloFlow  (1.0 s)",
        "reproduced  flows/score.py::ScoreFlow  (1.0 s)",
    ]
    assert err == ""


@pytest.mark.parametrize(
    "report",
    [
        report_of(DRIFTED),
        report_of(replace(SCORE, verdict="no baseline")),
        replace(report_of(), uncollected=(Uncollected(file="a.py", error="not valid"),)),
        report_of(replace(SCORE, verdict="error", error="broken")),
    ],
)
def test_what_fails_a_check_is_exit_code_1(folder: Path, report: Report) -> None:
    assert merge(folder, (GREEN[0], report)) == 1
    assert merge(folder, (GREEN[0], report), "--exit-zero") == 0


def test_a_missing_shard_is_exit_code_1_and_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shard = SHARDED.shard
    assert shard is not None
    # Also if it had no flow.
    green = replace(report_of(SCORE), shard=replace(shard, flows=()))
    assert merge(folder, (green,)) == 1
    assert capsys.readouterr().err == "flowrepro: 2 shards missing: 1, 3\n"
    assert merge(folder, (SHARDED,)) == 1
    out = capsys.readouterr().out
    assert "error       flows/bad.py::BadFlow" in out
    assert "    Not checked: the report of shards 1, 3 of 3 is missing" in out


@pytest.mark.parametrize("strict", [False, True])
def test_an_obsolete_baseline_fails_strict_shards(folder: Path, *, strict: bool) -> None:
    gone = (Obsolete(folder="flows/__flowrepro__/gone/GoneFlow", reason="no gone.py"),)
    shards = tuple(
        replace(report, shard=Shard(number=n, count=2, flows=(), obsolete=gone, strict=strict))
        for n, report in enumerate(GREEN, 1)
    )
    assert merge(folder, shards) == int(strict)
    assert merge(folder, shards, "--exit-zero") == 0


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("text", "reproduced"),
        ("markdown", "### Flow reproducibility: 2 reproduced"),
        ("json", "{"),
        ("html", "<!doctype html>"),
        ("sarif", '{\n  "$schema"'),
        ("gitlab", "["),
    ],
)
def test_the_report_is_in_every_format_and_in_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, start: str
) -> None:
    assert merge(folder, GREEN, f"--format={name}") == 0
    out = capsys.readouterr().out
    assert out.lower().startswith(start.lower())
    assert merge(folder, GREEN, f"--format={name}", "--output=new/report") == 0
    assert capsys.readouterr() == ("", "")
    assert (folder / "new/report").read_text() == out


def test_a_merged_report_is_valid_and_can_be_merged_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    merge(folder, GREEN, "--format=json", "--output=merged.json")
    text = (folder / "merged.json").read_text()
    validator(report_schema()).validate(json.loads(text))
    assert main(["merge-reports", "merged.json", "--format=json"]) == 0
    assert capsys.readouterr().out == text


def test_details_show_the_circumstances(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    merge(folder, GREEN, "--details")
    assert "selected by flows -k train" in capsys.readouterr().out


def test_an_error_names_the_file_and_is_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.json").write_text("{}")
    assert main(["merge-reports", "broken.json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("flowrepro: broken.json: schema is missing\nWhat to do: pass the JSON")
    assert main(["merge-reports", "gone.json"]) == 2
    assert "gone.json: cannot be read: No such file or directory" in capsys.readouterr().err
