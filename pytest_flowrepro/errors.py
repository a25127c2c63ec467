"""One base error, and one subclass per stage. Fields are structured, `str()` formats them."""

from __future__ import annotations


class FlowReproError(Exception):
    """Something that is not drift: our input, the package index, the flow or we broke.

    `what` says what is wrong and names the thing at fault, `hint` what to do next, `detail`
    carries the other program's own words (a resolver's reason, a traceback of the flow).
    """

    stage = "flowrepro"

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
    stage = "settings"


class DiscoverError(FlowReproError):
    stage = "discover"


class DescribeError(FlowReproError):
    stage = "describe"


class PackageError(FlowReproError):
    stage = "package"


class LockError(FlowReproError):
    stage = "lock"


class EnvironmentBuildError(FlowReproError):
    stage = "environment"


class RerunError(FlowReproError):
    stage = "rerun"


class CaptureError(FlowReproError):
    stage = "capture"


class BaselineError(FlowReproError):
    stage = "baseline"


class HookError(FlowReproError):
    stage = "hook"


class InternalError(FlowReproError):
    """A fault of this plugin's own."""
