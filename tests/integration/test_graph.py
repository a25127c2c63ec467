"""Every shape that the graph of a flow can have: its tasks are known, and each is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Project


def test_every_shape_of_a_graph_records_reproduces_and_drifts_where_it_was_broken(
    project: Project,
) -> None:
    project.place_flows("graph")
    project.record().assert_outcomes(passed=45)
    branches_and_merges(project)
    nested_foreaches(project)
    switches_and_loops(project)
    parallel_workers(project)
    single_step_and_custom_names(project)

    project.edit("harbor.py", "] * 2", "] * (2 + current.parallel.node_index // 2)")
    project.edit("orchard.py", "self.trees * 3", "self.trees * 3 + 1")
    project.edit("post.py", "10 * 5", "10 * 6")
    project.edit("post.py", "yours", "kind regards,")
    project.edit("survey.py", "self.input * 3 + 1", "self.input * 3 + 1 + self.input // 9")
    project.edit("workshop.py", "self.gloss < 2", "self.gloss < 3 - self.index")
    project.edit("workshop.py", "180 *", "400 *")
    assert project.drift() == [  # and each other task of these flows reproduces
        "HarborFlow: artifact sound.echo[2] changed",
        "HarborFlow: artifact chart.echoes changed",
        "OrchardFlow: artifact late.crates changed",
        "OrchardFlow: artifact cellar.crates changed",
        "OrchardFlow: artifact market.crates changed",
        "LetterFlow: artifact send.sent changed",
        "StampFlow: artifact print_sheet.stamps changed",
        "SurveyFlow: artifact plot.orchids[1][1][1] changed",
        "SurveyFlow: artifact sum_site.orchids[1][1] changed",
        "SurveyFlow: artifact sum_region.orchids[1] changed",
        "SurveyFlow: artifact sum_all.orchids changed",
        # Two passes became three for the first lens, and one for the last.
        "LensFlow: artifact buff.surface[0][1] removed",
        "LensFlow: artifact buff.surface[2][0] added",
        "LensFlow: step buff.buff[2][1] removed",
        "LensFlow: step buff.buff[0][2] added",
        "LensFlow: artifact crate.gloss changed",
        # The switch went the other way.
        "LensFlow: artifact weigh.carrier changed",
        "LensFlow: artifact weigh.grams changed",
        "LensFlow: step stamp.stamp removed",
        "LensFlow: step load.load added",
    ]


def test_a_foreach_over_nothing_is_refused_by_metaflow_with_what_to_do(
    project: Project,
) -> None:
    project.place_flows("graph")
    project.edit("survey.py", '"ridge": [5]', '"ridge": []')
    result = project.record("survey.py")
    result.assert_outcomes(failed=1, skipped=9)
    result.stdout.fnmatch_lines(
        [
            "step site[[]1, 0[]] of SurveyFlow failed (exit code 1)",
            "*Foreach iterator over plots in step site produced zero splits. Check your variable.",
            "What to do: see why `plots` is empty, or bypass the foreach *",
        ]
    )
    assert not project.baseline("SurveyFlow", "survey").exists()


def test_a_loop_through_several_steps_is_refused_by_metaflow(project: Project) -> None:
    project.place_flows("graph")
    project.edit("workshop.py", '{"dull": self.buff', '{"dull": self.grind')
    result = project.record("workshop.py")
    result.assert_outcomes(errors=12)
    result.stdout.fnmatch_lines(
        [
            "*workshop.py: Metaflow cannot load LensFlow",
            "*There is a loop in your flow: *grind->buff*. Break the loop by fixing self.next() *",
            "What to do: run `python workshop.py check` to reproduce it, and fix the *",
        ]
    )


def branches_and_merges(project: Project) -> None:
    artifacts = project.artifacts("OrchardFlow", stem="orchard")
    assert {step: sorted(tasks["[]"]) for step, tasks in artifacts.items()} == {
        "start": ["rain", "year"],
        "apples": ["trees"],
        "early": ["crates", "variety"],
        "late": ["crates", "pressed", "variety"],
        "cellar": ["crates"],
        "pears": ["crates", "trees"],
        "market": ["crates"],
        "end": [],
    }, "what merge_artifacts brings is inherited"


def nested_foreaches(project: Project) -> None:
    artifacts = project.artifacts("SurveyFlow", stem="survey")
    assert list(artifacts["site"]) == ["[0, 0]", "[1, 0]", "[1, 1]"]
    assert list(artifacts["sum_site"]) == ["[0, 0]", "[1, 0]", "[1, 1]"]
    assert list(artifacts["sum_region"]) == ["[0]", "[1]"]
    plots = ["[0, 0, 0]", "[0, 0, 1]", "[1, 0, 0]", "[1, 1, 0]", "[1, 1, 1]"]
    assert list(artifacts["plot"]) == plots


def switches_and_loops(project: Project) -> None:
    artifacts = project.artifacts("LensFlow", stem="workshop")
    assert {step: list(tasks) for step, tasks in artifacts.items()} == {
        "start": ["[]"],
        "inspect": ["[0]", "[1]", "[2]"],
        "grind": ["[0, 0]", "[0, 1]", "[2, 0]"],
        "buff": ["[0, 0]", "[0, 1]", "[2, 0]", "[2, 1]"],
        "wrap": ["[0]", "[1]", "[2]"],
        "crate": ["[]"],
        "weigh": ["[]"],
        "stamp": ["[]"],
        "end": ["[]"],
    }, "a loop is keyed by its passes, counted from 0 in each; `load` never ran"
    passes = [sorted(artifacts["grind"][index]) for index in ("[0, 0]", "[0, 1]")]
    assert passes == [["left"], ["left", "surface"]], "a pass inherits from the one before"


def parallel_workers(project: Project) -> None:
    artifacts = project.artifacts("HarborFlow", stem="harbor")
    assert {i: list(a) for i, a in artifacts["sound"].items()} == {
        "[0]": ["echo"],
        "[1]": ["echo"],
        "[2]": ["echo"],
    }


def single_step_and_custom_names(project: Project) -> None:
    assert list(project.artifacts("StampFlow", stem="post")) == ["print_sheet"]
    assert list(project.artifacts("LetterFlow", stem="post")) == ["compose", "send"]
