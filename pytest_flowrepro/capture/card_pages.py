"""The pages of a run's cards, for a report that shows them."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.model import Card
    from pytest_flowrepro.support.redaction import Redaction

PAGE_LIMIT = 4_000_000
"""Maximum number of bytes of a page. Metaflow's own script, in most cards, has 1.1 million."""

# Metaflow puts the data of its cards into the page in this form, and so do pages with pictures.
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")


def without_pages(cards: Iterable[Card]) -> tuple[Card, ...]:
    return tuple(replace(card, page=None) for card in cards)


def with_pages(
    cards: Iterable[Card], *, datastore: Path, copies: Path, redaction: Redaction
) -> tuple[Card, ...]:
    """Return the cards with those of their pages that can be shown.

    A page is a file of the `datastore`, or where secrets must be hidden, a copy in `copies`.
    """
    return tuple(
        replace(card, page=_page(card, datastore, copies / f"{number}.html", redaction))
        for number, card in enumerate(cards)
    )


def _page(card: Card, datastore: Path, copy: Path, redaction: Redaction) -> str | None:
    if card.page is None:
        return None
    try:
        file = Path(card.page).resolve(strict=True)
        is_own = file.is_relative_to(datastore.resolve()) and file.is_file()
        if not is_own or file.stat().st_size > PAGE_LIMIT:
            return None
        if not redaction.values:
            return str(file)
        text = redact_page(file.read_text(encoding="utf-8", errors="replace"), redaction)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text, encoding="utf-8")
    except (OSError, ValueError):  # the flow's code has removed the file, or named no file
        return None
    return str(copy)


def redact_page(text: str, redaction: Redaction) -> str:
    """Redact a page, also inside of what it has in base64."""
    return _BASE64.sub(lambda match: _redact_base64(match[0], redaction), redaction.text(text))


def _redact_base64(text: str, redaction: Redaction) -> str:
    digits = text.rstrip("=")
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    data = base64.b64decode(digits + "=" * (-len(digits) % 4))
    hidden = redaction.data(data)
    return text if hidden == data else base64.b64encode(hidden).decode()
