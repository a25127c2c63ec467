"""The small pictures of images: `_flowrepro/thumbnail.py`. The drifts show those of figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from _flowrepro.thumbnail import LIMIT, SIDES, store_thumbnail

if TYPE_CHECKING:
    from pathlib import Path


def thumbnail(value: object, folder: Path) -> Any:
    """Return the picture of a value as an array; None if there is none."""
    file = folder / "small.png"
    stored = store_thumbnail(value, str(file))
    assert [path.name for path in folder.iterdir()] == (["small.png"] if stored else [])
    return np.asarray(Image.open(file).convert("RGB")) if stored else None


def test_a_small_image_keeps_its_pixels(tmp_path: Path) -> None:
    pixels = np.arange(90, dtype="u1").reshape(5, 6, 3)
    assert (thumbnail(Image.fromarray(pixels), tmp_path) == pixels).all()


def test_a_large_image_is_made_smaller(tmp_path: Path) -> None:
    picture = thumbnail(Image.new("RGB", (2_000, 1_000), "red"), tmp_path)
    assert picture.shape == (SIDES[0] // 2, SIDES[0], 3)
    assert (picture == [255, 0, 0]).all()


def test_noise_is_made_smaller_until_its_file_is_small_enough(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (900, 900, 3), dtype="u1")
    picture = thumbnail(Image.fromarray(noise), tmp_path)
    assert picture.shape[0] in SIDES[1:]
    assert (tmp_path / "small.png").stat().st_size <= LIMIT


@pytest.mark.parametrize(
    ("mode", "colour", "shown"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 7, (7, 7, 7)),
        ("P", 0, (0, 0, 0)),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("LA", (0, 255), (0, 0, 0)),
    ],
)
def test_every_mode_is_shown_in_colours(
    mode: str, colour: Any, shown: tuple[int, ...], tmp_path: Path
) -> None:
    picture = thumbnail(Image.new(mode, (3, 2), colour), tmp_path)
    assert (picture == shown).all()


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4"])
def test_numbers_beyond_a_byte_go_from_black_to_white(dtype: str, tmp_path: Path) -> None:
    rising = np.linspace(1_000, 60_000, 256).reshape(1, 256).astype(dtype)
    picture = thumbnail(Image.fromarray(rising), tmp_path)
    assert np.abs(picture[0, :, 0].astype(int) - np.arange(256)).max() <= 1


class Broken(Image.Image):
    def convert(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("not today")


@pytest.mark.parametrize(
    "value", [3, "text", Image.new("RGB", (0, 5)), Broken()], ids=["int", "str", "empty", "broken"]
)
def test_other_values_have_no_picture(value: object, tmp_path: Path) -> None:
    assert thumbnail(value, tmp_path) is None


def test_a_disk_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        store_thumbnail(Image.new("L", (1, 1)), str(tmp_path / "missing" / "small.png"))
