from __future__ import annotations

from dataclasses import replace

import pytest
from recordings import artifact

from pytest_flowrepro.model.patterns import NO_PATTERNS, Patterns
from pytest_flowrepro.pipeline.attempts import same_under
from pytest_flowrepro.support.errors import CaptureError

READ = artifact("model")
SLOW = replace(
    artifact("model", {"$opaque": "cannot be loaded: it took more than 60 s"}),
    opaque=True,
    unread=True,
)


def test_what_one_rerun_could_not_read_is_not_recorded_as_random() -> None:
    for one, other in ((READ, SLOW), (SLOW, READ)):
        with pytest.raises(CaptureError, match=r"read in one rerun but not in another: .*60 s"):
            same_under(NO_PATTERNS)("train", one, other)


def test_what_is_ignored_or_never_read_is_not_an_error() -> None:
    assert not same_under(Patterns(ignore=("train.model",)))("train", READ, SLOW)
    assert same_under(NO_PATTERNS)("train", SLOW, SLOW)
