"""Stand-ins for the decorators that send a step elsewhere: the step runs here instead.

Attributes are checked and kept as Metaflow's own decorator does (they go into the manifest);
hooks that would talk to a cluster do nothing.
"""

from metaflow.decorators import StepDecorator
from metaflow.plugins.aws.batch.batch_decorator import BatchDecorator
from metaflow.plugins.kubernetes.kubernetes_decorator import KubernetesDecorator

# Of metaflow/decorators.py StepDecorator; `init`, which checks the attributes, is not one of them.
_HOOKS = [
    name
    for name in vars(StepDecorator)
    if name.startswith(("step_init", "package_", "runtime_", "task_"))
]


class KubernetesHere(KubernetesDecorator):
    pass


class BatchHere(BatchDecorator):
    pass


for _stand_in in (KubernetesHere, BatchHere):
    for _hook in _HOOKS:
        setattr(_stand_in, _hook, getattr(StepDecorator, _hook))
