from __future__ import annotations

import re

import pytest

from pytest_flowrepro.report.gfm import bullets, code, fenced, linked, row, table


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


def test_a_long_text_is_cut_before_its_backticks_are_counted() -> None:
    assert code("abcdef", most=6) == "`abcdef`"
    assert code("abcdefg`", most=6) == "`abc...`"
    assert code("`bcdefgh", most=6) == "`` `bc... ``"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x.example/) <b>", None])
def test_only_a_plain_web_address_is_linked(url: str | None) -> None:
    assert linked("`six`", "https://x.example/a") == "[`six`](https://x.example/a)"
    assert linked("`six`", url) == "`six`"


def test_a_long_block_is_cut_at_a_line() -> None:
    shown = fenced("first\n" + "long line\n" * 100, 60)
    assert shown == "```text\nfirst\n" + "long line\n" * 5 + "[... 95 more lines ...]\n```\n\n"
    assert fenced("a\n````\nb", 60) == "`````text\na\n````\nb\n`````\n\n"


def test_a_long_list_says_how_many_lines_it_leaves_out() -> None:
    assert bullets(["- a", "  - b"], 60) == "- a\n  - b\n"
    assert bullets(["- a"] * 20, 8) == "- a\n- a\n- 18 more lines left out: see the JSON report\n"


def rows_of(text: str) -> int:
    return len(re.findall(r"^\| `\d+` \|$", text, re.MULTILINE))


def test_a_long_table_is_folded_and_then_cut() -> None:
    rows = [row([code(str(number))]) for number in range(100)]
    short = table(["a"], rows[:10], total=10, noun="cell", limit=1000)
    folded = table(["a"], rows[:30], total=30, noun="cell", limit=1000)
    cut = table(["a"], rows, total=100, noun="cell", limit=200)

    assert short.startswith("| a |\n| --- |\n| `0` |\n")
    assert "details" not in short
    unfolded, _, rest = folded.partition("\n<details><summary>20 more cells</summary>\n\n| a |\n")
    assert (rows_of(unfolded), rows_of(rest)) == (10, 20)
    left = re.search(r"^(\d+) more cells left out: see the JSON report\.$", cut, re.MULTILINE)
    assert left is not None
    assert rows_of(cut) + int(left[1]) == 100
