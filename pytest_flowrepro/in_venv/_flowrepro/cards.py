"""The cards of a task: rendered, failed or missing.

Their HTML is not compared, because it holds times and ids. A report may show it.

Standard library and Metaflow only, Python 3.8 syntax.
"""

from __future__ import annotations

import base64
import glob
import json
import os
import re
from typing import Any

from _flowrepro.canonical.encoder import digest

TITLE = "Card Render Failed With Error"
"""The title of the one section of an ErrorCard (metaflow/plugins/cards/card_modules/basic.py)."""

# In the page of every card that Metaflow's own classes render (card_modules/base.html).
_DATA = re.compile(r'window\.__MF_DATA__\["[^"]*"\] = "([A-Za-z0-9+/=]*)"')


def observed_cards(cards: list[dict[str, Any]], folder: str) -> list[dict[str, Any]]:
    """Return type, id, state and file of each card; the file of a missing one is None.

    `cards` are those of the last attempt, as it named them itself: a card that was refreshed
    while an earlier attempt ran has left a file, too.
    """
    return [
        {"type": card["type"], "id": card["id"], **page(folder, card["uuid"])} for card in cards
    ]


def card_artifacts(cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one artifact for each type and id: `rendered`, `failed` or `missing`.

    Several cards of one type without an id are one artifact, their states in the order of the
    decorators.
    """
    states: dict[str, list[str]] = {}
    for card in cards:
        name = ", ".join(filter(None, (card["type"], card["id"])))
        states.setdefault("@card(%s)" % name, []).append(card["state"])
    return [artifact(name, ", ".join(states_of_card)) for name, states_of_card in states.items()]


def artifact(name: str, state: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "metaflow.card",
        "digest": digest(state),
        "value": state,
        "opaque": False,
    }


def page(folder: str, uuid: str | None) -> dict[str, str | None]:
    """Return state and file of a card; Metaflow renders before the task ends (card_creator.py)."""
    files = glob.glob(os.path.join(glob.escape(folder), "*-%s.html" % uuid))
    if not files:
        return {"state": "missing", "file": None}
    with open(files[0], encoding="utf-8", errors="replace") as file:
        return {"state": "failed" if is_error(file.read()) else "rendered", "file": files[0]}


def is_error(html: str) -> bool:
    """Return whether this is the card that Metaflow writes when the real one fails to render."""
    data = _DATA.search(html)
    if data is None:
        return False
    try:
        section = json.loads(base64.b64decode(data.group(1)))["components"][0]["contents"][0]
        return bool(section["title"] == TITLE)
    except (ValueError, LookupError, TypeError):
        return False
