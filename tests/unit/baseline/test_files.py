from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locks import HASH, locked
from recordings import LOCK, LOCK_FILE, artifact, recording, task
from requirement_lines import requirement_lines

from pytest_flowrepro.baseline import ARTIFACTS, MANIFEST, decode_recording, encode_recording
from pytest_flowrepro.model import (
    Artifact,
    Constraints,
    NumericProfile,
    Package,
    System,
    digest_of,
    lock_file,
)
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from pytest_flowrepro.support.strict_json import Json

MANIFEST_TEXT = """\
{
  "schema": 1,
  "flow": "TrainFlow",
  "case": null,
  "runs": 2,
  "system": {
    "platform": "linux",
    "machine": "x86_64",
    "libc": "glibc 2.36",
    "numeric": {"threads": 1, "cpu": "x86-64-v3"},
    "processors": 8,
    "cpu": "x86-64-v4",
    "blas": {"base": {"numpy": "scipy-openblas 0.3.31"}}
  },
  "policy": {
    "fail-on": [
      "artifacts",
      "environment",
      "policy"
    ],
    "threads": 1,
    "cpu": "x86-64-v3"
  },
  "code": {
    "../shared.csv": "11",
    "train.py": "22"
  },
  "environments": {
    "base": {
      "python": "cpython 3.11.7",
      "lock": {"file": "FILE", "sha256": "LOCK"},
      "requirements": [
        "metaflow",
        "pandas>=2"
      ],
      "packages": {
        "metaflow": {"version": "2.19.39", "via": [], "record": "sha256:dd"},
        "numpy": {"version": "2.4.5", "via": ["pandas"], "record": "sha256:cc"}
      }
    }
  },
  "parameters": {
    "alpha": {
      "type": "float",
      "digest": "sha256:0.1",
      "value": 0.1
    }
  },
  "steps": [
    {"name": "start", "type": "foreach", "next": ["train"], "decorators": []},
    {"name": "train", "type": "linear", "next": ["join"], "decorators": \
[{"name": "retry", "attributes": {"times": 3}}]},
    {"name": "join", "type": "join", "next": ["end"], "decorators": []},
    {"name": "end", "type": "end", "next": [], "decorators": []}
  ]
}
""".replace("LOCK", digest_of(LOCK)).replace("FILE", LOCK_FILE)

ARTIFACTS_TEXT = """\
{
  "schema": 1,
  "steps": {
    "start": {
      "[]": {
        "rows": {
          "type": "int",
          "digest": "sha256:100",
          "value": 100
        }
      }
    },
    "train": {
      "[0]": {
        "score": {
          "type": "float",
          "digest": "sha256:0.91",
          "value": 0.91
        }
      },
      "[1]": {
        "score": {
          "type": "float",
          "digest": "sha256:0.93",
          "value": 0.93
        }
      }
    },
    "end": {
      "[]": {}
    }
  }
}
"""


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        (NumericProfile(), '{"threads": 1, "cpu": "x86-64-v3"}'),
        (NumericProfile(threads=None, cpu=None), '{"threads": "machine", "cpu": "machine"}'),
        (NumericProfile(threads=4, cpu="x86-64-v2"), '{"threads": 4, "cpu": "x86-64-v2"}'),
    ],
)
def test_the_numeric_profile_and_the_machine_come_back(profile: NumericProfile, text: str) -> None:
    some = replace(recording(), system=replace(recording().system, numeric=profile))
    files = encode_recording(some)
    assert f'"numeric": {text}' in files[MANIFEST]
    # Not compared: the same flow on another machine is the same.
    found = decode_recording(files).system
    assert (found.numeric, found.processors, found.level) == (profile, 8, "x86-64-v4")
    assert found.blas == some.system.blas


def test_a_machine_of_which_nothing_is_known_is_read_back() -> None:
    plain = replace(recording(), system=System(platform="plan9", machine="mips", libc=""))
    found = decode_recording(encode_recording(plain)).system
    assert (found.numeric, found.processors, found.level) == (None, None, None)
    assert found.blas == ()


def test_a_reviewer_sees_one_thing_per_line() -> None:
    assert encode_recording(recording()) == {
        MANIFEST: MANIFEST_TEXT,
        ARTIFACTS: ARTIFACTS_TEXT,
        LOCK_FILE: LOCK,
    }


def test_a_recording_comes_back_whole() -> None:
    assert decode_recording(encode_recording(recording())) == recording()


def test_what_narrows_the_requirements_comes_back_by_its_digest() -> None:
    (environment,) = recording().environments
    limits = Constraints.of("limits.txt", requirement_lines("six<1.17"))
    given = replace(recording(), environments=(replace(environment, constraints=(limits,)),))
    files = encode_recording(given)
    assert f'"limits.txt": "{limits.digest}"' in files[MANIFEST]
    assert decode_recording(files) == given
    assert "constraints" not in encode_recording(recording())[MANIFEST]


def test_what_is_imported_comes_back_and_older_baselines_do_without() -> None:
    (environment,) = recording().environments
    given = replace(recording(), environments=(replace(environment, imported=("numpy",)),))
    files = encode_recording(given)
    assert '"imported": ["numpy"],' in files[MANIFEST]
    (found,) = decode_recording(files).environments
    assert found.imported == ("numpy",)
    assert "imported" not in encode_recording(recording())[MANIFEST]


def test_optional_fields_are_there_only_where_they_say_something() -> None:
    odd = replace(
        artifact("model", {"$opaque": "?"}),
        opaque=True,
        unread=True,
        determinism="hash-seed",
        type="m.Model",
    )
    base = recording().environments[0]
    vcs = Package(
        name="own",
        version="1",
        record="sha256:ee",
        via=(),
        direct_url="git+x",
        wheel="py3-none-any",
    )
    given = replace(
        recording(task("start", odd)),
        case="small",
        environments=(replace(base, packages=(vcs,)),),
    )
    files = encode_recording(given)

    fields = json.loads(files[ARTIFACTS])["steps"]["start"]["[]"]["model"]
    assert [*fields] == ["type", "digest", "value", "opaque", "unread", "determinism"]
    assert '"wheel": "py3-none-any", "direct_url": "git+x"}' in files[MANIFEST]
    assert decode_recording(files) == given


def test_order_is_that_of_the_graph_and_of_numbers_not_of_text() -> None:
    tasks = [task("train", index=(i,)) for i in (0, 2, 10)]
    given = recording(task("start"), *tasks, task("end"))
    mixed = list(given.tasks)
    random.Random(1).shuffle(mixed)

    files = encode_recording(replace(given, tasks=tuple(mixed)))

    assert files == encode_recording(given)
    assert decode_recording(files).tasks == given.tasks
    assert files[ARTIFACTS].index('"[2]"') < files[ARTIFACTS].index('"[10]"')
    assert files[ARTIFACTS].index('"train"') < files[ARTIFACTS].index('"end"')


def test_environments_with_one_lock_share_its_file() -> None:
    base = recording().environments[0]
    same, other = replace(base, name="step-a"), replace(base, name="../CON", lock=locked("six==1"))
    given = replace(recording(), environments=(other, base, same))

    files = encode_recording(given)

    assert sorted(files) == sorted([ARTIFACTS, LOCK_FILE, lock_file(other.lock.digest), MANIFEST])
    assert decode_recording(files) == given


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@given(name=st.text(), value=_json)
def test_any_name_and_any_json_value_come_back_exactly(name: str, value: Json) -> None:
    given = recording(task("start", Artifact(name=name, type="t", digest="d", value=value)))

    files = encode_recording(given)
    back = decode_recording({name: text.encode().decode() for name, text in files.items()})

    assert back == given
    assert repr(back.tasks) == repr(
        given.tasks
    )  # unlike ==, repr tells 1 from 1.0 and 0.0 from -0.0


def test_text_stays_readable_and_what_cannot_be_seen_is_escaped() -> None:
    text = encode_recording(recording(task("start", artifact(value="größer \x1b \ud800 \u202e"))))

    assert '"value": "größer \\u001b \\ud800 \\u202e"' in text[ARTIFACTS]


@pytest.mark.parametrize(
    "value", [float("nan"), [10**5000], {"a": object()}], ids=["nan", "5,000 digits", "object"]
)
def test_a_value_that_json_cannot_hold_is_not_recorded(value: Json) -> None:
    with pytest.raises(BaselineError, match="The value of score cannot be written as JSON"):
        encode_recording(recording(task("start", replace(artifact(), value=value))))


def test_two_tasks_of_one_index_are_not_recorded_as_one() -> None:
    with pytest.raises(BaselineError, match=r"Duplicate name \[0\]"):
        encode_recording(recording(task("train", index=(0,)), task("train", index=(0,))))


# --- damaged files --------------------------------------------------------------------


def edited(name: str, old: str, new: str) -> dict[str, str]:
    files = encode_recording(recording())
    assert old in files[name]
    return {**files, name: files[name].replace(old, new, 1)}


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            ARTIFACTS,
            '"digest": "sha256:0.91"',
            '"digest": 7',
            'artifacts.json: steps.train["[0]"].score.digest should be a string, is 7',
        ),
        (ARTIFACTS, '"digest": "sha256:0.91",', "", 'steps.train["[0]"].score.digest is missing'),
        (ARTIFACTS, '"value": 0.91', '"valeu": 0.91', 'steps.train["[0]"].score.value is missing'),
        (
            ARTIFACTS,
            '"value": 0.91',
            '"value": 1, "opague": true',
            'steps.train["[0]"].score.opague: unknown key',
        ),
        (ARTIFACTS, '"value": 0.91', '"value": 1, "opaque": 1', "should be true or false, is 1"),
        (ARTIFACTS, '"value": 0.91', '"value": 1, "unread": 1', "should be true or false, is 1"),
        (
            ARTIFACTS,
            '"value": 0.91',
            '"value": 1, "determinism": "no"',
            "score.determinism should be deterministic, machine, hash-seed or nondeterministic",
        ),
        (ARTIFACTS, '"[0]"', '"0"', 'steps.train["0"] should be named by a foreach index path'),
        (ARTIFACTS, '"[0]"', '"[0,3]"', 'steps.train["[0,3]"] should be named by'),
        (ARTIFACTS, '"[0]"', '"[, 3]"', 'steps.train["[, 3]"] should be named by'),
        (ARTIFACTS, '"[1]"', '"[0]"', 'line 21: duplicate key "[0]"'),
        (ARTIFACTS, '"[]": {}', '"[]": []', 'steps.end["[]"] should be an object, is an array'),
        (ARTIFACTS, '0.91",', '0.91"', "artifacts.json: is not valid JSON: line 18: "),
        (ARTIFACTS, '"value": 100', '"value": NaN', "line 9: NaN is not JSON"),
        (ARTIFACTS, '"schema": 1', '"schema": 2', "schema 2; this version reads schemas up to 1"),
        (MANIFEST, '"schema": 1', '"schema": 99', "manifest.json has schema 99"),
        (MANIFEST, '"schema": 1', '"schema": true', "schema should be a whole number, is true"),
        (MANIFEST, '"schema": 1', '"schema": "1"', 'schema should be a whole number, is "1"'),
        (MANIFEST, '"schema": 1', '"schema": 0', "schema should be 1 or more, is 0"),
        (MANIFEST, '"schema": 1,', "", "manifest.json: schema is missing"),
        (MANIFEST, '"runs": 2', '"runs": 2.0', "runs should be a whole number, is 2.0"),
        (MANIFEST, '"next": ["join"]', '"next": "join"', "steps[1].next should be an array"),
        (MANIFEST, '"next": ["join"]', '"next": [1]', "steps[1].next[0] should be a string"),
        (MANIFEST, '"flow": "TrainFlow"', '"flow": null', "flow should be a string, is null"),
        (MANIFEST, '"cpython 3.11.7"', '"3.11.7"', "should be an interpreter such as `cpython"),
        (
            MANIFEST,
            LOCK_FILE,
            "../../secret",
            f'environments.base.lock.file should be "{LOCK_FILE}", is "../../secret"',
        ),
        (
            MANIFEST,
            '"pandas>=2"',
            '"pandas >> 2"',
            'requirements[1] should be a requirement (PEP 508), is "pandas >> 2"',
        ),
        (
            LOCK_FILE,
            "2.4.5",
            "2.4.6",
            f"flows/__flowrepro__/{LOCK_FILE}: is not as it was recorded",
        ),
    ],
)
def test_a_damaged_file_is_named_with_the_place_in_it(
    name: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(BaselineError) as caught:
        decode_recording(edited(name, old, new), folder="flows/__flowrepro__/train/TrainFlow")

    assert message in caught.value.what
    assert caught.value.what.startswith("flows/__flowrepro__/")
    assert "\n" not in caught.value.what
    assert "--flow-repro-update" in caught.value.hint or "upgrade" in caught.value.hint


@pytest.mark.parametrize(
    ("lock", "problem"),
    [
        ("", "it does not have any packages"),
        ("beta==1.0", "line 1: beta has no hash"),
        (f"--index-url https://u:secret@h/\nbeta==1.0 --hash={HASH}", "line 1: the option --index"),
        (f"beta @ https://u:secret@h/b.whl --hash={HASH}", "line 1: beta comes from a URL"),
        ("<<<<<<< HEAD", "line 1: `<<<<<<<` is not a package"),
        (
            "# platform: linux-64\n@EXPLICIT\nhttps://u:secret@h/noarch/six-1.16.0-0.conda#00\n",
            "line 3: credentials are not allowed in a lock",
        ),
    ],
)
def test_a_lock_that_is_not_one_is_refused_before_any_tool_sees_it(lock: str, problem: str) -> None:
    files = encode_recording(recording())
    file, digest = lock_file(digest_of(lock)), digest_of(lock)
    manifest = files[MANIFEST].replace(digest_of(LOCK), digest).replace(LOCK_FILE, file)

    with pytest.raises(BaselineError) as caught:
        decode_recording({**files, MANIFEST: manifest, file: lock}, folder="flows/train/F")

    told = f"flows/{file}: is not a valid lock: "
    assert caught.value.what.startswith(told + problem)
    assert f"git checkout -- flows/{file}" in caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", [MANIFEST, ARTIFACTS, LOCK_FILE])
def test_a_missing_file_is_named(name: str) -> None:
    files = encode_recording(recording())
    del files[name]

    with pytest.raises(BaselineError, match=f"{name}: is missing"):
        decode_recording(files)


@pytest.mark.parametrize("text", ["null", "[]", '"x"', "1"])
def test_a_document_that_is_not_an_object_is_refused(text: str) -> None:
    with pytest.raises(BaselineError, match="the file should be an object"):
        decode_recording({**encode_recording(recording()), MANIFEST: text})


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    deep = "[" * 100_000 + "]" * 100_000

    with pytest.raises(BaselineError, match="nested too deeply"):
        decode_recording(edited(ARTIFACTS, '"value": 100', f'"value": {deep}'))


def test_a_step_that_is_there_twice_and_an_unknown_one_are_refused() -> None:
    files = encode_recording(recording())
    end = '{"name": "end", "type": "end", "next": [], "decorators": []}'
    twice = {**files, MANIFEST: files[MANIFEST].replace(end, f"{end},{end}")}
    with pytest.raises(BaselineError, match=r"manifest.json: steps\[4\]: duplicate name end"):
        decode_recording(twice)
    other = {**files, ARTIFACTS: files[ARTIFACTS].replace('"end"', '"ends"')}
    with pytest.raises(BaselineError, match=r"artifacts.json: steps.ends: manifest.json has no s"):
        decode_recording(other)


def test_what_a_damaged_file_says_reaches_no_terminal_raw() -> None:
    files = edited(MANIFEST, '"flow": "TrainFlow"', '"flow": {}, "\\u001b[2J": 1')

    with pytest.raises(BaselineError) as caught:
        decode_recording(files)

    assert "\x1b" not in str(caught.value)


def test_it_crosses_between_processes_as_plain_json() -> None:
    sent = json.dumps(encode_recording(recording()))

    assert decode_recording(json.loads(sent)) == recording()
