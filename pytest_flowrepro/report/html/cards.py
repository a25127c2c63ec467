"""The cards of a report: what many of them have in common is in the page once.

A card is HTML with scripts of the flow. The page shows it in a frame that is sandboxed: it has an
origin of its own. A frame inherits the policy of the page, which has to allow what a card needs,
and policies of its own allow less:

- The scripts and styles of a card have the nonce of the page, which is new in each report: a value
  that gets into the page cannot have it.
- A nonce also allows scripts from elsewhere. The first policy of the frame does not.
- No policy forbids WebRTC, so each script begins by removing it. The second policy of the frame
  allows the scripts by their hashes, also in frames that a card makes.

https://www.w3.org/TR/CSP3/#security-inherit-csp
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.model import flow_title
from pytest_flowrepro.support.text import counted, truncate_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_flowrepro.model import Card, FlowReport

BUDGET = 2_500_000
"""Characters of the page for all cards: 500 flows stay below 10 MB."""


def card_sources(nonce: str) -> dict[str, str]:
    """Return what the policy of a page with cards allows in addition, by directive.

    Charts of Vega compile functions, and most cards have style attributes.
    """
    return {
        "script-src": f"'nonce-{nonce}' 'unsafe-eval'",
        "style-src": f"'nonce-{nonce}'",
        "style-src-attr": "'unsafe-inline'",
        **dict.fromkeys(("font-src", "media-src"), "data:"),
    }


_FRAME_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; media-src data:; base-uri 'none'; form-action 'none'"
)
_WITHOUT_WEBRTC = "delete self.RTCPeerConnection;delete self.webkitRTCPeerConnection;"

_PLACE = re.compile(
    r"""<!--|"data:[^"]{200,}"|<(script|style)\b((?:[^>"']|"[^"]*"|'[^']*')*+)>""", re.IGNORECASE
)
_ENDS = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}
_TYPE = re.compile(r"""\stype\s*=\s*["']?([^\s"'>]*)""", re.IGNORECASE)
_RUN = {"", "module", "text/javascript", "application/javascript"}
"""The types of scripts that run; others are data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardView:
    title: str
    parts: tuple[int, ...]
    """The pieces of its page, by number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowCards:
    """The cards of a flow, those first that the page has."""

    shown: tuple[CardView, ...]
    left_out: tuple[str, ...]
    """Sentences about the others."""
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PageCards:
    flows: Mapping[tuple[str, str], FlowCards]
    """The cards by file and name of the flow; without flows that have no card."""
    pieces: tuple[str, ...]
    """The texts that cards consist of, compressed by zlib, in base64."""


def view_cards(flows: Iterable[FlowReport], *, nonce: str, budget: int = BUDGET) -> PageCards:
    """Return the cards of the flows, the first flows' first, as far as the page has room."""
    pieces = _Pieces(budget=budget)
    by_flow = {
        (flow.file, flow_title(flow.flow, flow.case)): _flow_cards(flow, pieces, nonce)
        for flow in flows
        if flow.cards
    }
    return PageCards(flows=by_flow, pieces=tuple(pieces.packed))


def _flow_cards(flow: FlowReport, pieces: _Pieces, nonce: str) -> FlowCards:
    shown: list[CardView] = []
    too_many: list[str] = []
    too_large: list[str] = []
    for card, title in zip(flow.cards, _titles(flow.cards), strict=True):
        html = _read(card)
        if html is None:
            too_large.append(title)
        elif (parts := pieces.add(framed(html, nonce))) is None:
            too_many.append(title)
        else:
            shown.append(CardView(title=title, parts=parts))
    return FlowCards(
        shown=tuple(shown),
        left_out=tuple(_left_out(flow, too_many, too_large)),
        number=len(flow.cards),
    )


def _left_out(flow: FlowReport, too_many: list[str], too_large: list[str]) -> Iterator[str]:
    if too_large:
        yield (
            f"{counted(len(too_large), 'card')} left out, larger than 4 MB, gone, or of a merged "
            f"report: {truncate_list(too_large, 3)}"
        )
    if too_many:
        yield (
            f"{counted(len(too_many), 'card')} left out, because the page has room for 2.5 MB of "
            f"cards: {truncate_list(too_many, 3)}. To see them, make a report of this flow alone: "
            f"pytest --flow-repro --flow-repro-html=report.html {flow.file}"
        )


def _titles(cards: Iterable[Card]) -> Iterator[str]:
    """Yield the titles; several cards of one type without an id are numbered."""
    seen: Counter[str] = Counter()
    for card in cards:
        seen[card.title] += 1
        yield card.title if seen[card.title] == 1 else f"{card.title} {seen[card.title]}"


def _read(card: Card) -> str | None:
    if card.page is None:
        return None
    try:
        return Path(card.page).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def framed(html: str, nonce: str) -> Iterator[str]:
    """Yield the document of a card's frame in pieces, so that equal parts are equal pieces.

    These are scripts, styles, and what is embedded as `data:`. The browser gives the second
    doctype, `html` and `head` of the document no meaning.
    """
    pieces = list(_split(html, nonce))
    hashes = [csp_hash(text) for text in pieces if text.startswith(_WITHOUT_WEBRTC)]
    yield f"<!doctype html>{_meta(_FRAME_POLICY)}"
    yield _meta(f"script-src 'unsafe-eval' {' '.join(hashes)}")
    yield from pieces


def _meta(policy: str) -> str:
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def _split(html: str, nonce: str) -> Iterator[str]:
    """Yield a page in pieces, with the nonce, and with its scripts as they are to run."""
    start = position = 0
    while place := _PLACE.search(html, position):
        if place[1]:
            yield f"{html[start : place.start()]}<{place[1]} nonce={nonce} {place[2]}>"
            start = position = _end(html, place.end(), _ENDS[place[1].lower()])
            content = html[place.end() : start]
            yield f"{_WITHOUT_WEBRTC}{content}" if _is_run(place) else content
        elif place[0] == "<!--":
            end = html.find("-->", place.start() + 2)
            position = len(html) if end < 0 else end
        else:
            yield html[start : place.start()]
            yield place[0]
            start = position = place.end()
    yield html[start:]


def _is_run(place: re.Match[str]) -> bool:
    named = _TYPE.search(place[2])
    return place[1].lower() == "script" and (named is None or named[1].lower() in _RUN)


def _end(html: str, position: int, pattern: re.Pattern[str]) -> int:
    end = pattern.search(html, position)
    return len(html) if end is None else end.start()


def csp_hash(text: str) -> str:
    """Return the source of a policy that allows an inline script or style of this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@dataclass(slots=True, eq=False)
class _Pieces:
    """The pieces of a page, each once; it grows with the cards."""

    budget: int
    packed: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _used: int = 0

    def add(self, texts: Iterable[str]) -> tuple[int, ...] | None:
        """Return the numbers of the pieces of one card; None if there is no room for them."""
        parts = [text for text in texts if text]
        new = {text: _pack(text) for text in parts if text not in self._numbers}
        used = self._used + sum(map(len, new.values()))
        if used > self.budget:
            return None
        self._used = used
        for text, packed in new.items():
            self._numbers[text] = len(self.packed)
            self.packed.append(packed)
        return tuple(self._numbers[text] for text in parts)


def _pack(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()
