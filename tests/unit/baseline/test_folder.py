from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_flowrepro.baseline import baseline_folder, find_baselines, flow_and_case, flow_file
from pytest_flowrepro.baseline.folder import checked_folder, portable_name
from pytest_flowrepro.support.errors import BaselineError


@pytest.mark.parametrize(
    ("file", "flow", "case", "folder"),
    [
        ("flows/train.py", "TrainFlow", None, "flows/__flowrepro__/train/TrainFlow"),
        ("flows/train.py", "TrainFlow", "small", "flows/__flowrepro__/train/TrainFlow@small"),
        ("flows/train.py", "TrainFlow", "", "flows/__flowrepro__/train/TrainFlow@"),
        ("hello-cloud.py", "Hello_1", None, "__flowrepro__/hello-cloud/Hello_1"),
        ("a.b.py", "F", "v1.2", "__flowrepro__/a.b/F@v1.2"),
        ("my flow.py", "F", "a b", "__flowrepro__/my%20flow/F@a%20b"),
        ("x.py", "F", "../x", "__flowrepro__/x/F@%2E.%2Fx"),
        ("x.py", "F", "/etc/passwd", "__flowrepro__/x/F@%2Fetc%2Fpasswd"),
        ("x.py", "F", "a.", "__flowrepro__/x/F@a%2E"),
        ("x.py", "F", "a@b%c", "__flowrepro__/x/F@a%40b%25c"),
        ("x.py", "CON", None, "__flowrepro__/x/%43ON"),
        ("aux.py", "F", None, "__flowrepro__/%61ux/F"),
        ("nul.v2.py", "F", None, "__flowrepro__/%6Eul.v2/F"),
        ("console.py", "F", None, "__flowrepro__/console/F"),
        ("x.py", "Été", None, "__flowrepro__/x/%C3%89t%C3%A9"),
        ("...py", "F", None, "__flowrepro__/%2E%2E/F"),
    ],
)
def test_names_are_safe_on_every_file_system(
    file: str, flow: str, case: str | None, folder: str
) -> None:
    assert baseline_folder(Path("/repo", file), flow, case) == Path("/repo", folder)


@given(one=st.text(), other=st.text())
def test_two_names_never_share_a_folder_and_none_leaves_it(one: str, other: str) -> None:
    assume(one != other)
    name = portable_name(one)

    assert name != portable_name(other)
    assert "/" not in name
    assert "\\" not in name
    assert name.isascii()
    assert not name.startswith(".")
    assert not name.endswith((".", " "))


@pytest.mark.parametrize("file", ["train.py", "flows/hello-cloud.py", "a b.py", "con.py", "é.py"])
@pytest.mark.parametrize(
    ("flow", "case"), [("F", None), ("CON", "a@b"), ("Été", ""), ("F", "../x")]
)
def test_a_folder_leads_back_to_its_flow(file: str, flow: str, case: str | None) -> None:
    folder = baseline_folder(Path("/repo", file), flow, case)

    assert flow_file(folder) == Path("/repo", file)
    assert flow_and_case(folder) == (flow, case)


def test_every_baseline_below_a_folder_is_found(tmp_path: Path) -> None:
    wanted = [
        tmp_path / "__flowrepro__/top/A",
        tmp_path / "flows/__flowrepro__/train/TrainFlow",
        tmp_path / "flows/__flowrepro__/train/TrainFlow@small",
    ]
    other = [
        tmp_path / "flows/__flowrepro__/train/.TrainFlow.new",
        tmp_path / ".git/__flowrepro__/x/F",
        tmp_path / "venv/lib/__flowrepro__/x/F",
        tmp_path / "flows/other/train/F",
    ]
    for folder in (*wanted, *other):
        folder.mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").touch()
    (tmp_path / "flows/__flowrepro__/train/README.md").touch()

    assert find_baselines(tmp_path) == tuple(wanted)


def test_a_symlink_within_the_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / "kept/train/F").mkdir(parents=True)
    (tmp_path / "__flowrepro__").symlink_to("kept")

    found = checked_folder(tmp_path / "__flowrepro__/train/F", root=tmp_path)

    assert found == tmp_path.resolve() / "kept/train/F"


@pytest.mark.parametrize("link", ["__flowrepro__", "__flowrepro__/x", "__flowrepro__/x/F"])
def test_a_symlink_out_of_the_project_is_refused(tmp_path: Path, link: str) -> None:
    root = tmp_path / "repo"
    (root / link).parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (root / link).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(
        BaselineError, match=r"^__flowrepro__/x/F points outside of the project, to /"
    ):
        checked_folder(root / "__flowrepro__/x/F", root=root)


def test_a_loop_of_symlinks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "__flowrepro__").symlink_to("__flowrepro__")

    with pytest.raises(BaselineError, match="__flowrepro__/x/F is part of a symlink loop"):
        checked_folder(tmp_path / "__flowrepro__/x/F", root=tmp_path)


@pytest.mark.parametrize(
    ("there", "asked", "message"),
    [
        ("train/trainflow", "train/TrainFlow", "train/trainflow and TrainFlow differ by case"),
        ("Train/F", "train/F", "__flowrepro__/Train and train differ by case"),
        ("x/F@A", "x/F@a", "x/F@A and F@a differ by case"),
    ],
)
def test_a_neighbour_whose_name_differs_by_case_only_is_refused(
    tmp_path: Path, there: str, asked: str, message: str
) -> None:
    (tmp_path / "__flowrepro__" / there).mkdir(parents=True)

    with pytest.raises(BaselineError, match=message):
        checked_folder(tmp_path / "__flowrepro__" / asked, root=tmp_path)
