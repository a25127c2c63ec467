"""The policy of a job, as its settings say it."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.model import CodeFile, FlowSource, Policy
from pytest_flowrepro.model.patterns import Patterns, Terms
from pytest_flowrepro.pipeline import Job, policy_of
from pytest_flowrepro.settings.reader import read_settings
from pytest_flowrepro.settings.settings import DEFAULT_GATES
from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def policy(root: Path, settings: str = "") -> Policy:
    """Of TrainFlow in flows/train.py, with this text in the project's table."""
    (root / "pyproject.toml").write_text(f"[tool.flowrepro]\n{settings}\n", encoding="utf-8")
    file = root / "flows" / "train.py"
    job = Job(
        flow=FlowSource(file=file, name="TrainFlow", lineno=1, steps=("start", "end")),
        case=None,
        settings=read_settings(root).for_flow("TrainFlow"),
        root=root,
        folder=root / "job",
        environments=root / "environments",
        resolutions=root / "resolutions",
        temporary=root / "tmp",
    )
    return policy_of(job)


def test_without_settings_it_has_the_defaults(tmp_path: Path) -> None:
    assert policy(tmp_path) == Policy(fail_on=DEFAULT_GATES)


def test_a_variable_that_is_passed_through_is_there_by_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-token")
    found = policy(tmp_path, 'env = { TOKEN = { pass = true }, MODE = "test" }')
    assert found.env == (("MODE", "test"), ("TOKEN", None))
    assert "s3cr3t" not in repr(found)


def test_credentials_in_urls_are_left_out_wherever_they_are(tmp_path: Path) -> None:
    url = "https://bob:hunter2@host.example/x"
    found = policy(
        tmp_path,
        f"""
        env = {{ INDEX = "{url}" }}
        conda-channels = ["{url}"]
        [tool.flowrepro.flow.TrainFlow]
        parameters = {{ source = "{url}", more = {{ inner = ["{url}"] }} }}
        configs = {{ plain = {{ value = "{url}" }} }}
        """,
    )
    assert "hunter2" not in repr(found)
    assert repr(found).count("https://host.example/x") == 5


def test_numbers_that_json_has_no_form_for_are_texts(tmp_path: Path) -> None:
    found = policy(tmp_path, "flow.TrainFlow.parameters = { a = nan, b = [-inf, 1.5] }")
    assert found.parameters == (
        ("a", {"$float": "nan"}),
        ("b", [{"$float": "-inf"}, 1.5]),
    )


def test_encoders_are_there_by_their_place_and_digest_as_the_code_is(tmp_path: Path) -> None:
    (tmp_path / "encoders.py").write_bytes(b"ENCODERS = {}\n")
    digest = hashlib.sha256(b"ENCODERS = {}\n").hexdigest()
    found = policy(tmp_path, 'encoders = "encoders.py"')
    assert found.encoders == CodeFile(path="../encoders.py", sha256=digest)

    with pytest.raises(SettingsError, match="encoders"):
        policy(tmp_path, 'encoders = "others.py"')


def test_the_order_of_patterns_counts_for_tolerances_only(tmp_path: Path) -> None:
    found = policy(
        tmp_path,
        """
        ignore = [{ pattern = "b", reason = "why", until = 2027-03-31 }, "a", "b"]
        rtol = { "z" = 1e-6, "**" = { tolerance = 1e-9, reason = "BLAS" } }
        include = ["b/*", "a/*"]
        """,
    )
    assert found.include == ("a/*", "b/*")
    assert found.patterns == Patterns(
        ignore=("a", "b"),
        rtol=(("z", 1e-6), ("**", 1e-9)),
        terms=(
            Terms(key="ignore", pattern="b", reason="why", until=date(2027, 3, 31)),
            Terms(key="rtol", pattern="**", reason="BLAS"),
        ),
    )
