from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from flow_reports import ATTACKS
from recordings import LOCK_FILE, POLICY, artifact, recording, task

from pytest_flowrepro.model.patterns import Patterns, Terms
from pytest_flowrepro.report.manifest import render_manifest


def test_everything_that_was_recorded_is_shown() -> None:
    assert render_manifest(recording(case="small"), file="flows/train.py") == (
        "flows/train.py::TrainFlow@small\n"
        "  recorded on linux x86_64, glibc 2.36; reruns compared\n"
        "  policy\n"
        "    fail-on: artifacts, environment, policy\n"
        "    threads: 1\n"
        "    cpu: x86-64-v3\n"
        f"  environment base: cpython 3.11.7, {LOCK_FILE}\n"
        "    metaflow 2.19.39\n"
        "    numpy 2.4.5  (via pandas)\n"
        "  code\n"
        "    ../shared.csv  11\n"
        "    train.py  22\n"
        "  parameters\n"
        "    alpha: float = 0.1\n"
        "  steps\n"
        "    start (foreach) -> train\n"
        "    train (linear) -> join  @retry\n"
        "    join (join) -> end\n"
        "    end (end)\n"
        "  artifacts\n"
        "    start.rows: int = 100\n"
        "    train[0].score: float = 0.91\n"
        "    train[1].score: float = 0.93\n"
    )


def test_the_settings_that_a_verdict_depends_on_are_shown() -> None:
    terms = Terms(key="ignore", pattern="start.at", reason="a clock", until=date(2027, 3, 31))
    policy = replace(
        POLICY,
        patterns=Patterns(ignore=("start.at",), rtol=(("**", 1e-6),), terms=(terms,)),
        env=(("MODE", "test"), ("TOKEN", None)),
        cwd="flows",
        include=("a/*.csv", "b/*.csv"),
    )
    text = render_manifest(replace(recording(), policy=policy), file="f.py")
    assert (
        "    ignore: start.at  reason: a clock  until: 2027-03-31\n"
        "    rtol: **  tolerance: 1e-06\n"
        '    env: MODE = "test"\n'
        '    env: TOKEN = {"pass": true}\n'
        "    include: a/*.csv, b/*.csv\n"
        "    cwd: flows\n"
    ) in text


def test_what_the_flow_imports_is_marked() -> None:
    (base,) = recording().environments
    given = replace(recording(), environments=(replace(base, imported=("numpy",)),))
    assert "    numpy 2.4.5  (via pandas)  imported\n" in render_manifest(given, file="f.py")


def test_what_a_check_cannot_compare_is_marked() -> None:
    marked = replace(artifact("shuffled", None, type="list"), determinism="nondeterministic")
    seeded = replace(artifact("order", "ab", type="str"), determinism="hash-seed")
    opaque = replace(artifact("model", "?", type="m.Model"), opaque=True)
    text = render_manifest(recording(task("start", marked, seeded, opaque)), file="f.py")

    assert "start.shuffled: list  [nondeterministic]\n" in text
    assert 'start.order: str = "ab"  [hash-seed]\n' in text
    assert 'start.model: m.Model = "?"  [opaque]\n' in text


def test_a_long_value_is_cut() -> None:
    text = render_manifest(recording(task("start", artifact(value="x" * 10_000))), file="f.py")

    assert max(len(line) for line in text.splitlines()) < 100
    assert "xxx...\n" in text


@pytest.mark.parametrize("text", ATTACKS)
def test_a_value_gives_no_orders(text: str) -> None:
    shown = render_manifest(recording(task("start", artifact(text, text))), file=text)

    shown.encode()
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 21
