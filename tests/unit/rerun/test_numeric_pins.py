from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_flowrepro.model import NumericProfile, Numerics
from pytest_flowrepro.rerun.numeric_pins import (
    NUMPY,
    another_machine,
    below,
    overridden,
    pins,
    variables,
)
from pytest_flowrepro.support.hardware import Hardware

HERE = Hardware(machine="x86_64", processors=8, usable=8, level="x86-64-v4")
NEW = Numerics(features=("X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR"))
"""As numpy 2.4 names them."""
OLD = Numerics(features=("SSE42", "AVX", "FMA3", "AVX2", "AVX512F", "AVX512_SKX", "AVX512_ICL"))
MACHINE = NumericProfile(threads=None, cpu=None)


def at(level: str | None, *, machine: str = "x86_64") -> Hardware:
    return replace(HERE, level=level, machine=machine)


@pytest.mark.parametrize(
    ("cpu", "numerics", "disabled", "core"),
    [
        ("x86-64-v3", NEW, "X86_V4 AVX512_ICL AVX512_SPR", "Haswell"),
        ("x86-64-v2", NEW, "X86_V3 X86_V4 AVX512_ICL AVX512_SPR", "Nehalem"),
        ("x86-64-v4", NEW, "AVX512_ICL AVX512_SPR", "SkylakeX"),
        ("x86-64-v3", OLD, "AVX512F AVX512_SKX AVX512_ICL", "Haswell"),
        ("x86-64-v2", OLD, "AVX FMA3 AVX2 AVX512F AVX512_SKX AVX512_ICL", "Nehalem"),
        ("x86-64-v3", Numerics(features=("X86_V3",)), None, "Haswell"),
        ("x86-64-v3", Numerics(), None, "Haswell"),
        (None, NEW, None, None),
    ],
)
def test_a_level_takes_away_what_the_environments_own_numpy_has_above_it(
    cpu: str | None, numerics: Numerics, disabled: str | None, core: str | None
) -> None:
    found = variables(NumericProfile(cpu=cpu), HERE, numerics)
    assert found.get(NUMPY) == disabled
    assert found.get("OPENBLAS_CORETYPE") == core


@pytest.mark.parametrize(
    ("hardware", "core"),
    [
        (at("x86-64-v4"), "Haswell"),
        (at("x86-64-v3"), "Haswell"),
        (at("x86-64-v2"), "Nehalem"),
        (at("x86-64"), None),
        (at(None), "Haswell"),
        (at(None, machine="aarch64"), None),
        (at(None, machine="arm64"), None),
    ],
)
def test_no_library_gets_instructions_that_the_machine_does_not_have(
    hardware: Hardware, core: str | None
) -> None:
    found = variables(NumericProfile(), hardware, Numerics())
    assert found.get("OPENBLAS_CORETYPE") == core
    assert found["OMP_NUM_THREADS"] == "1", "threads are pinned on every architecture"


def test_threads_are_those_of_the_profile_or_the_machines() -> None:
    found = variables(NumericProfile(threads=3), HERE, NEW)
    assert {found[name] for name in found if name.endswith("_THREADS")} == {"3"}
    assert found["LOKY_MAX_CPU_COUNT"] == "3"
    assert variables(MACHINE, HERE, NEW) == {}


def test_a_step_with_a_numpy_of_its_own_has_its_names() -> None:
    found = pins(NumericProfile(), HERE, base=NEW, steps={"a": OLD, "b": NEW, "c": Numerics()})
    assert found.base[NUMPY] == "X86_V4 AVX512_ICL AVX512_SPR"
    assert found.steps == {
        "a": {NUMPY: "AVX512F AVX512_SKX AVX512_ICL"},
        "c": {NUMPY: ""},
    }
    assert found.of_steps({NUMPY: "mine"}) == {"a": {}, "c": {}}


@pytest.mark.parametrize(
    ("profile", "hardware", "other"),
    [
        (NumericProfile(), HERE, NumericProfile(threads=4, cpu=None)),
        (NumericProfile(), at("x86-64-v3"), NumericProfile(threads=4, cpu="x86-64-v2")),
        (NumericProfile(), at("x86-64-v2"), NumericProfile(threads=4, cpu="x86-64-v2")),
        (NumericProfile(threads=8), HERE, NumericProfile(threads=1, cpu=None)),
        (MACHINE, HERE, NumericProfile(threads=1, cpu="x86-64-v3")),
        (MACHINE, replace(HERE, usable=1), NumericProfile(threads=2, cpu="x86-64-v3")),
        (NumericProfile(), replace(HERE, usable=2), NumericProfile(threads=2, cpu=None)),
        (MACHINE, at(None, machine="aarch64"), NumericProfile(threads=1, cpu=None)),
    ],
)
def test_another_machine_differs_in_whatever_this_one_can_do(
    profile: NumericProfile, hardware: Hardware, other: NumericProfile
) -> None:
    assert another_machine(profile, hardware) == other


@pytest.mark.parametrize(
    ("profile", "hardware", "sentence"),
    [
        (NumericProfile(), HERE, None),
        (NumericProfile(), at("x86-64-v3"), None),
        (NumericProfile(), at(None), None),
        (MACHINE, at("x86-64-v2"), None),
        (NumericProfile(), at("x86-64-v2"), 'is x86-64-v2, below cpu = "x86-64-v3"'),
        (NumericProfile(), at("x86-64"), 'is x86-64, below cpu = "x86-64-v3"'),
        (NumericProfile(), at(None, machine="arm64"), 'cpu = "x86-64-v3" does not apply to arm64'),
    ],
)
def test_a_machine_that_cannot_do_what_the_profile_asks_for_is_reported(
    profile: NumericProfile, hardware: Hardware, sentence: str | None
) -> None:
    found = below(profile, hardware)
    assert (found is None) == (sentence is None)
    assert sentence is None or sentence in (found or "")


def test_a_variable_of_the_user_takes_precedence_and_is_reported() -> None:
    given = {"OMP_NUM_THREADS": "4", "MODE": "x", "OPENBLAS_CORETYPE": "Zen", "MKL_CBWR": "AVX2"}
    assert list(overridden(NumericProfile(), given)) == [
        "OMP_NUM_THREADS is set by `env`, which takes precedence over threads = 1",
        (
            "MKL_CBWR, OPENBLAS_CORETYPE are set by `env`, which takes precedence over "
            'cpu = "x86-64-v3"'
        ),
    ]
    assert list(overridden(MACHINE, given)) == []
    assert list(overridden(NumericProfile(), {"MODE": "x"})) == []
