"""The pictures of changed values, and the room for them on a page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flow_reports import DRIFTED, PIXEL, REPRODUCED, SCORE
from sample_pictures import BARS, CELLS, HISTOGRAM, IMAGES, LINES, PICTURES

from pytest_flowrepro.model import Bars, FlowReport, Histogram, Images, Picture
from pytest_flowrepro.report.html import room
from pytest_flowrepro.report.html.pictures import (
    BAR,
    BarsView,
    HistogramView,
    ImagesView,
    LinesView,
    Span,
    view_picture,
)


def images(picture: Images) -> ImagesView:
    view = view_picture(picture)
    assert isinstance(view, ImagesView)
    return view


def bars(picture: Bars) -> BarsView:
    view = view_picture(picture)
    assert isinstance(view, BarsView)
    return view


def test_an_image_has_the_size_of_its_file() -> None:
    view = images(IMAGES)
    assert view.old
    assert (view.old.width, view.old.height) == (320, 200)
    assert view.can_differ


def test_images_of_two_sizes_and_single_ones_have_no_difference() -> None:
    assert not images(replace(IMAGES, old=None)).can_differ
    view = images(replace(IMAGES, old=PIXEL))
    assert view.old
    assert (view.old.width, view.old.height, view.can_differ) == (1, 1, False)


@pytest.mark.parametrize("data", ["", "AAAA", "no base64!"])
def test_a_file_that_is_no_image_is_not_shown(data: str) -> None:
    assert images(replace(IMAGES, old=data)).old is None


def test_a_histogram_has_the_shares_of_each_side() -> None:
    picture = Histogram(place="", start=1.0, width=0.5, old=(10, 30), new=(1, 1))
    view = view_picture(picture)
    assert view == HistogramView(
        place="",
        old="M0 112V74.67H224V0H448V112",
        new="M0 112V37.33H224V37.33H448V112",
        old_number=40,
        new_number=2,
        low="1",
        high="2",
    )


def test_bars_start_at_zero_and_show_the_numbers() -> None:
    view = bars(Bars(place="", labels=("a", "b", "c"), old=(1.0, -1.0, 2.0), new=(3.0, -1.0, None)))
    assert view.zero == BAR / 4
    a, b, c = view.rows
    assert (a.old, a.new, a.differs) == ("1", "3", True)
    assert (a.old_bar, a.new_bar) == (Span(x=50.0, width=50.0), Span(x=50.0, width=150.0))
    assert (b.old_bar, b.differs) == (Span(x=0.0, width=50.0), False)
    assert (c.new, c.new_bar) == (None, None)


def test_bars_of_nothing_but_zero_have_no_width() -> None:
    view = bars(Bars(place="", labels=("a", "b"), old=(0.0, 0.0), new=(None, 0.0)))
    assert view.rows[0].old_bar == Span(x=0.0, width=0.0)


def test_lines_have_the_pieces_marked_that_differ() -> None:
    view = view_picture(LINES)
    assert isinstance(view, LinesView)
    gap, same, changed, added = view.rows
    assert (gap.is_gap, same.is_gap, same.differs) == (True, False, False)
    assert [piece for piece, differs in changed.old or () if differs] == ["812"]
    assert (added.old, added.differs, added.new_number) == (None, True, 6)


def test_cells_are_shown_as_they_are() -> None:
    assert view_picture(CELLS) is CELLS


def drawn(*pictures: Picture) -> FlowReport:
    return replace(DRIFTED, changes=(replace(SCORE, pictures=pictures),))


def test_all_pictures_fit_on_a_usual_page() -> None:
    flows = [REPRODUCED, drawn(*PICTURES)]
    assert room.within_limit(flows) == (flows, 0)


def test_the_worst_flows_keep_their_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMIT", 9_000)
    good = replace(drawn(BARS, HISTOGRAM), verdict="reproduced", flow="GoodFlow")
    bad = drawn(BARS, HISTOGRAM)
    flows, left_out = room.within_limit([good, bad])
    assert [flow.flow for flow in flows] == ["GoodFlow", bad.flow]
    assert [len(flow.changes[0].pictures) for flow in flows] == [0, 2]
    assert left_out == 2


def test_a_small_picture_may_fit_after_a_large_one_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMIT", 5_000)
    (flow,), left_out = room.within_limit([drawn(IMAGES, LINES)])
    assert flow.changes[0].pictures == (LINES,)
    assert left_out == 1
