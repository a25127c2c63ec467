"""Pictures of changed values as the page shows them. Pure: the template writes the elements."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_flowrepro.model import Bars, Cells, Histogram, Images, Lines
from pytest_flowrepro.report.html.marked import mark_differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_flowrepro.model import LinePair, Picture
    from pytest_flowrepro.report.html.marked import Text

HISTOGRAM = (448, 112)
"""Width and height of a histogram in pixels."""
BAR = 200
"""Width of the bars of a row in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageView:
    data: str
    """A PNG file in base64."""
    width: int
    height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagesView:
    kind: Literal["images"] = "images"
    old: ImageView | None
    new: ImageView | None

    @property
    def can_differ(self) -> bool:
        """Return whether both images have one size, so that one can be laid over the other."""
        sizes = {view and (view.width, view.height) for view in (self.old, self.new)}
        return len(sizes) == 1 and None not in sizes


@dataclass(frozen=True, kw_only=True, slots=True)
class HistogramView:
    kind: Literal["histogram"] = "histogram"
    place: str
    old: str
    """The data of a path that encloses the bins."""
    new: str
    old_number: int
    new_number: int
    low: str
    """The lower edge of the first bin, and the upper edge of the last."""
    high: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A bar from one place to another, in pixels."""

    x: float
    width: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BarRow:
    label: str
    old: str | None
    new: str | None
    old_bar: Span | None
    new_bar: Span | None
    differs: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class BarsView:
    kind: Literal["bars"] = "bars"
    place: str
    rows: tuple[BarRow, ...]
    zero: float
    """The place of zero in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LineRow:
    old_number: int | None
    old: Text | None
    new_number: int | None
    new: Text | None
    differs: bool

    @property
    def is_gap(self) -> bool:
        """Return whether equal lines are left out here."""
        return self.old is None and self.new is None


@dataclass(frozen=True, kw_only=True, slots=True)
class LinesView:
    kind: Literal["lines"] = "lines"
    place: str
    rows: tuple[LineRow, ...]
    left_out: int


PictureView: TypeAlias = ImagesView | HistogramView | BarsView | Cells | LinesView


def view_picture(picture: Picture) -> PictureView:
    """Return the picture with the places of its shapes."""
    match picture:
        case Images():
            return ImagesView(old=_image(picture.old), new=_image(picture.new))
        case Histogram():
            return _histogram(picture)
        case Bars():
            return _bars(picture)
        case Lines():
            rows = tuple(map(_line, picture.pairs))
            return LinesView(place=picture.place, rows=rows, left_out=picture.left_out)
        case Cells():
            return picture


def _image(data: str | None) -> ImageView | None:
    """Return the image with the size in its header (https://www.w3.org/TR/png/#11IHDR)."""
    if data is None:
        return None
    try:
        width, height = struct.unpack(">II", base64.b64decode(data[:32])[16:24])
    except (ValueError, struct.error):  # a file of a baseline that was edited
        return None
    return ImageView(data=data, width=width, height=height)


def _histogram(picture: Histogram) -> HistogramView:
    old, new = _shares(picture.old), _shares(picture.new)
    most = max(*old, *new) or 1.0
    end = picture.start + picture.width * len(old)
    return HistogramView(
        place=picture.place,
        old=_outline(old, most),
        new=_outline(new, most),
        old_number=sum(picture.old),
        new_number=sum(picture.new),
        low=f"{picture.start:.6g}",
        high=f"{end:.6g}",
    )


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) or 1
    return [count / total for count in counts]


def _outline(shares: Sequence[float], most: float) -> str:
    width, height = HISTOGRAM
    step = width / len(shares)
    parts = [f"M0 {height}"]
    for position, share in enumerate(shares):
        parts.append(f"V{height * (1 - share / most):.4g}H{(position + 1) * step:.5g}")
    return "".join([*parts, f"V{height}"])


def _bars(picture: Bars) -> BarsView:
    numbers = [0.0, *(n for side in (picture.old, picture.new) for n in side if n is not None)]
    low, high = min(numbers), max(numbers)
    scale = BAR / ((high - low) or 1.0)

    def bar(number: float | None) -> Span | None:
        if number is None:
            return None
        start, end = sorted(((number - low) * scale, -low * scale))
        return Span(x=round(start, 1), width=round(end - start, 1))

    rows = (
        BarRow(
            label=label,
            old=None if old is None else f"{old:.6g}",
            new=None if new is None else f"{new:.6g}",
            old_bar=bar(old),
            new_bar=bar(new),
            differs=old != new,
        )
        for label, old, new in zip(picture.labels, picture.old, picture.new, strict=True)
    )
    return BarsView(place=picture.place, rows=tuple(rows), zero=round(-low * scale, 1))


def _line(pair: LinePair) -> LineRow:
    old, new = mark_differences(pair.old, pair.new)
    return LineRow(
        old_number=pair.old_number,
        old=old,
        new_number=pair.new_number,
        new=new,
        differs=pair.old != pair.new,
    )
