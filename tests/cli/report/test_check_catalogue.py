"""The documented checks are those of the code, with the limits that are tested against."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

import pytest

from joulesplit import calibrate
from joulesplit.calibrate.checks import CATALOGUE, CheckSpec
from joulesplit.cli.report.terminal import catalogue_markdown, catalogue_page

PAGE = Path(__file__).parents[3] / "docs/checks.md"
SPECS = [spec for specs in CATALOGUE.values() for spec in specs]


def test_the_page_is_what_the_code_prints():
    """JOULESPLIT_UPDATE_GOLDEN=1 (`make golden`) writes it again."""
    if os.environ.get("JOULESPLIT_UPDATE_GOLDEN"):
        PAGE.write_text(catalogue_markdown(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == catalogue_markdown()


def specs_of(module):
    for value in vars(module).values():
        yield from value.values() if isinstance(value, dict) else (value,)


def test_every_check_that_the_code_knows_is_on_it_once():
    known = set()
    for found in pkgutil.walk_packages(calibrate.__path__, f"{calibrate.__name__}."):
        module = importlib.import_module(found.name)
        known |= {spec.name for spec in specs_of(module) if isinstance(spec, CheckSpec)}

    names = [spec.name for spec in SPECS]
    assert sorted(names) == sorted(known)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_check_passes_at_its_limit_and_not_beyond_it_and_then_says_what_to_do(spec):
    limit = 0.5 if spec.limit is None else spec.limit
    details = dict.fromkeys(
        ("names", "name", "before", "after", "interface", "reason", "kind", "loopback", "checks",
         "verdict", "fastest", "reasons", "stated", "rates", "board", "bounds", "why",
         "spoilt", "windows", "example", "which", "refresh", "delay", "tau", "lasting"),
        "what was found",
    )  # fmt: skip

    at = spec.judge(limit, limit=limit, **details)
    beyond = spec.judge(limit - 1e-6 if spec.minimum else limit + 1e-6, limit=limit, **details)

    assert (at.outcome, at.advice, at.limit) == ("pass", "", limit)
    assert beyond.outcome == spec.severity != "pass"
    assert len(beyond.advice) > 20
    assert "{" not in beyond.advice


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_checks_fit_a_terminal(text_of, width):
    lines = text_of(catalogue_page(), width, ascii_only=True).splitlines()
    assert all(len(line) <= width for line in lines)
    assert sum(spec.name in " ".join(lines) for spec in SPECS) == len(SPECS)


def test_profile_checks_prints_them(joulesplit):
    assert joulesplit("profile", "checks", "--markdown").out == PAGE.read_text(encoding="utf-8")
    listed = joulesplit("profile", "checks", "--json").json
    assert sum(len(group) for group in listed.values()) == len(SPECS)
    assert "idle-drift" in joulesplit("profile", "checks").out
