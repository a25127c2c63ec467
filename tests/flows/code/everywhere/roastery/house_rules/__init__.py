import os

from metaflow import (
    FlowMutator,
    Parameter,
    StepMutator,
    UserStepDecorator,
    environment,
    user_step_decorator,
)

METAFLOW_PACKAGE_POLICY = "include"


class roast_profile(FlowMutator):
    def pre_mutate(self, mutable_flow):
        for name, degrees in mutable_flow.profile["degrees"].items():
            mutable_flow.add_parameter(name, Parameter(name, default=degrees))

    def mutate(self, mutable_flow):
        for name, one in mutable_flow.steps:
            if name == "roast":
                one.add_decorator("retry", deco_kwargs={"times": mutable_flow.profile.retries})


class hotter(StepMutator):
    def mutate(self, mutable_step):
        for name, _, _, attributes in list(mutable_step.decorator_specs):
            if name == "environment":
                drum = int(attributes["vars"]["DRUM"]) + 15
                mutable_step.remove_decorator("environment")
                mutable_step.add_decorator(environment, deco_kwargs={"vars": {"DRUM": str(drum)}})
            if name == "timeout":
                mutable_step.remove_decorator("timeout")


@user_step_decorator
def weighed(step_name, flow, inputs=None, attributes=None):
    before = flow.grams
    yield
    flow.loss = before - flow.grams


class logged(UserStepDecorator):
    def init(self, *args, **kwargs):
        self.unit = kwargs["unit"]

    def post_step(self, step_name, flow, exception=None):
        flow.log = f"{step_name} at {os.environ['DRUM']} {self.unit}"
