from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_processes import flow_process, flow_source
from recordings import recording

from pytest_flowrepro.model import BuiltEnvironment, FlowEnvironments, LocalPackage
from pytest_flowrepro.plugin.worker_store import SessionFolder
from pytest_flowrepro.rerun.numeric_pins import Pins
from pytest_flowrepro.rerun.rerun import (
    EXTENSION,
    MAX_SPLITS,
    USER,
    Place,
    RunOptions,
    config_arguments,
    flow_environment,
    parameter_arguments,
    rerun_flow,
)
from pytest_flowrepro.support.errors import RerunError
from pytest_flowrepro.support.temporary_folder import make_folder

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Run
    from pytest_flowrepro.support.strict_json import Json


def built(folder: Path, *local: LocalPackage) -> FlowEnvironments:
    environment = BuiltEnvironment(
        path=folder / "env",
        python=folder / "env" / "bin" / "python",
        manifest=recording().environments[0],
        local=local,
    )
    return FlowEnvironments(base=environment)


def test_parameters_as_metaflows_command_line_takes_them() -> None:
    given: dict[str, Json] = {
        "alpha": 0.1,
        "name": "a b",
        "deep": {"k": [1, None]},
        "fast": True,
        "n": 3,
    }
    assert parameter_arguments(given) == [
        "--alpha=0.1",
        "--name=a b",
        '--deep={"k": [1, null]}',
        "--fast=True",
        "--n=3",
    ]


def test_what_a_killed_worker_left_is_removed(tmp_path: Path) -> None:
    left = Place(root=tmp_path / "run").create()
    (left.copy / "train.py").touch()
    place = Place(root=tmp_path / "run").create()
    assert list(place.copy.iterdir()) == []


def test_a_flow_has_folders_of_its_own_and_a_fixed_hash_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METAFLOW_DEFAULT_DATASTORE", "s3")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("API_TOKEN", "s3cret")
    place = Place(root=tmp_path / "run").create()
    flow = flow_source(place.copy / "train.py")
    env = flow_environment(flow, place, built(tmp_path), hash_seed=1)
    assert env["HOME"] == str(place.home)
    assert env["METAFLOW_DATASTORE_SYSROOT_LOCAL"] == str(place.datastore)
    assert env["PYTHONHASHSEED"] == "1"
    assert {env["LOGNAME"], env["USER"], env["USERNAME"], env["METAFLOW_USER"]} == {USER}
    assert env["PATH"].startswith(str(tmp_path / "env" / "bin"))
    assert env["PYTHONPYCACHEPREFIX"] == str(place.bytecode)
    assert not {"METAFLOW_DEFAULT_DATASTORE", "PIP_INDEX_URL", "API_TOKEN"} & set(env)


def test_what_is_given_reaches_the_flow_but_what_a_rerun_rests_on_stays(tmp_path: Path) -> None:
    place = Place(root=tmp_path / "run")
    given = {"MODE": "dry", "PYTHONPATH": "src", "METAFLOW_USER": "jane", "HOME": "/root"}
    flow = flow_source(place.copy / "train.py")
    env = flow_environment(flow, place, built(tmp_path), configured=given)
    assert (env["MODE"], env["METAFLOW_USER"]) == ("dry", "jane")
    assert env["PYTHONPATH"] == f"{EXTENSION}{os.pathsep}src"
    assert env["HOME"] == str(place.home)


def test_numbers_are_pinned_unless_a_variable_is_given(tmp_path: Path) -> None:
    place = Place(root=tmp_path / "run")
    numpy = "NPY_DISABLE_CPU_FEATURES"
    pins = Pins(
        base={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", numpy: "X86_V4"},
        steps={"train": {numpy: "AVX512F"}},
    )

    def pinned(**given: str) -> dict[str, str]:
        flow = flow_source(place.copy / "train.py")
        env = flow_environment(flow, place, built(tmp_path), configured=given, pins=pins)
        wanted = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", numpy, "FLOWREPRO_PINS")
        return {name: env[name] for name in wanted}

    assert pinned(OMP_NUM_THREADS="4") == {
        "OMP_NUM_THREADS": "4",
        "MKL_NUM_THREADS": "1",
        numpy: "X86_V4",
        "FLOWREPRO_PINS": f'{{"train": {{"{numpy}": "AVX512F"}}}}',
    }
    assert pinned(**{numpy: "mine"})["FLOWREPRO_PINS"] == '{"train": {}}'


def test_packages_of_the_repository_are_on_the_path_of_the_tree_that_runs(tmp_path: Path) -> None:
    copy = Place(root=tmp_path / "run")
    project = replace(copy, project=tmp_path / "project")
    orchard = LocalPackage(name="orchard", version="1", path="libs/src", modules=())

    def path(place: Place) -> list[str]:
        flow = flow_source(place.copy / "train.py")
        env = flow_environment(flow, place, built(tmp_path, orchard))
        return env["PYTHONPATH"].split(os.pathsep)[1:]

    assert path(copy) == [str(copy.copy / "libs/src"), str(copy.metadata)]
    assert path(project) == [str(tmp_path / "project/libs/src"), str(copy.metadata)]


def test_a_flow_has_a_tmpdir_of_its_own_with_room_for_the_path_of_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/of/the/user")
    session = make_folder(tmp_path)
    flow = SessionFolder(session).flow_folder(session / "train.py", "TrainFlow" * 30, "small")
    places = [
        Place(root=flow / name, temporary=SessionFolder(session).temporary).create()
        for name in ("first", "second")
    ]
    (places[0].tmp / "left").touch()
    assert Place(root=flow / "first", temporary=places[0].temporary).create() == places[0]
    assert [list(place.tmp.iterdir()) for place in places] == [[], []]
    assert places[0].tmp != places[1].tmp

    def tmpdir(given: dict[str, str]) -> str:
        flow = flow_source(places[0].copy / "train.py")
        return flow_environment(flow, places[0], built(tmp_path), configured=given)["TMPDIR"]

    assert tmpdir({}) == str(places[0].tmp)
    assert tmpdir({"TMPDIR": "/scratch"}) == "/scratch"
    # sun_path in unix(7) has 108 bytes; multiprocessing adds `/pymp-xxxxxxxx/listener-xxxxxxxx`.
    below_tmp = len(tmpdir({})) - len(str(tmp_path)) + len("/tmp")
    assert below_tmp + len("/pymp-xxxxxxxx/listener-xxxxxxxx") < 70


def test_a_flow_that_runs_before_another_shares_its_state_and_nothing_else(tmp_path: Path) -> None:
    main = Place(root=tmp_path / "run").create()
    (main.datastore / "runs").touch()
    before = Place(root=main.root / "before" / "IngestFlow", state=main.root).create()
    assert (before.datastore, before.home) == (main.datastore, main.home)
    assert (before.datastore / "runs").exists()
    assert (before.tmp, main.tmp.is_dir()) == (main.tmp, True)
    assert not {before.copy, before.observed} & {main.copy, main.observed}


def test_configs_are_files_or_values() -> None:
    given: dict[str, Json] = {
        "model": "prod.json",
        "limits": {"value": {"max": 3}},
        "level": {"value": 3},
        "greeting": {"value": "hello"},
        "nested": {"value": {"value": "hello"}},
    }
    assert config_arguments(given) == [
        *("--config", "model", "prod.json"),
        *("--config-value", "limits", '{"max": 3}'),
        *("--config-value", "level", "3"),
        *("--config-value", "greeting", "hello"),
        *("--config-value", "nested", '{"value": "hello"}'),
    ]


def run_with(script: str, folder: Path, *, timeout: float = 5, then: tuple[Path, ...] = ()) -> Run:
    """Run a flow by a shell script in place of Python."""
    place = Place(root=folder / "run").create()
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o700)
    flow, env = flow_source(place.copy / "train.py"), {"PATH": os.environ["PATH"]}
    process = flow_process(flow, python=python, env=env, timeout=timeout)
    return rerun_flow(process, place, RunOptions(max_workers=1), then=then)


def test_a_foreach_may_have_more_tasks_than_metaflow_takes_by_default(tmp_path: Path) -> None:
    run = run_with('echo "$@"', tmp_path)
    assert " run " in run.output
    assert f" --max-num-splits={MAX_SPLITS}" in run.output
    assert MAX_SPLITS > 100


@pytest.mark.parametrize(("marked", "ok"), [("$4", True), ("/dev/null", False)])
def test_a_flow_that_ended_well_did_so_however_long_takes_what_comes_after(
    tmp_path: Path, marked: str, *, ok: bool
) -> None:
    # python -u warm.py --then COUNT LOG SCRIPT ...
    script = f'shift\ntouch "{marked}"\nsleep 60'
    run = run_with(script, tmp_path, timeout=0.5, then=(tmp_path / "read.py",))
    assert (run.ok, run.ending.timed_out) == (ok, not ok)
    assert bool(run.ended) is not ok


def test_an_interpreter_that_is_gone_is_an_error(tmp_path: Path) -> None:
    place = Place(root=tmp_path / "run").create()
    flow = flow_source(place.copy / "train.py")
    process = flow_process(flow, python=built(tmp_path).base.python, env={})
    with pytest.raises(RerunError, match="TrainFlow could not be started"):
        rerun_flow(process, place, RunOptions(max_workers=1))
