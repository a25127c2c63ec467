from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_reports import ATTACKS, DRIFTED, FAILED, NUMPY, REPRODUCED, SCORE, hostile, report_of
from hypothesis import given
from hypothesis import strategies as st

from pytest_flowrepro.model import Cause, CauseKind, Change, FlowReport, Obsolete, Uncollected
from pytest_flowrepro.report import render_markdown
from pytest_flowrepro.report.grouping import grouped
from pytest_flowrepro.report.markdown import HEAD_LIMIT, LIMIT
from pytest_flowrepro.report.packages import package_moves

if TYPE_CHECKING:
    from pytest_flowrepro.model import Report, Verdict
    from pytest_flowrepro.model.report import Command

GITHUB_LIMIT = 65_536

FACTS = (
    "<sub>`checked with packages as locked`, `selected by flows -k train`, `commit 0123456789 "
    "on main, with changes that are not committed`, `2026-11-29T15:30:50Z`, "
    "`Linux-6.1.0-x86_64-with-glibc2.36`, `CPython 3.11.7`, `pytest-flowrepro 1.2.3`</sub>\n"
)
POLICY = Change(
    kind="policy",
    change="added",
    name="train.score",
    setting="ignore",
    old=None,
    new="train.score",
    gated=True,
    weakens=True,
)


COMMANDS: tuple[Command, ...] = ("check", "diff")


def test_a_pull_request_sees_counts_causes_tables_and_folded_details() -> None:
    numpy = replace(NUMPY, via=("pandas",), link="https://numpy.org/doc/stable/release.html")
    score = replace(SCORE, origin="first", cause="environment")
    report = replace(DRIFTED, changes=(numpy, score, *DRIFTED.changes[2:]))
    assert render_markdown(report_of(REPRODUCED, report)) == (
        "### Flow reproducibility: 1 drifted, 1 reproduced\n"
        "\n"
        "- **drifted:** `flows/train.py::TrainFlow@small` started at `train[0, 3].score`. Cause: "
        "`1 package changed: numpy 2.4.5 -> 2.4.6` (environment)\n"
        "\n"
        "**Next:** check it on your machine with `pytest --flow-repro flows/train.py`; accept or "
        "reject each change with `flowrepro review`.\n"
        "\n"
        "#### Packages\n"
        "\n"
        "| package | old | new | move | asked for by | environments | flows |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| [`numpy`](https://numpy.org/doc/stable/release.html) | `2.4.5` | `2.4.6` | patch | "
        "`pandas` | `base` | `TrainFlow@small` |\n"
        "\n"
        "#### Artifacts\n"
        "\n"
        "| flow | artifact | old | new | difference | cause |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| `TrainFlow@small` | `train[0, 3].score` | `0.91` | `0.93` | "
        "`['auc'][3]: 0.91 -> 0.93` | environment |\n"
        "\n"
        f"{FACTS}"
        "\n"
        "<details><summary>2 flows</summary>\n"
        "\n"
        "| verdict | flow | what changed |\n"
        "| --- | --- | --- |\n"
        "| drifted | `flows/train.py::TrainFlow@small` | 1 artifact, 1 package changed; "
        "1 file changed since the baseline; 2 nondeterministic artifacts not compared |\n"
        "| reproduced | `flows/hello.py::HelloFlow` |  |\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>drifted: <code>flows/train.py::TrainFlow@small</code></summary>\n"
        "\n"
        "- `cause: 1 package changed: numpy 2.4.5 -> 2.4.6`\n"
        "- `numpy  changed: 2.4.5 -> 2.4.6   package of base   asked for by pandas`\n"
        "- `train[0, 3].score  changed: 0.91 -> 0.93`\n"
        "  - `['auc'][3]: 0.91 -> 0.93`\n"
        "- `train.py  changed   code file   shown only`\n"
        "- note: `@kubernetes ran locally`\n"
        "\n"
        "</details>\n"
    )


def test_the_most_direct_causes_are_named_and_the_others_counted() -> None:
    kinds: tuple[CauseKind, ...] = ("code", "input", "environment")
    causes = tuple(Cause(kind=kind, text=f"{kind} changed") for kind in kinds)
    text = render_markdown(report_of(replace(DRIFTED, causes=causes)))
    assert "Cause: `code changed` (code), `input changed` (input) and 1 more\n" in text


def test_a_cause_that_flows_share_is_said_once() -> None:
    flows = [replace(DRIFTED, file=f"flows/{name}.py") for name in "abcde"]
    text = render_markdown(report_of(*flows))
    assert text.count("(environment)") == 1
    assert (
        "\n- **drifted:** 5 flows. Cause: `1 package changed: numpy 2.4.5 -> 2.4.6` (environment)\n"
        "  - `flows/a.py::TrainFlow@small` started at `train[0, 3].score`\n"
        "  - `flows/b.py::TrainFlow@small` started at `train[0, 3].score`\n"
        "  - `flows/c.py::TrainFlow@small` started at `train[0, 3].score`\n"
        "  - and 2 more flows\n"
    ) in text
    assert "check it on your machine with `pytest --flow-repro`;" in text


def test_gated_artifacts_come_first_and_derived_ones_after_those_that_they_follow_from() -> None:
    shown = replace(SCORE, name="shown", gated=False)
    derived = replace(SCORE, name="derived", origin="derived")
    first = replace(SCORE, name="first", origin="first")
    text = render_markdown(report_of(replace(DRIFTED, changes=(shown, derived, first))))
    rows = re.findall(r"^\| `TrainFlow@small` \| `train\[0, 3\].(\w+)`", text, re.MULTILINE)
    assert rows == ["first", "derived", "shown"]


def test_a_flow_has_its_file_in_a_table_if_another_has_its_name() -> None:
    flows = [replace(DRIFTED, file=f"{name}.py", changes=(SCORE,)) for name in "ab"]
    text = render_markdown(report_of(*flows, replace(DRIFTED, case="large")))
    rows = re.findall(r"^\| `(.*?)` \| `train\[0, 3\].score`", text, re.MULTILINE)
    assert rows == ["a.py::TrainFlow@small", "b.py::TrainFlow@small", "TrainFlow@large"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_weaker_policy_comes_first(command: Command) -> None:
    stronger = replace(POLICY, name="rtol", setting="rtol", weakens=False)
    flows = [replace(DRIFTED, changes=(SCORE, NUMPY, stronger, POLICY)), DRIFTED]
    report = report_of(*flows)
    text = render_markdown(replace(report, run=replace(report.run, command=command)))
    assert text.split("\n\n")[1] == (
        "**The policy is weakened** in 1 flow: `policy ignore: train.score`"
    )
    assert re.findall(r"^#### (\w+)$", text, re.MULTILINE) == ["Policy", "Packages", "Artifacts"]
    rows = re.findall(r"^\| `(ignore: train.score|rtol)` .* \| (.*) \| ", text, re.MULTILINE)
    assert rows == [("ignore: train.score", "a weakening"), ("rtol", "")]


def test_a_stronger_policy_is_not_called_weaker() -> None:
    report = replace(DRIFTED, changes=(replace(POLICY, weakens=False),))
    text = render_markdown(report_of(report))
    assert "\n\n**The policy is changed** in 1 flow: `policy ignore: train.score`\n" in text
    assert "weak" not in text


def test_a_comparison_of_recordings_does_not_advise_to_accept() -> None:
    report = report_of(DRIFTED)
    run = replace(report.run, command="diff", base="main", head="HEAD", resolution=None)
    text = render_markdown(replace(report, run=run))
    assert text.startswith("### Flow baselines: 1 drifted\n")
    assert "`flowrepro review`" not in text
    assert "both sides are recordings" in text
    assert "<sub>`HEAD compared with main`" in text


def test_an_error_is_shown_in_its_own_words() -> None:
    text = render_markdown(report_of(FAILED))

    assert "\n- **error:** `flows/bad.py::BadFlow`. `manifest.json: is empty`\n" in text
    assert "<details open><summary>error: " in text
    assert (
        "```text\nmanifest.json: is empty\nWhat to do: record the flow again\n```\n\n\n</details>"
        in text
    )


def test_a_session_without_flows_has_a_heading() -> None:
    text = render_markdown(report_of())
    assert text == f"### Flow reproducibility: no flows\n\n\n{FACTS}"


KINDS: dict[CauseKind, tuple[Change, str]] = {
    "code": (replace(SCORE, cause="code", origin="first"), "code of step train changed"),
    "input": (
        Change(kind="parameter", change="changed", name="alpha", old="1", new="2", gated=True),
        "parameter alpha changed: 1 -> 2",
    ),
    "environment": (NUMPY, "1 package changed: numpy 2.4.5 -> 2.4.6"),
    "policy": (POLICY, "settings changed: ignore"),
    "unexplained": (replace(SCORE, origin="first"), "nothing that is known changed before"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flows", [1, 3, 500])
def test_the_head_has_counts_flow_origin_cause_and_command(kind: CauseKind, flows: int) -> None:
    change, why = KINDS[kind]
    drifted = replace(DRIFTED, changes=(change,) * 3, causes=(Cause(kind=kind, text=why),))
    different = [
        replace(
            drifted, flow=f"Train{number}Flow", causes=(Cause(kind=kind, text=f"{why}{number}"),)
        )
        for number in range(flows)
    ]
    head = render_markdown(report_of(*different, REPRODUCED))[:HEAD_LIMIT]

    assert f"{flows} drifted, 1 reproduced" in head
    assert f"`{different[0].file}::Train0Flow@small`" in head
    assert f"Cause: `{why}0` ({kind})\n" in head
    assert "started at `" in head or change.kind in {"package", "policy"}
    assert ("The policy is weakened" in head) is (kind == "policy")
    assert "`flowrepro review`.\n" in head
    assert "`pytest --flow-repro flows/train.py`" in head
    named = len(re.findall(r"^- \*\*drifted:", head, re.MULTILINE))
    more = re.search(r"^- and (\d+) more flows: see below$", head, re.MULTILINE)
    assert named + (int(more[1]) if more else 0) == flows


def test_the_head_keeps_to_its_limit_whatever_the_length_of_names() -> None:
    cause = Cause(kind="environment", text="größer " * 99)
    changes = tuple(replace(SCORE, name="ü" * 99, step=str(number)) for number in range(9))
    long = replace(DRIFTED, flow="F" * 99, causes=(cause,) * 9, changes=(*changes, POLICY))
    text = render_markdown(report_of(long, replace(long, flow="G"), FAILED))
    assert "**Next:**" in text[:HEAD_LIMIT]
    assert "`flowrepro review`.\n" in text[:HEAD_LIMIT]


def test_a_long_report_says_what_it_leaves_out() -> None:
    packages = tuple(replace(NUMPY, name=f"package-{i}", new="größer" * 20) for i in range(200))
    many = replace(DRIFTED, changes=(*packages, *(replace(SCORE, new="größer" * 20),) * 200))
    reports = [replace(many, flow=f"Flow{i}") for i in range(500)]
    text = render_markdown(report_of(REPRODUCED, *reports))

    assert GITHUB_LIMIT // 2 < len(text.encode()) <= GITHUB_LIMIT
    for noun in ("packages", "changes", "flows"):
        pattern = rf"^[\d,]+ more {noun} left out: see the JSON report\.$"
        assert re.search(pattern, text, re.MULTILINE), noun
    assert re.search(r"^The details of 4\d\d more flows are left out", text, re.MULTILINE)
    assert re.search(r"^- [\d,]+ more lines left out: see the JSON report$", text, re.MULTILINE)
    assert text.count("<details") == text.count("</details>")


def test_a_report_of_long_texts_has_the_error_of_the_first_flow_all_the_same() -> None:
    long = "\N{RAINBOW}" * 300
    change = replace(SCORE, old=long, new=long, name=long, explanation=(long,) * 9)
    policy = (replace(POLICY, name=f"{long}{number}") for number in range(99))
    package = (replace(NUMPY, name=f"{long}{number}", via=(long,) * 3) for number in range(99))
    changes = (*policy, *package, *(change,) * 99)
    drifted = replace(DRIFTED, flow=long, changes=changes, causes=(Cause(kind="code", text=long),))
    failed = replace(FAILED, error="first line\n" + "long line\n" * 9_000)
    many = report_of(*(replace(drifted, case=str(number)) for number in range(99)), failed)
    obsolete = (Obsolete(folder=long, reason=long),) * 99
    text = render_markdown(replace(many, obsolete=obsolete))

    assert len(text.encode()) <= GITHUB_LIMIT
    assert "```text\nfirst line\nlong line\n" in text
    assert text.count("<details") == text.count("</details>")


def test_a_selection_of_many_files_is_cut() -> None:
    report = report_of(REPRODUCED)
    selection = tuple(f"flows/flow_{number}.py" for number in range(9_000))
    text = render_markdown(replace(report, run=replace(report.run, selection=selection)))
    assert "`selected by flows/flow_0.py flows/flow_1.py" in text
    assert len(text) < 2_000


def test_a_long_error_is_cut() -> None:
    text = render_markdown(
        report_of(replace(FAILED, error="x" * 99 + "\n" + "long line\n" * 100_000))
    )

    assert len(text) <= GITHUB_LIMIT
    assert re.search(r"^\[\.\.\. [\d,]+ more lines \.\.\.\]\n```$", text, re.MULTILINE)


NAMES = st.sampled_from(["a", "b|c", "`d`", "é" * 40])
RESULTS = st.builds(
    Change,
    kind=st.sampled_from(["artifact", "parameter", "step"]),
    change=st.just("changed"),
    name=NAMES,
    old=NAMES,
    new=NAMES,
    gated=st.booleans(),
    step=NAMES,
    index=st.tuples(st.integers(0, 99)),
    origin=st.sampled_from(["first", "derived"]),
    tasks=st.none() | st.just((1, 8)),
)
MOVES = st.builds(
    Change,
    kind=st.sampled_from(["package", "python"]),
    change=st.just("changed"),
    name=NAMES,
    old=NAMES,
    new=NAMES,
    gated=st.booleans(),
    environment=NAMES,
    via=st.lists(NAMES).map(tuple),
)
FLOWS = st.builds(
    lambda flow, changes, times: replace(DRIFTED, flow=flow, changes=changes * times),
    NAMES,
    st.lists(RESULTS | MOVES, max_size=10).map(tuple),
    st.sampled_from([1, 1, 60]),
)


@given(st.lists(FLOWS, max_size=5), st.booleans())
def test_every_package_and_artifact_is_in_the_report_or_counted(
    flows: list[FlowReport], details: bool
) -> None:
    text = render_markdown(report_of(*flows), details=details)
    assert len(text.encode()) <= GITHUB_LIMIT
    changes = [c for f in flows for c in (f.changes if details else grouped(f.changes))]
    results = sum(change.kind in {"artifact", "parameter", "step"} for change in changes)
    assert counted_rows(text, "Packages", "package") == len(package_moves(flows))
    assert counted_rows(text, "Artifacts", "change") == results


def counted_rows(text: str, section: str, noun: str) -> int:
    """The number of rows of a table and of those that it leaves out."""
    _, _, rest = text.partition(f"\n#### {section}\n")
    body: str = re.split(r"^(?:#### |<sub>)", rest, maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    heads = sum(line.startswith("| --- ") for line in rows) * 2
    left = re.search(rf"^([\d,]+) more {noun}s? left out: see the JSON", body, re.MULTILINE)
    more = int(left[1].replace(",", "")) if left else 0
    return len(rows) - heads + more


VERDICTS: tuple[Verdict, ...] = ("error", "drifted")


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("text", ATTACKS)
def test_a_value_is_code_and_nothing_else(text: str, verdict: Verdict) -> None:
    shown = render_markdown(of_verdict(hostile(text), verdict))

    shown.encode()
    rows = [line for line in shown.splitlines() if line.startswith("| ")]
    pipes = Counter(len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in rows)
    assert pipes == {6: 3, 8: 3, 7: 3, 4: 3}
    outside = without_code(shown)
    assert not re.search(r"evil|octocat|pwned|alert|out</b>|heading|\x1b", outside), outside
    assert outside.count("<") == outside.count(">") == 10


def of_verdict(report: Report, verdict: Verdict) -> Report:
    error = report.flows[0].error if verdict == "error" else None
    return replace(report, flows=(replace(report.flows[0], verdict=verdict, error=error),))


def without_code(text: str) -> str:
    """What is left of our Markdown without code: fenced, in spans (GFM 6.3), and in HTML."""
    text = re.sub(r"^(`{3,})text\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<code>[^<>]*</code>", "", text)
    return re.sub(r"(?<!`)(`+)(?!`)(?:.*?[^`])\1(?!`)", "", text)


def test_files_that_could_not_be_collected_come_first_and_are_bounded() -> None:
    long = Uncollected(file="f" * 500, error="\n".join(["e" * 500] * 50))
    text = render_markdown(replace(report_of(FAILED), uncollected=(long,) * 50))
    assert text.startswith("### Flow reproducibility: 50 files not collected, 1 error\n\n- **not c")
    head, _, _ = text.partition("\n\n<sub>")
    assert len(head.encode()) <= HEAD_LIMIT
    assert "**Next:** correct the files that could not be collected; " in head
    assert len(text.encode()) <= LIMIT


def test_obsolete_baselines_and_unused_patterns_are_a_list() -> None:
    obsolete = Obsolete(folder="flows/a", reason="flows/a.py does not exist")
    report = replace(report_of(REPRODUCED), obsolete=(obsolete,), unused_patterns=("ignore: x",))
    lines = render_markdown(report).splitlines()
    at = lines.index("- `obsolete baseline flows/a: flows/a.py does not exist`")
    assert lines[at + 1].startswith("- `tool.flowrepro.ignore: x matched nothing")


def test_equal_short_texts_are_not_shown_on_both_sides() -> None:
    table = replace(SCORE, old="DataFrame 9 x 2", new="DataFrame 9 x 2")
    text = render_markdown(report_of(replace(DRIFTED, changes=(table,))))
    assert "| `DataFrame 9 x 2` | `differs inside` |" in text
