"""Stand-ins for @pypi, @conda and their flow-level halves: no environment is built here.

They merge their attributes as Metaflow's own do (metaflow/plugins/pypi/*_decorator.py), for the
description of the flow; the rerun gives each step the interpreter of an environment that was built
from a lock before (flowrepro_observe.py). So neither `--environment=` nor micromamba is needed.
"""

from metaflow.decorators import StepDecorator
from metaflow.plugins.pypi.conda_decorator import CondaFlowDecorator, CondaStepDecorator
from metaflow.plugins.pypi.pypi_decorator import PyPIFlowDecorator, PyPIStepDecorator


class _Environment:
    """The part of Metaflow's environment that its decorators use when they merge."""

    TYPE = "conda"

    def set_local_root(self, root):
        pass

    def is_disabled(self, step):
        return True  # whose runtime hooks would do nothing either


class _Here:
    def step_init(self, flow, graph, step, decos, environment, flow_datastore, logger):
        super().step_init(flow, graph, step, decos, _Environment(), flow_datastore, logger)

    def flow_init(self, flow, graph, environment, flow_datastore, metadata, logger, echo, options):
        super().flow_init(
            flow, graph, _Environment(), flow_datastore, metadata, logger, echo, options
        )


class PyPIHere(_Here, PyPIStepDecorator):
    pass


class CondaHere(_Here, CondaStepDecorator):
    pass


class PyPIBaseHere(_Here, PyPIFlowDecorator):
    pass


class CondaBaseHere(_Here, CondaFlowDecorator):
    pass


# Metaflow calls `init`, which merges the older `libraries`, only of a class that has it itself
# (metaflow/decorators.py external_init); Metaflow 2.12 does not.
for _stand_in in (CondaHere, CondaBaseHere):
    if hasattr(_stand_in, "init"):
        _stand_in.init = _stand_in.init


for _stand_in in (PyPIHere, CondaHere):
    for _hook in vars(StepDecorator):
        if _hook.startswith(("package_", "runtime_", "task_")):
            setattr(_stand_in, _hook, getattr(StepDecorator, _hook))
