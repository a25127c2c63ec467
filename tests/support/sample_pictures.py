"""A picture of each kind."""

from __future__ import annotations

import base64
import io
import math

from PIL import Image, ImageDraw

from pytest_flowrepro.model import Bars, CellRow, Cells, Histogram, Images, LinePair, Lines


def plot(slope: float) -> str:
    """Return a PNG file in base64: a curve on white."""
    image = Image.new("RGB", (320, 200), "white")
    points = [(x, 190 - 170 * (1 - math.exp(-slope * x / 100))) for x in range(10, 311)]
    ImageDraw.Draw(image).line(points, fill=(31, 119, 180), width=3)
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


IMAGES = Images(old=plot(1.0), new=plot(1.3))

HISTOGRAM = Histogram(
    place="column price",
    start=-4.0,
    width=0.5,
    old=tuple(round(4_000 * math.exp(-(((i - 8) / 4) ** 2))) for i in range(20)),
    new=tuple(round(3_800 * math.exp(-(((i - 9) / 4.5) ** 2))) for i in range(20)),
)

BARS = Bars(
    place=".coef_",
    labels=("age", "income", "tenure", "visits", "region"),
    old=(0.41, -1.12, 0.07, 0.76, None),
    new=(0.44, -0.98, 0.07, 0.61, 0.18),
)

CELLS = Cells(
    place="",
    columns=("price", "day"),
    rows=(
        CellRow(label="214", cells=(("19.9", "19.899999618530273"), ("2026-03-29", "2026-03-30"))),
        CellRow(label="215", cells=(None, ("2026-03-29", "2026-03-30"))),
    ),
    left_out=28,
)

_LEFT_OUT = LinePair(old_number=None, old=None, new_number=None, new=None)
LINES = Lines(
    place="['summary']",
    pairs=(
        _LEFT_OUT,
        LinePair(old_number=4, old="rows read: 10,000", new_number=4, new="rows read: 10,000"),
        LinePair(old_number=5, old="rows kept: 9,812", new_number=5, new="rows kept: 9,781"),
        LinePair(old_number=None, old=None, new_number=6, new="rows without a day: 31"),
    ),
    left_out=0,
)

PICTURES = (IMAGES, HISTOGRAM, BARS, CELLS, LINES)
