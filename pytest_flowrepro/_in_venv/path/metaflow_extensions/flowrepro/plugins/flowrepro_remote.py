"""Stand-ins for the decorators that send a step elsewhere: the step runs here instead.

Attributes are checked and kept as Metaflow's own decorator does (they go into the manifest);
what would talk to a cluster does nothing.
"""

from metaflow.decorators import StepDecorator
from metaflow.plugins.aws.batch.batch_decorator import BatchDecorator
from metaflow.plugins.kubernetes.kubernetes_decorator import KubernetesDecorator

# Every hook of metaflow/decorators.py StepDecorator that those two override.
_HOOKS = (
    "step_init",
    "package_init",
    "runtime_init",
    "runtime_task_created",
    "runtime_step_cli",
    "runtime_finished",
    "task_pre_step",
    "task_finished",
    "task_exception",
    "task_post_step",
)


class KubernetesHere(KubernetesDecorator):
    pass


class BatchHere(BatchDecorator):
    pass


for _stand_in in (KubernetesHere, BatchHere):
    for _hook in _HOOKS:
        setattr(_stand_in, _hook, getattr(StepDecorator, _hook))
