"""What one run alone is known by, and what looks like it and is not."""

from __future__ import annotations

import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest

from _flowrepro import normalize as module

if TYPE_CHECKING:
    from pathlib import Path


RUN, BEFORE = "1763845706123456", "1763845700000000"
FOLDERS = {
    "/s/flows/T-1/first/copy": "<project>",
    "/s/flows/T-1/first/datastore": "<datastore>",
    "/s/flows/T-1/first/home": "<home>",
    "/tmp": "<never>",
}
TMP = tempfile.gettempdir()
ALICE = module.Account.of(1000, "alice", "build-7")


@pytest.fixture
def normal() -> Any:
    return module.Normal([RUN, BEFORE, "3", "data"], FOLDERS, ALICE)


REPLACED = [
    (RUN, "<run>"),
    (f"run-{RUN}.csv", "run-<run>.csv"),
    (f"TrainFlow/{RUN}", "TrainFlow/<run>"),
    (f"TrainFlow/{RUN}/start", "TrainFlow/<run>/start"),
    (f"TrainFlow/{RUN}/start/12", "TrainFlow/<run>/start/<task>"),
    (f"TrainFlow/{RUN}/start/12/model", "TrainFlow/<run>/start/<task>/model"),
    (f"{RUN}/_parameters/1 and {BEFORE}", "<run>/_parameters/<task> and <run>"),
    ("/s/flows/T-1/first/copy/data/x.csv", "<project>/data/x.csv"),
    ("file:///s/flows/T-1/first/copy", "file://<project>"),
    ("in '/s/flows/T-1/first/home'.", "in '<home>'."),
    (f"{TMP}/tmpa1b2_c3d/x", "<tmp>/x"),
    ("/scratch/alice/x", "/scratch/<user>/x"),
    ("user:alice", "user:<user>"),
    ("tags: runtime:dev, user:alice.", "tags: runtime:dev, user:<user>."),
    ("alice@build-7", "<user>@<host>"),
    ("ssh://alice@build-7:22", "ssh://<user>@<host>:22"),
]


@pytest.mark.parametrize(("text", "shown"), REPLACED)
def test_ids_and_folders_of_the_run_are_replaced(text: str, shown: str, normal: Any) -> None:
    assert normal(text) == shown


KEPT = [
    "3",
    "TrainFlow/3/start/3",
    f"0{RUN}",
    f"{RUN}7",
    f"x{RUN}",
    f"{RUN[:-1]}0",
    "start/12",
    "/s/flows/T-1/first/copying/x",
    "/s/flows/T-1/first/copy.bak",
    "/mnt/s/flows/T-1/first/copy",
    "/tmp/x",
    f"{TMP}/tmp-a/x",
    f"{TMP}/tmplate/x",
    "alice",
    "/scratch/alices/x",
    "/scratch/alice.txt",
    "alice and bob",
    "user: alice",
    "superuser:alice",
    "user:alice-2",
    "user:alice@example.com",
    "alice@example.com",
    "malice@build-7",
    "alice@build-70",
    "alice@build-7.example.com",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_may_be_anything_else_is_left_alone(text: str, normal: Any) -> None:
    assert normal(text) == text


@pytest.mark.parametrize(
    ("uid", "name"),
    [(0, "root"), (33, "www-data"), (1000, "ubuntu"), (1001, "runner"), (501, "me")],
)
def test_a_common_name_identifies_a_person_only_with_the_machine(uid: int, name: str) -> None:
    normal = module.Normal([], {}, module.Account.of(uid, name, "build-7"))
    for text in (name, f"/data/{name}/x", f"user:{name}", f"{name}@example.com"):
        assert normal(text) == text
    assert normal(f"{name}@build-7") == "<user>@<host>"


def test_a_machine_without_a_name_identifies_no_one() -> None:
    normal = module.Normal([], {}, module.Account.of(0, "root", "localhost"))
    assert normal("root@localhost") == "root@localhost"


def test_the_runs_of_a_datastore_and_the_folders_of_the_process_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data/.metaflow/TrainFlow" / RUN / "start").mkdir(parents=True)
    (tmp_path / "data/.metaflow/IngestFlow" / BEFORE).mkdir(parents=True)
    monkeypatch.setenv("FLOWREPRO_COPY", str(tmp_path / "copy"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t/0a1b2c3d"))
    monkeypatch.setattr(module._Current, "normal", module._Current.normal)
    module.normalise_for(str(tmp_path / "data"))
    text = f"{tmp_path}/copy/{RUN} {BEFORE} {sys.prefix}/bin/python start/1"
    assert module.normal(text) == "<project>/<run> <run> <environment>/bin/python start/1"
    made = f"{tmp_path}/t/0a1b2c3d/cache.csv {tmp_path}/t/0a1b2c3d/tmpa1b2_c3d/x"
    assert module.normal(made) == "<tmpdir>/cache.csv <tmp>/x"


def test_a_text_without_any_of_it_costs_next_to_nothing(normal: Any) -> None:
    texts = [f"row {number}, a name" for number in range(100_000)]
    started = time.process_time()
    for text in texts:
        normal(text)
    assert time.process_time() - started < 0.5
