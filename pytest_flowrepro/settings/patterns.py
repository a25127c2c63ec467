"""Patterns of artifacts: ignored places, and tolerances."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.model.patterns import ANY_DEPTH, Numbers, Patterns, Terms
from pytest_flowrepro.settings.parsers import parse_day, parse_string
from pytest_flowrepro.settings.table import toml_type
from pytest_flowrepro.support.text import did_you_mean

if TYPE_CHECKING:
    from pytest_flowrepro.settings.table import Table

_TERMS = ("reason", "until")


def read_patterns(table: Table, inherited: Patterns) -> Patterns:
    """Return the patterns: `ignore` replaces the inherited, tolerances are added to them."""
    ignore = _ignored(table)
    rtol, atol = _tolerances(table, "rtol"), _tolerances(table, "atol")
    remaining = Patterns(
        ignore=inherited.ignore if ignore is None else (),
        rtol=_not_among(rtol, inherited.rtol),
        atol=_not_among(atol, inherited.atol),
    )
    own_terms = (*(ignore or ()), *(terms for terms, _ in (*(rtol or ()), *(atol or ()))))
    return Patterns(
        ignore=(*remaining.ignore, *(terms.pattern for terms in ignore or ())),
        rtol=(*remaining.rtol, *((terms.pattern, number) for terms, number in rtol or ())),
        atol=(*remaining.atol, *((terms.pattern, number) for terms, number in atol or ())),
        terms=(
            *(terms for terms in inherited.terms if (terms.key, terms.pattern) in set(remaining)),
            *filter(None, own_terms),
        ),
    )


def _not_among(tolerances: list[tuple[Terms, float]] | None, inherited: Numbers) -> Numbers:
    """Return inherited tolerances for other patterns than the table's; none if switched off."""
    if tolerances is None:
        return ()
    patterns = {terms.pattern for terms, _ in tolerances}
    return tuple(entry for entry in inherited if entry[0] not in patterns)


def _ignored(table: Table) -> list[Terms] | None:
    """Return the patterns of the table itself; None without the key."""
    expected = (
        'a list of patterns like "step.artifact" or "step.artifact.rows.*.id", or of tables like '
        '{ pattern = "step.artifact", reason = "...", until = "2027-03-31" }'
    )
    items = table.read("ignore", None, expected, _strings_and_tables)
    if items is None:
        return None
    ignored = []
    for position, item in enumerate(items):
        entry = table.inner(
            f"ignore[{position}]", item if isinstance(item, dict) else {"pattern": item}
        )
        entry.only("pattern", *_TERMS)
        pattern = entry.required("pattern", 'a pattern like "step.artifact"', parse_string)
        if pattern is not None:
            if problem := _problem_of(pattern):
                table.problem("ignore", f"`{pattern}` {problem}")
            ignored.append(_terms(entry, table.path("ignore"), "ignore", pattern))
    return ignored


def _tolerances(table: Table, key: str) -> list[tuple[Terms, float]] | None:
    """Return the tolerances of the table itself; None if it switches them off.

    A single number applies to everything.
    """
    number = "a finite number that is 0 or above"
    expected = f"{number}, or a table of patterns with such numbers"
    entries = table.read_or_off(key, {}, expected, _by_pattern)
    if entries is None:
        return None
    tolerances = []
    for pattern, value in entries.items():
        if problem := _problem_of(pattern):
            table.problem(key, f"`{pattern}` {problem}")
            continue
        if _has_terms(value):
            entry = table.inner(f'{key}."{pattern}"', value)
            entry.only("tolerance", *_TERMS)
            tolerance = entry.required("tolerance", number, _tolerance)
            if tolerance is not None:
                tolerances.append((_terms(entry, table.path(key), key, pattern), tolerance))
            continue
        try:
            tolerances.append((Terms(key=key, pattern=pattern), _tolerance(value)))
        except ValueError:
            quotes = "; put a pattern in quotes" if isinstance(value, dict) else ""
            problem = f"must have {number}, not {toml_type(value)}{quotes}"
            table.problem(key, f"`{pattern}` {problem}")
    return tolerances


def _has_terms(value: Any) -> bool:
    """Return True for `{ tolerance = ..., reason = ..., until = ... }`, also if misspelt."""
    keys = ("tolerance", *_TERMS)
    return isinstance(value, dict) and any(key in keys or did_you_mean(key, keys) for key in value)


def _terms(entry: Table, place: str, key: str, pattern: str) -> Terms:
    return Terms(
        key=key,
        pattern=pattern,
        reason=entry.read("reason", None, "a sentence", parse_string),
        until=entry.read("until", None, "a day like 2027-03-31", parse_day),
        place=place,
    )


def _strings_and_tables(value: Any) -> list[str | dict[str, Any]]:
    if not isinstance(value, list):
        raise ValueError  # noqa: TRY004  one exception says "of the wrong form" here
    return [item if isinstance(item, dict) else parse_string(item) for item in value]


def _by_pattern(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {ANY_DEPTH: _tolerance(value)}


def _tolerance(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError  # noqa: TRY004  one exception says "of the wrong form" here
    if not 0 <= value <= sys.float_info.max:
        raise ValueError
    return float(value)


def _problem_of(pattern: str) -> str | None:
    if "" in pattern.split("."):
        return "has an empty label; labels are joined by single dots"
    if "[*]" in pattern:
        return 'has `[*]`: positions are labels as well, "train.rows.*.id"'
    return None
