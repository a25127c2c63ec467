"""The additions of a rerun to Metaflow, by Metaflow's own extension mechanism.

Metaflow reads the lists below when it is imported (metaflow/extension_support/plugins.py); an
entry with the name of one of Metaflow's own takes its place.
"""

from importlib.util import find_spec

CLIS_DESC = [("flowrepro-describe", ".flowrepro_describe.cli")]

STEP_DECORATORS_DESC = [
    ("flowrepro_observe", ".flowrepro_observe.ObserveDecorator"),
    ("kubernetes", ".flowrepro_remote.KubernetesHere"),
    ("batch", ".flowrepro_remote.BatchHere"),
]

if find_spec("metaflow.plugins.pypi"):  # there since 2.10
    STEP_DECORATORS_DESC += [
        ("pypi", ".flowrepro_pypi.PyPIHere"),
        ("conda", ".flowrepro_pypi.CondaHere"),
    ]
    FLOW_DECORATORS_DESC = [
        ("pypi_base", ".flowrepro_pypi.PyPIBaseHere"),
        ("conda_base", ".flowrepro_pypi.CondaBaseHere"),
    ]
