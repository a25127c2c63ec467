from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flow_reports import ATTACKS, DRIFTED, FAILED, REPRODUCED, SCORE, hostile, report_of

from pytest_flowrepro.report import render_markdown
from pytest_flowrepro.report.markdown import code

GITHUB_LIMIT = 65_536


def test_a_pull_request_sees_counts_a_table_and_folded_details() -> None:
    assert render_markdown(report_of(REPRODUCED, DRIFTED)) == (
        "### Flow reproducibility: 1 drifted, 1 reproduced\n"
        "\n"
        "| verdict | flow | what changed |\n"
        "|---|---|---|\n"
        "| drifted | `flows/train.py::TrainFlow@small` | 1 artifact, 1 package changed; "
        "1 file changed since the baseline; 2 nondeterministic artifacts not compared |\n"
        "| reproduced | `flows/hello.py::HelloFlow` |  |\n"
        "\n"
        "<sub>`checked with packages as locked`, `selected by flows -k train`, `commit 0123456789 "
        "on main, with changes that are not committed`, `2026-11-29T15:30:50Z`, "
        "`Linux-6.1.0-x86_64-with-glibc2.36`, `CPython 3.11.7`, `pytest-flowrepro 1.2.3`</sub>\n"
        "\n"
        "<details open><summary>drifted: <code>flows/train.py::TrainFlow@small</code></summary>\n"
        "\n"
        "- `train[0, 3].score  changed: 0.91 -> 0.93`\n"
        "  - `['auc'][3]: 0.91 -> 0.93`\n"
        "- `numpy  changed: 2.4.5 -> 2.4.6   package of base`\n"
        "- `train.py  changed   code file   shown only`\n"
        "- note: `@kubernetes ran locally`\n"
        "\n"
        "</details>\n"
    )


def test_an_error_is_shown_in_its_own_words() -> None:
    text = render_markdown(report_of(FAILED))

    assert (
        "```text\nmanifest.json: is empty\nWhat to do: record the flow again\n```\n\n\n</details>"
        in text
    )


def test_a_session_without_flows_has_a_heading() -> None:
    assert render_markdown(report_of()).startswith("### Flow reproducibility: no flows\n")


def test_a_long_report_says_what_it_leaves_out() -> None:
    many = replace(DRIFTED, changes=(replace(SCORE, new="größer" * 20),) * 1000)
    reports = [replace(many, flow=f"Flow{i}") for i in range(500)]
    text = render_markdown(report_of(REPRODUCED, *reports))

    assert GITHUB_LIMIT // 2 < len(text.encode()) <= GITHUB_LIMIT
    assert re.search(r"^\d+ more flows left out of this table\.$", text, re.MULTILINE)
    assert re.search(r"^The details of 4\d\d more flows are left out", text, re.MULTILINE)
    assert re.search(r"^- [\d,]+ more lines left out: see the JSON report$", text, re.MULTILINE)
    assert text.count("<details") == text.count("</details>")
    assert "drifted" in text.splitlines()[4]


def test_a_long_error_is_cut() -> None:
    text = render_markdown(
        report_of(replace(FAILED, error="x" * 99 + "\n" + "long line\n" * 100_000))
    )

    assert len(text) <= GITHUB_LIMIT
    assert re.search(r"^\[\.\.\. [\d,]+ more lines \.\.\.\]\n```$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        ("a ` b", "``a ` b``"),
        ("`a`", "`` `a` ``"),
        ("a ``` b ` c", "````a ``` b ` c````"),
        (" a ", "`  a  `"),
        ("", "` `"),
        ("a\n\nb", r"`a\n\nb`"),
    ],
)
def test_a_code_span_holds_any_text(text: str, shown: str) -> None:
    assert code(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("a|b", r"`a\|b`"), (r"a\|b", r"`a\\\|b`"), (r"a\\|b", r"`a\\\\\|b`")]
)
def test_a_pipe_does_not_end_the_cell_of_a_table(text: str, shown: str) -> None:
    assert code(text, in_table=True) == shown


@pytest.mark.parametrize("text", ATTACKS)
def test_a_value_is_code_and_nothing_else(text: str) -> None:
    shown = render_markdown(hostile(text))

    shown.encode()
    cells = [line for line in shown.splitlines() if line.startswith("| error")]
    assert [len(re.findall(r"(?<!\\)(?:\\\\)*\|", cell)) for cell in cells] == [4]
    outside = without_code(shown)
    assert not re.search(r"evil|octocat|pwned|alert|out</b>|heading|\||\x1b", outside), outside
    assert outside.count("<") == outside.count(">") == 6


def without_code(text: str) -> str:
    """What is left of our Markdown without code: fenced, in spans (GFM 6.3), and in HTML."""
    text = re.sub(r"^(`{3,})text\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<code>[^<>]*</code>", "", text)
    text = re.sub(r"(?<!`)(`+)(?!`)(?:.*?[^`])\1(?!`)", "", text)
    return text.replace("| verdict | flow | what changed |\n|---|---|---|\n", "").replace(
        "| error |  | 1 artifact, 1 package changed |", ""
    )
