"""`--flow-repro-json`, `--flow-repro-md`, `--flow-repro-html`, and the terminal's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Project


def test_json_tells_each_change(hello: Project) -> None:
    hello.edit("flow.py", '"hello "', '"hollow "')
    report = hello.report()
    assert report["schema"] == 1
    (flow,) = report["flows"]
    assert (flow["file"], flow["flow"], flow["case"]) == ("flow.py", "HelloFlow", None)
    assert flow["verdict"] == "drifted"
    assert set(flow["seconds"]) >= {"environment", "rerun", "capture"}
    changes = {(change["kind"], change["name"]): change for change in flow["changes"]}
    assert set(changes) == {
        ("code", "flow.py"),
        ("artifact", "greeting"),
        ("artifact", "letters"),
        ("artifact", "total"),
    }
    total = changes["artifact", "total"]
    assert (total["change"], total["step"], total["index"]) == ("changed", "end", [])
    assert (total["old"], total["new"], total["gated"]) == ("5", "6", True)
    assert changes["code", "flow.py"]["gated"] is False


def test_the_three_forms_are_written_side_by_side(hello: Project) -> None:
    hello.edit("flow.py", '"hello "', '"hollow "')
    result = hello.check(
        "--flow-repro-json=out/r.json", "--flow-repro-md=out/r.md", "--flow-repro-html=out/r.html"
    )
    result.stdout.fnmatch_lines(["wrote out/r.json", "wrote out/r.md", "wrote out/r.html"])
    markdown = (hello.path / "out" / "r.md").read_text(encoding="utf-8")
    html = (hello.path / "out" / "r.html").read_text(encoding="utf-8")
    for text in (markdown, html):
        assert "HelloFlow" in text
        assert "greeting" in text
        assert "hollow world" in text


def test_xdist_writes_the_same_report(hello: Project) -> None:
    hello.edit("flow.py", '"hello "', '"hollow "')
    alone = hello.report()["flows"][0]
    hello.check_apart("-n", "2", "--flow-repro-json=report.json")
    apart = hello.report("-n0")["flows"][0]
    assert apart["changes"] == alone["changes"]
    assert apart["verdict"] == alone["verdict"]


def test_a_report_that_cannot_be_written_is_said(hello: Project) -> None:
    hello.write("taken", "a file, not a folder")
    result = hello.check("-k", "environment", "--flow-repro-json=taken/report.json")
    assert result.ret != 0
    assert "taken/report.json" in result.stdout.str() + result.stderr.str()


def test_the_summary_counts_what_moved(hello: Project) -> None:
    hello.edit("flow.py", '"hello "', '"hollow "')
    result = hello.check()
    result.stdout.fnmatch_lines(
        ["*= flow-repro =*", "drifted     flow.py::HelloFlow  3 artifacts changed*"]
    )
