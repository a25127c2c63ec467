"""A small picture of an image or a figure, which a report shows next to an older one.

Pillow makes it, which matplotlib itself needs. Runs in the flow's own interpreter: Python 3.8
syntax.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Any

SIDES = (480, 240, 120)
"""Pixels of the longer side: the first of these is used whose file is not too large."""
LIMIT = 40_000
"""Bytes of a file, at most."""

_SHOWN = frozenset(["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV"])
"""Modes that Pillow converts to colours without cutting off numbers."""


def store_thumbnail(value: object, file: str) -> bool:
    """Write a PNG file; return False for a value without a picture.

    Raises `OSError` if the disk fails.
    """
    try:
        image = _image(value)
        data = None if image is None else _png(image)
    except Exception:  # noqa: BLE001  a release of the library, or a subclass of the flow's own
        return False
    if data is None:
        return False
    with open(file + ".part", "wb") as part:
        part.write(data)
    os.replace(file + ".part", file)
    return True


def _image(value: object) -> Any:
    """Return a Pillow image of a value that is one, or a figure of matplotlib; None for others."""
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(value, pillow.Image):
        return _in_colours(value)
    figures = sys.modules.get("matplotlib.figure")
    if figures is None or not isinstance(value, figures.Figure):
        return None
    agg = importlib.import_module("matplotlib.backends.backend_agg")
    canvas = agg.FigureCanvasAgg(value)
    canvas.draw()
    width, height = canvas.get_width_height()
    pillow = importlib.import_module("PIL.Image")
    size = (int(width), int(height))
    return _in_colours(pillow.frombuffer("RGBA", size, canvas.buffer_rgba(), "raw", "RGBA", 0, 1))


def _in_colours(image: Any) -> Any:
    """Return the image in RGB: on white where it is transparent, from black to white in grey."""
    pillow: Any = sys.modules["PIL.Image"]
    if image.mode not in _SHOWN:  # numbers of 16 or 32 bits: from the least to the largest
        low, high = image.convert("F").getextrema()
        scale = 255.0 / ((high - low) or 1.0)
        return image.convert("F").point(lambda x: x * scale - low * scale).convert("RGB")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return pillow.alpha_composite(pillow.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _png(image: Any) -> bytes | None:
    """Return the largest PNG file that is not too large; None if there is none."""
    if 0 in image.size:
        return None
    for side in SIDES:
        small = image.copy()
        small.thumbnail((side, side))
        for version in (small, small.quantize(256)):
            stream = io.BytesIO()
            version.save(stream, "PNG", optimize=True)
            if stream.tell() <= LIMIT:
                return stream.getvalue()
    return None
