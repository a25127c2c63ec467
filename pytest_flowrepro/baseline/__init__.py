"""The baseline: a `Recording` as reviewable files next to its flow."""

from __future__ import annotations

from pytest_flowrepro.baseline.files import (
    ARTIFACTS,
    HISTORY,
    SCHEMA,
    decode_artifacts,
    decode_recording,
    encode_recording,
)
from pytest_flowrepro.baseline.fingerprint import fingerprint
from pytest_flowrepro.baseline.folder import (
    FOLDER,
    MANIFEST,
    baseline_folder,
    find_baselines,
    flow_and_case,
    flow_file,
    portable_name,
)
from pytest_flowrepro.baseline.layout import value_text
from pytest_flowrepro.baseline.locks import lock_files
from pytest_flowrepro.baseline.remove import drop_unused_locks, remove_baseline
from pytest_flowrepro.baseline.store import read_baseline, recording_name, write_baseline
from pytest_flowrepro.baseline.values import stored_values

__all__ = [
    "ARTIFACTS",
    "FOLDER",
    "HISTORY",
    "MANIFEST",
    "SCHEMA",
    "baseline_folder",
    "decode_artifacts",
    "decode_recording",
    "drop_unused_locks",
    "encode_recording",
    "find_baselines",
    "fingerprint",
    "flow_and_case",
    "flow_file",
    "lock_files",
    "portable_name",
    "read_baseline",
    "recording_name",
    "remove_baseline",
    "stored_values",
    "value_text",
    "write_baseline",
]
