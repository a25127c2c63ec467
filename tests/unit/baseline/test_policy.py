from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import POLICY, recording

from pytest_flowrepro.baseline import MANIFEST, decode_recording, encode_recording
from pytest_flowrepro.model import CodeFile, Gate, NumericProfile, Policy
from pytest_flowrepro.model.patterns import Patterns, Terms
from pytest_flowrepro.support.errors import BaselineError
from pytest_flowrepro.support.hardware import CPU_LEVELS

FULL = Policy(
    fail_on=frozenset({"artifacts", "environment", "policy"}),
    patterns=Patterns(
        ignore=("start.at", "train.rows.*.id"),
        rtol=(("**", 1e-6), ("train.bias", 0.0)),
        atol=(("train", 0.5),),
        terms=(
            Terms(
                key="ignore",
                pattern="train.rows.*.id",
                reason="drawn anew",
                until=date(2027, 3, 31),
            ),
            Terms(key="atol", pattern="train", until=date(2030, 1, 1)),
        ),
    ),
    env=(("MODE", "test"), ("TOKEN", None)),
    parameters=(("alpha", 0.1), ("names", ["a", "b"])),
    configs=(("limits", {"rows": 100}), ("model", "configs/small.json")),
    include=("data/*.csv",),
    cwd="flows",
    after=("IngestFlow",),
    encoders=CodeFile(path="../encoders.py", sha256="33"),
    conda_from_pypi=True,
    conda_channels=("bioconda", "conda-forge"),
    numeric=NumericProfile(threads=4, cpu=None),
)

FULL_TEXT = """\
  "policy": {
    "fail-on": [
      "artifacts",
      "environment",
      "policy"
    ],
    "threads": 4,
    "cpu": "machine",
    "ignore": [
      {"pattern": "start.at"},
      {"pattern": "train.rows.*.id", "reason": "drawn anew", "until": "2027-03-31"}
    ],
    "rtol": [
      {"pattern": "**", "tolerance": 1e-06},
      {"pattern": "train.bias", "tolerance": 0.0}
    ],
    "atol": [
      {"pattern": "train", "tolerance": 0.5, "until": "2030-01-01"}
    ],
    "env": {
      "MODE": "test",
      "TOKEN": {"pass": true}
    },
    "parameters": {
      "alpha": 0.1,
      "names": ["a", "b"]
    },
    "configs": {
      "limits": {"rows": 100},
      "model": "configs/small.json"
    },
    "include": [
      "data/*.csv"
    ],
    "cwd": "flows",
    "after": [
      "IngestFlow"
    ],
    "encoders": {
      "file": "../encoders.py",
      "sha256": "33"
    },
    "conda": "pypi",
    "conda-channels": [
      "bioconda",
      "conda-forge"
    ]
  },
"""


def manifest(policy: Policy) -> str:
    return encode_recording(replace(recording(), policy=policy))[MANIFEST]


def read_back(policy: Policy) -> Policy:
    return decode_recording(encode_recording(replace(recording(), policy=policy))).policy


def test_a_reviewer_sees_one_setting_per_line() -> None:
    assert FULL_TEXT in manifest(FULL)


def test_settings_that_are_not_set_are_left_out() -> None:
    text = manifest(Policy(fail_on=frozenset()))
    section = '  "policy": {\n    "fail-on": [],\n    "threads": 1,\n    "cpu": "x86-64-v3"\n  },\n'
    assert section in text


_json = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
_numbers = st.lists(
    st.tuples(st.text(), st.floats(0, 1e308)), unique_by=lambda entry: entry[0], max_size=3
).map(tuple)


@st.composite
def _patterns(draw: st.DrawFn) -> Patterns:
    ignore = tuple(draw(st.lists(st.text(), unique=True, max_size=3)))
    bare = Patterns(ignore=ignore, rtol=draw(_numbers), atol=draw(_numbers))
    terms = [
        Terms(
            key=key,
            pattern=pattern,
            reason=draw(st.none() | st.text()),
            until=draw(st.none() | st.dates()),
        )
        for key, pattern in bare
    ]
    return replace(bare, terms=tuple(filter(None, terms)))


def _named(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    named = st.dictionaries(st.text(), values, max_size=3)
    return named.map(lambda found: tuple(sorted(found.items())))


_policies = st.builds(
    Policy,
    fail_on=st.frozensets(st.sampled_from(get_args(Gate))),
    patterns=_patterns(),
    env=_named(st.none() | st.text()),
    parameters=_named(_json),
    configs=_named(_json),
    include=st.lists(st.text(), max_size=3).map(tuple),
    cwd=st.none() | st.text(min_size=1),
    after=st.lists(st.text(), max_size=3).map(tuple),
    encoders=st.none() | st.builds(CodeFile, path=st.text(), sha256=st.text()),
    conda_from_pypi=st.booleans(),
    conda_channels=st.lists(st.text(), max_size=3).map(tuple),
    numeric=st.builds(
        NumericProfile,
        threads=st.none() | st.integers(min_value=1),
        cpu=st.sampled_from([None, *CPU_LEVELS]),
    ),
)


@pytest.mark.slow
@given(policy=_policies)
def test_any_policy_comes_back_exactly(policy: Policy) -> None:
    # repr tells 1 from 1.0 and True, which == does not; a frozenset has no order of its own.
    bare = replace(policy, fail_on=frozenset())
    assert repr(replace(read_back(policy), fail_on=frozenset())) == repr(bare)
    assert read_back(policy).fail_on == policy.fail_on


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"artifacts",', '"everything",', 'policy["fail-on"][0] should be one of environment,'),
        ('"fail-on"', '"fail-in"', 'policy["fail-on"] is missing'),
        ('"cwd"', '"cmd"', "policy.cmd: unknown key"),
        ('"tolerance": 0.5', '"tolerance": "0.5"', "policy.atol[0].tolerance should be a number"),
        ('"tolerance": 0.5', '"tolerance": true', "policy.atol[0].tolerance should be a number"),
        ('"tolerance": 0.5', f'"tolerance": 1{"0" * 400}', "should be a number that a float can"),
        ('"tolerance": 0.5, ', "", "policy.atol[0].tolerance is missing"),
        ('"2027-03-31"', '"31 March"', "policy.ignore[1].until should be a day, YYYY-MM-DD"),
        ('{"pass": true}', '{"pass": false}', "policy.env.TOKEN should be a string or"),
        ('"pypi"', '"conda"', 'policy.conda should be "pypi", is "conda"'),
        ('"threads": 4', '"threads": 0', 'policy.threads should be a number above 0 or "machine"'),
        ('"threads": 4', '"threads": true', "policy.threads should be a number above 0"),
        ('"cpu": "machine"', '"cpu": "x86-64-v1"', "policy.cpu should be one of x86-64-v2,"),
    ],
)
def test_a_damaged_policy_is_named_with_the_place_in_it(old: str, new: str, message: str) -> None:
    files = encode_recording(replace(recording(), policy=FULL))
    assert old in files[MANIFEST]
    before, section, after = files[MANIFEST].partition('"policy": {')

    with pytest.raises(BaselineError) as caught:
        decode_recording({**files, MANIFEST: before + section + after.replace(old, new, 1)})

    assert message in caught.value.what


def test_the_policy_of_a_recording_is_required() -> None:
    files = encode_recording(replace(recording(), policy=POLICY))
    text = files[MANIFEST].replace('"policy": {', '"politics": {', 1)

    with pytest.raises(BaselineError, match=r"manifest.json: policy is missing"):
        decode_recording({**files, MANIFEST: text})
