"""Counts letters in several processes, and says who counted."""
from metaflow import (
    Config,
    FlowSpec,
    Metaflow,
    conda_environment_yml_parser,
    current,
    get_metadata,
    get_namespace,
    namespace,
    parallel_map,
    profile,
    project,
    pyproject_toml_parser,
    requirements_txt_parser,
    step,
    yaml_parser,
)

WORDS = ["apple", "banana", "cherry", "plum"]


@project(name="orchard")
class CensusFlow(FlowSpec):
    needs = Config("needs", default="needs.txt", parser=requirements_txt_parser)
    tool = Config("tool", default="tool.toml", parser=pyproject_toml_parser)
    conda = Config("conda", default="conda.yml", parser=conda_environment_yml_parser)
    pantry = Config("pantry", default="pantry.yaml", parser=yaml_parser)

    @step
    def start(self):
        with profile("counting"):
            self.letters = parallel_map(lambda word: len(set(word)), WORDS, max_parallel=2)
        needed = [self.needs.packages, self.tool.packages, self.conda.packages]
        self.packages = sorted(name for packages in needed for name in packages)
        self.shelves = dict(self.pantry.shelves)
        self.next(self.tell)

    @step
    def tell(self):
        self.place = (current.flow_name, current.step_name, current.project_flow_name)
        self.who = (current.username, get_namespace(), get_metadata().split("@")[0])
        namespace(None)
        self.flows = [flow.id for flow in Metaflow()]
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.letters)


if __name__ == "__main__":
    CensusFlow()
