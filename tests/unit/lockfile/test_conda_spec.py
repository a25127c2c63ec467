from __future__ import annotations

import pytest

from pytest_flowrepro.lockfile.conda_spec import (
    CondaRequirements,
    channels_from,
    conda_requirements,
    step_specs,
)
from pytest_flowrepro.model import CondaSpec

FORGE = "https://conda.anaconda.org/conda-forge"


def asked(
    packages: dict[str, str], *, python: str = "3.11.7", channels: tuple[str, ...] = ()
) -> CondaRequirements:
    specs = step_specs(packages, python=python)
    return conda_requirements(specs, channels=channels, source="step train")


def texts(requirements: CondaRequirements) -> tuple[str, ...]:
    return tuple(map(str, requirements.specs))


@pytest.mark.parametrize(
    ("version", "spec"),
    [
        ("2.1.1", "pandas==2.1.1"),
        ("==2.1.1", "pandas==2.1.1"),
        ("=2.1", "pandas=2.1"),
        (">=2.1,<3", "pandas>=2.1,<3"),
        ("!=2.1", "pandas!=2.1"),
        ("~=2.1", "pandas~=2.1"),
        ("2.1.*", "pandas==2.1.*"),
        ("2.1.1=py311h320fe9a_0", "pandas==2.1.1=py311h320fe9a_0"),
        ("", "pandas"),
    ],
)
def test_versions_are_written_as_metaflow_writes_them(version: str, spec: str) -> None:
    assert texts(asked({"pandas": version})) == (spec, "python==3.11.7", "requests>=2.21.0")


def test_metaflows_own_pin_gives_way_to_the_steps() -> None:
    assert texts(asked({"requests": "2.31.0"})) == ("python==3.11.7", "requests==2.31.0")


def test_the_free_threaded_python_is_a_package_of_its_own() -> None:
    specs = texts(asked({}, python="3.13.0t"))
    assert specs == ("python-freethreading", "python==3.13.0", "requests>=2.21.0")


def test_conda_forge_is_the_channel_where_none_is_given() -> None:
    assert asked({}).channels == (FORGE,)


def test_channels_keep_their_order_and_defaults_are_two() -> None:
    given = ("bioconda", "https://conda.corp/ml/", "defaults", "bioconda")
    assert asked({}, channels=given).channels == (
        "https://conda.anaconda.org/bioconda",
        "https://conda.corp/ml",
        "https://repo.anaconda.com/pkgs/main",
        "https://repo.anaconda.com/pkgs/r",
    )


def test_a_channel_that_a_package_names_comes_last() -> None:
    found = asked({"pytorch::pytorch": "2.1.0", "conda-forge::six": ">=1.15"})
    assert found.channels == (FORGE, "https://conda.anaconda.org/pytorch")
    assert texts(found)[:2] == (
        f"{FORGE}::six>=1.15",
        "https://conda.anaconda.org/pytorch::pytorch==2.1.0",
    )


def test_a_named_channel_is_asked_with_the_credentials_that_it_was_given() -> None:
    private = "https://ann:hunter2@conda.corp/ml"
    found = asked({"https://conda.corp/ml::six": "1.15"}, channels=(private,))
    assert found.channels == (private,)
    assert f"{private}::six==1.15" in texts(found)
    assert found.shown[0] == "https://conda.corp/ml::six==1.15"
    assert "hunter2" not in "".join(found.shown)


def test_the_configurations_channels_come_before_those_of_the_environment() -> None:
    environ = {"CONDA_CHANNELS": "bioconda, conda-forge"}
    assert channels_from([], environ) == ("bioconda", "conda-forge")
    assert channels_from(["corp"], environ) == ("corp",)
    assert channels_from([], {}) == ()


def test_what_a_file_asks_for_is_taken_as_it_is_written() -> None:
    found = conda_requirements(
        [CondaSpec("numpy=1.26"), CondaSpec("samtools >=1.9", channel="bioconda")],
        channels=["https://bob:pw@host/forge"],
        source="environment.yml",
    )

    bioconda = "https://conda.anaconda.org/bioconda"
    assert texts(found) == (f"{bioconda}::samtools >=1.9", "numpy=1.26", "python")
    assert found.channels == ("https://bob:pw@host/forge", bioconda)


@pytest.mark.parametrize("python", ["python=3.11", "conda-forge::python", "Python 3.11.*"])
def test_a_file_may_name_its_python(python: str) -> None:
    found = conda_requirements([CondaSpec.parse(python)], channels=[], source="environment.yml")

    assert len(found.specs) == 1
