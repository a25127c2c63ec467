"""One base error, and one subclass per stage. Fields are structured; `str()` formats them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class FlowReproError(Exception):
    """An error that is not drift: of our input, the package index, the flow or this plugin.

    `what` states the problem and names the thing at fault, `hint` says what to do next, `detail` is
    the other program's own output (a resolver's reason, a traceback of the flow).

    `what` starts with a capital letter, or with the file or name that it is about, and has no final
    period. `hint` is an imperative that follows "What to do:": it starts with a lower-case letter
    and has no final period either.
    """

    def __init__(self, what: str, *, hint: str, detail: str = "") -> None:
        super().__init__(what, hint, detail)
        self.what = what
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        lines = [self.what]
        if self.detail:
            lines += ["", *(f"    {line}" for line in self.detail.rstrip().splitlines()), ""]
        lines.append(f"What to do: {self.hint}")
        return "\n".join(lines)


class SettingsError(FlowReproError):
    """The configuration cannot be used."""


class DiscoverError(FlowReproError):
    """A file cannot be read, or no flow is found where one is named."""


class DescribeError(FlowReproError):
    """Metaflow cannot load a flow."""


class PackageError(FlowReproError):
    """The code of a flow cannot be packaged or placed."""


class LockError(FlowReproError):
    """Requirements cannot be read, resolved or locked."""


class EnvironmentBuildError(FlowReproError):
    """An environment cannot be built from its lock, or does not match it."""


class RerunError(FlowReproError):
    """A flow cannot be started."""


class CaptureError(FlowReproError):
    """The results of a run cannot be read."""


class BaselineError(FlowReproError):
    """A baseline is missing, damaged, edited by hand, or cannot be written."""


class ReportError(FlowReproError):
    """A JSON report cannot be read, or does not belong to the others."""


class HookError(FlowReproError):
    """A hook of the project raises, or returns an invalid answer."""


class InternalError(FlowReproError):
    """A bug of this plugin."""


def error_to_json(error: FlowReproError) -> dict[str, str]:
    fields = {"what": error.what, "hint": error.hint, "detail": error.detail}
    return {"class": type(error).__name__, **fields}


def error_from_json(fields: Mapping[str, str]) -> FlowReproError:
    """Return the error of the named class; of the base class if that is defined elsewhere."""
    kind = getattr(sys.modules[__name__], fields["class"], FlowReproError)
    error: FlowReproError = kind(fields["what"], hint=fields["hint"], detail=fields["detail"])
    return error
