"""The pictures of two values that differ, from their readable forms and from whole files."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from recordings import recording
from stored_values import artifact, stored

from pytest_flowrepro.diff import with_pictures
from pytest_flowrepro.diff.pictures.pictures import pictures_of
from pytest_flowrepro.model import (
    Artifact,
    Bars,
    CellRow,
    Cells,
    Change,
    Histogram,
    Images,
    LinePair,
    Lines,
    Picture,
    Task,
    picture_from,
)
from pytest_flowrepro.plugin.json_arrays import with_tuples

if TYPE_CHECKING:
    from pathlib import Path


def pictures(old: object, new: object) -> list[Picture]:
    return list(pictures_of(artifact(old), artifact(new)))


def bars(place: str, labels: str, old: list[Any], new: list[Any]) -> Bars:
    return Bars(place=place, labels=tuple(labels.split()), old=tuple(old), new=tuple(new))


class Model:
    """A fitted estimator, as far as its attributes go."""

    def __init__(self, *coefficients: Any, names: list[str], classes: list[str]) -> None:
        self.classes_ = np.array(classes, dtype=object)
        self.coef_ = np.array(coefficients)
        self.feature_names_in_ = np.array(names, dtype=object)


def test_a_dict_of_numbers_is_drawn_as_bars() -> None:
    assert pictures({"auc": 0.91, "f1": 0.8, "by": "me"}, {"auc": 0.93, "f1": 0.8, "by": "me"}) == [
        bars("", "auc f1", [0.91, 0.8], [0.93, 0.8])
    ]


def test_a_number_on_one_side_has_a_bar_on_that_side() -> None:
    (drawn,) = pictures({"cat": 0.5, "dog": 0.7}, {"dog": 0.7, "owl": 0.9})
    assert drawn == bars("", "cat dog owl", [0.5, 0.7, None], [None, 0.7, 0.9])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"rows": 200_000, "auc": 0.91}, {"rows": 200_000, "auc": 0.93}),
        ({"only": 1.0}, {"only": 2.0}),
        (1, 2),
        ("one line", "another line"),
        ([1.0], [2.0]),
        (np.arange(5.0), np.array(["a", "b"])),
        (pd.Series(["a", "b"]), pd.Series(["a", "c"])),
    ],
    ids=["of other sizes", "single", "number", "line", "list of one", "other types", "texts"],
)
def test_what_a_line_says_as_well_is_not_drawn(old: object, new: object) -> None:
    assert pictures(old, new) == []


def test_coefficients_are_named_by_the_features_of_the_model() -> None:
    named = {"names": ["age", "income"], "classes": ["no", "yes"]}
    assert pictures(Model([0.5, 2.0], **named), Model([0.5, 1e-9], **named)) == [
        bars(".coef_", "age income", [0.5, 2.0], [0.5, 1e-9])
    ]
    each = pictures(Model([1, 2], [3, 4], **named), Model([1, 2], [3, 5], **named))
    labels = ("no: age", "no: income", "yes: age", "yes: income")
    assert each == [Bars(place=".coef_", labels=labels, old=(1, 2, 3, 4), new=(1, 2, 3, 5))]


@pytest.mark.parametrize("make", [list, tuple, np.array], ids=["list", "tuple", "array"])
def test_a_few_numbers_are_drawn_as_bars_by_their_place(make: Any) -> None:
    assert pictures({"loss": make([3.0, 2.0])}, {"loss": make([3.0, 2.5])}) == [
        bars("['loss']", "[0] [1]", [3.0, 2.0], [3.0, 2.5])
    ]


def test_arrays_of_other_lengths_have_a_bar_for_each_number() -> None:
    (drawn,) = pictures(np.array([1.0, 2.0]), np.array([1.0, 2.0, 3.0]))
    assert drawn == bars("", "[0] [1] [2]", [1.0, 2.0, None], [1.0, 2.0, 3.0])


def test_many_numbers_are_drawn_as_a_histogram_in_common_bins() -> None:
    old, new = np.arange(100.0), np.arange(200.0)
    (drawn,) = pictures({"scores": old}, {"scores": new})
    assert isinstance(drawn, Histogram)
    assert (drawn.place, drawn.start, drawn.width) == ("['scores']", 0.0, 8.0)
    assert drawn.old == (*[8] * 12, 4, *[0] * 12)
    assert drawn.new == (*[8] * 25,)


def test_a_recorded_histogram_is_compared_with_the_numbers_of_a_small_array() -> None:
    large = np.arange(50_000.0) / 1_000
    (drawn,) = pictures(np.linspace(0, 10, 60), large)
    assert isinstance(drawn, Histogram)
    assert (sum(drawn.old), sum(drawn.new)) == (60, 50_000)
    assert drawn.old[6:] == (0,) * (len(drawn.new) - 6)


def test_numbers_in_another_order_have_no_other_distribution() -> None:
    numbers = np.arange(100.0)
    assert pictures(numbers, numbers[::-1]) == []


FRAME = pd.DataFrame(
    {"price": np.arange(60.0), "city": ["Oslo"] * 60}, index=[f"r{i}" for i in range(60)]
)


def with_cells(frame: pd.DataFrame, **cells: Any) -> pd.DataFrame:
    changed = frame.copy()
    for place, value in cells.items():
        row, column = place.split("_")
        changed.loc[row, column] = value
    return changed


def test_the_cells_of_a_frame_that_differ_are_a_table(tmp_path: Path) -> None:
    new = with_cells(FRAME, r7_price=99.0, r7_city="Rome", r59_price=1.5)
    expected = Cells(
        place="",
        columns=("price", "city"),
        rows=(
            CellRow(label="r7", cells=(("7.0", "99.0"), ("Oslo", "Rome"))),
            CellRow(label="r59", cells=(("59.0", "1.5"), None)),
        ),
        left_out=0,
    )
    assert pictures(FRAME[:60], new) == [expected]
    files = stored(FRAME, tmp_path, "old"), stored(new, tmp_path, "new")
    assert list(pictures_of(*files)) == [expected]


def test_a_few_cells_of_a_large_frame_are_seen_in_its_full_values(tmp_path: Path) -> None:
    old = pd.DataFrame({"price": np.arange(200_000.0), "n": range(200_000)})
    new = old.copy()
    new.loc[150_000, ["price", "n"]] = 7.0, 7
    (drawn,) = pictures_of(stored(old, tmp_path, "old"), stored(new, tmp_path, "new"))
    assert isinstance(drawn, Cells)
    assert drawn.rows == (CellRow(label="150000", cells=(("150000.0", "7.0"), ("150000", "7"))),)


def test_rows_belong_together_by_their_labels() -> None:
    new = with_cells(FRAME, r7_price=99.0).drop(index="r3").iloc[::-1]
    (drawn,) = pictures(FRAME, new)
    assert isinstance(drawn, Cells)
    assert drawn.rows == (CellRow(label="r7", cells=(("7.0", "99.0"),)),)


def test_many_cells_are_counted_and_their_columns_are_drawn_as_histograms() -> None:
    new = FRAME.assign(price=FRAME.price * 2)
    cells, distribution = pictures(FRAME, new)
    assert isinstance(cells, Cells)
    assert (len(cells.rows), cells.left_out) == (20, 39)  # the first price is 0
    assert isinstance(distribution, Histogram)
    assert distribution.place == "column price"


def test_of_a_summary_only_the_distribution_is_known() -> None:
    old = pd.DataFrame({"price": np.arange(9_000.0), "n": range(9_000)})
    (drawn,) = pictures(old, old.assign(price=old.price / 2))
    assert isinstance(drawn, Histogram)
    assert drawn.place == "column price"


def test_a_frame_inside_a_value_is_drawn_too() -> None:
    (drawn,) = pictures([{"f": FRAME}], [{"f": with_cells(FRAME, r1_city="Bern")}])
    assert drawn == Cells(
        place="[0]['f']",
        columns=("city",),
        rows=(CellRow(label="r1", cells=(("Oslo", "Bern"),)),),
        left_out=0,
    )


def test_texts_are_shown_side_by_side_around_the_lines_that_differ() -> None:
    old = "\n".join(f"line {i}" for i in range(1, 21))
    new = old.replace("line 9\n", "line nine\nline nine and a half\n")
    (drawn,) = pictures({"report": old}, {"report": new})
    assert isinstance(drawn, Lines)
    assert drawn.place == "['report']"
    left_out = LinePair(old_number=None, old=None, new_number=None, new=None)
    assert drawn.pairs[0] == drawn.pairs[-1] == left_out
    assert [(pair.old_number, pair.new_number) for pair in drawn.pairs[1:-1]] == [
        *((i, i) for i in (6, 7, 8, 9)),
        (None, 10),
        *((i, i + 1) for i in (10, 11, 12)),
    ]
    assert (drawn.pairs[4].old, drawn.pairs[4].new) == ("line 9", "line nine")
    assert drawn.left_out == 0


def test_a_text_that_is_another_one_is_cut_with_a_count() -> None:
    old, new = ("\n".join(f"{word} {i}" for i in range(150)) for word in ("old", "new"))
    (drawn,) = pictures(old, new)
    assert isinstance(drawn, Lines)
    assert (len(drawn.pairs), drawn.left_out) == (100, 50)


def image(folder: Path, name: str) -> Artifact:
    file = folder / f"{name}.png"
    file.write_bytes(name.encode())
    return replace(artifact(name), name="plot", picture=file)


def test_an_image_is_shown_next_to_the_old_one(tmp_path: Path) -> None:
    old, new = image(tmp_path, "old"), image(tmp_path, "new")
    assert list(pictures_of(old, new)) == [Images(old="b2xk", new="bmV3")]
    assert list(pictures_of(None, new)) == [Images(old=None, new="bmV3")]
    assert list(pictures_of(replace(old, picture=None), new)) == [Images(old=None, new="bmV3")]


@pytest.mark.parametrize(
    "histogram",
    [
        {"start": 0.0, "width": 0.3, "counts": [1, 99]},
        {"start": 0.0, "width": 0, "counts": [1, 99]},
        {"start": 1e300, "width": 2.0**-900, "counts": [99]},
        {"start": 0.0, "width": 0.5, "counts": ["many"]},
        {"start": "zero", "width": 0.5, "counts": [99]},
    ],
)
def test_a_histogram_that_is_not_as_it_is_recorded_is_not_drawn(histogram: Any) -> None:
    old, new = (artifact(np.arange(size)) for size in (9_000, 9_001))
    value: Any = json.loads(json.dumps(old.value))
    value["$array"]["histogram"] = histogram
    assert list(pictures_of(old, new))
    assert not list(pictures_of(replace(old, value=value), new))


def test_changes_get_their_pictures_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_flowrepro.diff.pictures.pictures._CHANGES", 2)

    def side(*numbers: float) -> Any:
        value = replace(artifact(np.array(numbers)), name="scores")
        tasks = tuple(Task(step="train", index=(i,), artifacts=(value,)) for i in range(3))
        return replace(recording(*tasks), parameters=(value,))

    changes = [
        Change(kind="package", change="changed", name="numpy", old="1", new="2", gated=True),
        Change(kind="parameter", change="changed", name="scores", old="1", new="2", gated=True),
        *(
            Change(
                kind="artifact",
                change="changed",
                name="scores",
                old="1",
                new="2",
                gated=True,
                step="train",
                index=(i,),
            )
            for i in range(3)
        ),
    ]
    drawn = with_pictures(changes, side(1, 2), side(1, 3))
    assert [len(change.pictures) for change in drawn] == [0, 1, 1, 0, 0]
    assert drawn[1].pictures == (bars("", "[0] [1]", [1, 2], [1, 3]),)


def test_a_picture_is_the_same_after_a_way_through_json() -> None:
    frames = pictures(FRAME, FRAME.assign(price=FRAME.price * 2))
    texts = pictures("a\nb", "a\nc")
    more: list[Picture] = [Images(old=None, new="bmV3"), bars("", "a b", [1, None], [2, 3])]
    for picture in (*frames, *texts, *more):
        fields = json.loads(json.dumps(asdict(picture)))
        assert picture_from(with_tuples(fields)) == picture
