"""One drift of each kind, in one session, and what each report makes of it.

`tests/flows/drifts/golden` has the reports as people see them. With `FLOWREPRO_GOLDEN=write` they
are written again.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from conftest import FLOWS
from local_index import LocalIndex, wheel
from recordings import reseal
from report_schema import gitlab_validator, report_schema, sarif_validator, validator

from pytest_flowrepro.model import Cause, Change, FlowReport, GraphStep, Report, RunInfo
from pytest_flowrepro.report import FORMATS, render_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Project

GOLDEN = FLOWS / "drifts" / "golden"

EDITS = (
    ("package.py", '"1.0"', '"2.0"'),
    ("hyper.py", "default=0.1", "default=0.2"),
    ("hyper.py", "sum(self.weights) / 2", "sum(self.weights) / 3"),
    ("data/sales.csv", "tue,5", "tue,6"),
    ("steps.py", 'self.spare = "left over"', "self.extra = [4]"),
    ("steps.py", "self.next(self.clean)", "self.next(self.check)"),
    ("steps.py", "def clean", "def check"),
    ("steps.py", "self.rows = sorted(self.rows)", "self.count = len(self.rows)"),
    ("renamed.py", "self.acc", "self.accuracy"),
    ("renamed.py", "self.fit", "self.train"),
    ("renamed.py", "def fit", "def train"),
    ("model.py", "RATE = 0.125", "RATE = 0.25"),
    ("image.py", "(10, 20)", "(10, 21)"),
    (
        "frame.py",
        "FIXED = {}",
        'FIXED = {(17, "price"): 5.5, (99, "shop"): "east", (150_000, "price"): 9.25}',
    ),
    ("pyproject.toml", '["start.began"]', '["start.began", "start.score"]'),
    ("policy.py", "0.91", "0.92"),
)


@dataclass(frozen=True, kw_only=True)
class Drift:
    verdict: str = "drifted"
    origins: tuple[str, ...] = ()
    """Step and name of each change that came first, with the kind of its cause."""
    causes: tuple[str, ...] = ()
    """The kind and the text of each cause."""
    facts: tuple[str, ...] = ()
    """Texts that every report for people has."""


PYTHON = f"cpython 3.{sys.version_info.minor}.99"
SPLIT = "code of step start changed: "

LOCKED = {
    "PolicyFlow": Drift(
        causes=("policy: settings changed: ignore",),
        facts=("ignore: start.score", "a weakening"),
    ),
    "DataFlow": Drift(
        origins=("start.sold input",),
        causes=("input: data file sales.csv changed",),
        facts=("['tue']: 5 -> 6", "end.total"),
    ),
    "FrameFlow": Drift(
        origins=("start.table code",),
        causes=(f"code: {SPLIT}frame.py",),
        facts=("[17]: 6.29 -> 5.5", "[150000]: 54.4 -> 9.25", "[99]: 'north' -> 'east'"),
    ),
    "HyperFlow": Drift(
        origins=("alpha input", "score.auc code"),
        causes=(
            "code: code of step score changed: hyper.py",
            "input: parameter alpha 0.1 -> 0.2",
        ),
        facts=("train.weights", "end.report", "'auc 0.300'", "'auc 0.400'"),
    ),
    "ImageFlow": Drift(
        origins=("start.plot code",),
        causes=(f"code: {SPLIT}image.py",),
        facts=("4 of 9,216 elements differ", "[20, 10, 1]"),
    ),
    "InterpreterFlow": Drift(causes=(f"environment: interpreter {PYTHON} -> cpython",)),
    "LuckFlow": Drift(
        origins=("start.seed unexplained",),
        causes=("unexplained: no change of code, inputs or environment explains it",),
        facts=("end.label",),
    ),
    "ModelFlow": Drift(
        origins=("train.model code",),
        causes=("code: code of step train changed: model.py",),
        facts=(".coef: 4 of 4 elements differ", ".intercept: ", "end.score"),
    ),
    "NoiseFlow": Drift(
        verdict="reproduced",
        facts=("not compared, because nondeterministic in the baseline: start.noise",),
    ),
    "PackageFlow": Drift(
        causes=(
            "environment: 1 requirement changed: flowrepro-pears==1.0 -> flowrepro-pears==2.0",
        ),
        facts=("record again",),
    ),
    "RenamedFlow": Drift(
        origins=(
            "start.acc code",
            "start.accuracy code",
            "fit.weights code",
            "train.weights code",
        ),
        causes=(f"code: {SPLIT}renamed.py", "code: step fit renamed to train, with equal results"),
        facts=("renamed to accuracy, with equal results", "renamed from fit, with equal results"),
    ),
    "StepsFlow": Drift(
        origins=("start.spare code", "start.extra code", "clean.rows code", "check.count code"),
        causes=(f"code: {SPLIT}steps.py", "code: step clean removed", "code: step check added"),
        facts=("end.first",),
    ),
    "FreshFlow": Drift(verdict="reproduced"),
}
FRESH = {
    "FreshFlow": Drift(
        origins=("start.plums environment",),
        causes=("environment: 1 package changed: flowrepro-plums 1.0 -> 2.0",),
        facts=("end.label",),
    ),
    "PackageFlow": Drift(
        origins=("start.pears environment",),
        causes=(
            "environment: 1 requirement changed: flowrepro-pears==1.0 -> flowrepro-pears==2.0",
            "environment: 1 package changed: flowrepro-pears 1.0 -> 2.0",
        ),
        facts=("end.label",),
    ),
}
OBSOLETE = "__flowrepro__/deleted/DeletedFlow: deleted.py does not exist"


@pytest.mark.slow
def test_each_report_names_each_drift_and_its_cause(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for variable in ("CI", "BUILD_NUMBER"):  # where one is set, pytest does not cut long lines
        monkeypatch.delenv(variable, raising=False)
    with LocalIndex() as index:
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", index.url)
        for version in ("1.0", "2.0"):
            index.add(wheel("flowrepro-pears", version))
            index.add(wheel("flowrepro-plums", version))
            if version == "1.0":
                project.place_flows("drifts")
                project.record().assert_outcomes(passed=61)
        let_everything_drift(project)
        locked = Session.of(project)
        fresh = Session.of(project, "fresh.py", "package.py", "--flow-repro-env=fresh")

    locked.assert_named(LOCKED)
    fresh.assert_named(FRESH)
    for text in (locked.terminal, *locked.texts.values()):
        assert OBSOLETE in text
    # What weakens all other results comes first.
    assert locked.texts["md"].index("The policy is weakened") < 100
    assert locked.texts["html"].index("PolicyFlow") < locked.texts["html"].index("DataFlow")

    for name, text in {
        "check.txt": locked.terminal,
        "check.md": locked.texts["md"],
        "heads.md": "\n\n---\n\n".join((*locked.heads(), *fresh.heads(), "")),
        "fresh.txt": fresh.terminal,
        "fresh.md": fresh.texts["md"],
        "check.html.txt": locked.texts["html"],
        "check.json": locked.raw["json"],
        "check.sarif": locked.raw["sarif"],
        "check.gitlab.json": locked.raw["gitlab"],
        "check.junit.xml": locked.raw["junit"].replace("><", ">\n<"),
        "fresh.json": fresh.raw["json"],
    }.items():
        assert_golden(name, text)
    assert kinds_of_pictures(locked.report) == {
        "DataFlow start.sold": {"bars"},
        "FrameFlow start.table": {"cells"},
        "ImageFlow start.plot": {"images"},
        "ModelFlow train.model": {"bars"},
        "HyperFlow train.weights": {"bars"},
    }


def let_everything_drift(project: Project) -> None:
    for name, old, new in EDITS:
        project.edit(name, old, new)
    (project.path / "deleted.py").unlink()
    folder = project.baseline("InterpreterFlow", "interpreter")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["environments"]["base"]["python"] = PYTHON
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    reseal(folder)


@dataclass(frozen=True, kw_only=True)
class Session:
    """The reports of a check."""

    terminal: str
    texts: dict[str, str]
    """Format -> text of each report for people; of HTML what a reader sees."""
    raw: dict[str, str]
    """Format -> text as it was written."""
    report: dict[str, Any]

    @classmethod
    def of(cls, project: Project, *args: str) -> Session:
        reports = [f"--flow-repro-{form}=report.{form}" for form in FORMATS]
        result = project.check(*args, *reports, "--junitxml=report.junit")
        read = {
            form: (project.path / f"report.{form}").read_text(encoding="utf-8")
            for form in (*FORMATS, "junit")
        }
        report = json.loads(read["json"])
        validator(report_schema()).validate(report)
        sarif_validator().validate(json.loads(read["sarif"]))
        gitlab_validator().validate(json.loads(read["gitlab"]))
        return cls(
            terminal=result.stdout.str(),
            texts={"md": read["md"], "html": seen(read["html"])},
            raw=read,
            report=report,
        )

    def assert_named(self, drifts: dict[str, Drift]) -> None:
        flows = {flow["flow"]: flow for flow in self.report["flows"]}
        assert flows.keys() == drifts.keys()
        for name, drift in drifts.items():
            flow = flows[name]
            assert flow["verdict"] == drift.verdict, name
            assert sorted(origins(flow)) == sorted(drift.origins)
            causes = [f"{cause['kind']}: {cause['text']}" for cause in flow["causes"]]
            assert len(causes) == len(drift.causes), causes
            for cause, expected in zip(causes, drift.causes, strict=True):
                assert cause.startswith(expected)
            sides = [change for change in flow["changes"] if change["old"] == change["new"]]
            assert all(change["explanation"] for change in sides), sides
            for text in (self.terminal, *self.texts.values()):
                assert name in text
                for fact in (*drift.facts, *(c.partition(": ")[2] for c in drift.causes)):
                    assert fact in text, fact

    def heads(self) -> Iterator[str]:
        """Yield for each flow the first 1,000 characters of a report about it alone."""
        run = RunInfo(**tuples(self.report["run"]))
        for flow in self.report["flows"]:
            parts = {"causes": Cause, "changes": Change, "graph": GraphStep}
            fields = {
                **tuples(flow),
                "seconds": tuple(flow["seconds"].items()),
                **{key: tuple(cls(**tuples(x)) for x in flow[key]) for key, cls in parts.items()},
            }
            yield masked(render_markdown(Report(flows=(FlowReport(**fields),), run=run)))[:1000]


def seen(html: str) -> str:
    """Return the text that a reader of a page sees, without empty lines."""
    body = re.sub(r"(?s)<(style|script|title)>.*?</\1>", "", html)
    cells = re.sub(r"</(td|th|h\d|span|a)>", " ", body)
    lines = unescape(re.sub("<[^>]*>", "", cells)).splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines if line.strip())


def kinds_of_pictures(report: dict[str, Any]) -> dict[str, set[str]]:
    return {
        f"{flow['flow']} {change['step']}.{change['name']}": {p["kind"] for p in change["pictures"]}
        for flow in report["flows"]
        for change in flow["changes"]
        if change["pictures"]
    }


def tuples(item: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(x) if isinstance(x, list) else x for key, x in item.items()}


def origins(flow: dict[str, Any]) -> Iterator[str]:
    for change in flow["changes"]:
        if change["origin"] == "first":
            yield f"{'.'.join(filter(None, (change['step'], change['name'])))} {change['cause']}"


MASKS = (
    (r"(?s)\A=+ test session starts =+.*?(?=collected)", ""),
    (r"=+ (.*?) =+", r"== \1 =="),
    (r"_{3,} (.*?) _{3,}", r"__ \1 __"),
    (r" +(\[ *\d+%\])", r" \1"),  # at the end of the line, after seconds
    (r"\d+\.\d+ ?s\b( \(\d:\d\d:\d\d\))?", "SECONDS"),
    (r"\d{4}-\d\d-\d\dT[\d:]+Z", "DATE"),
    (r"Linux-[\w.-]+", "PLATFORM"),
    (r"\b[0-9a-f]{12}\b", "DIGEST"),
    (r"(?i)(cpython) 3\.\d+\.(?!99)\d+", r"\1 3.x.y"),
    (r"(cpython) 3\.\d+\.99", r"\1 3.x.99"),
    (r"(pytest-flowrepro) [\w.]+", r"\1 VERSION"),
    (r"(seed '?|seed +changed: |seed[` |]+)\d+", r"\1RANDOM"),
    (r"(RANDOM[`' |>-]+(seed )?)\d+", r"\1RANDOM"),
    (r'("(lock|environment|describe|package|rerun|capture)": )\d+\.\d+', r"\1SECONDS"),
    (r'("(old|new)": ")\d{5,}"', r'\1RANDOM"'),
    (r"-+ generated xml file: .*\n", ""),
    (r' (time|timestamp|hostname)="[^"]*"', r' \1="..."'),
    (r'(flowrepro\.seconds\.\w+" value=)"[^"]*"', r'\1"SECONDS"'),
    (r"(RANDOM'? -&gt; '?(seed )?)\d+", r"\1RANDOM"),
    (r'"iVBOR[\w+/=]+"', '"PNG"'),
)


def masked(text: str) -> str:
    """Return a report without what differs from run to run and from machine to machine."""
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return text


def assert_golden(name: str, report: str) -> None:
    text, file = masked(report), GOLDEN / name
    if os.environ.get("FLOWREPRO_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
