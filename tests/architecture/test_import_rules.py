"""Each import rule of pyproject.toml is broken on purpose, and lint-imports says so.

The violations are new modules in a copy of the tree, so that no list may have to name a module.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
KEPT_OR_BROKEN = re.compile(r"^(.+) (KEPT|BROKEN)", re.MULTILINE)

pytestmark = pytest.mark.xdist_group("import rules")


class Violation(NamedTuple):
    """A module of ``package`` with ``statement`` in it, which breaks the contract ``broken``."""

    broken: str
    package: str
    statement: str
    imported: str
    """As the report names it."""


FLOORS = "A room uses what stands below it"
GROUND = "Metrology and partition import nothing of ours"
DRIVERS = "Drivers know power sensors and metrology"
SIMULATED = "The simulated chip does not know what it checks"
EDGE = "The edge knows networks"
CALIBRATE = "Calibrate measures through the sensor's protocol, networks and the edge"
PROFILE = "The profile is a contract of its own"
OPTIMIZER = "The optimizer reads networks and profiles"
COOPERATE = "Cooperative inference knows decisions, the edge and networks"
COMMAND_LINE = "Only the entry point imports the command line"
PRIVATE = "A private module stays inside its package"
HOMES = "A heavy library or a piece of hardware has one home"
INSTALLED = "What is installed imports nothing that is not, nor the links at the top"

VIOLATIONS = [
    Violation(broken, f"joulesplit.{package}", statement, imported)
    for broken, package, statement, imported in (
        (FLOORS, "edge", "from joulesplit.optimizer import Usage", "joulesplit.optimizer"),
        (FLOORS, "drivers", "from joulesplit.partition import Cut", "joulesplit.partition"),
        (FLOORS, "calibrate.checks", "import joulesplit.optimizer", "joulesplit.optimizer"),
        (GROUND, "partition", "import joulesplit.drivers.readings", "joulesplit.drivers.readings"),
        (GROUND, "metrology", "from joulesplit.edge import EdgeClient", "joulesplit.edge"),
        (GROUND, "partition.cutting", "from joulesplit import EnergyMeter", "joulesplit"),
        (DRIVERS, "drivers", "import joulesplit.partition.errors", "joulesplit.partition.errors"),
        (DRIVERS, "drivers.ina219", "import joulesplit.calibrate", "joulesplit.calibrate"),
        (DRIVERS, "drivers.ina219", "from joulesplit import EnergyMeter", "joulesplit"),
        (
            SIMULATED,
            "drivers.simulated",
            "from joulesplit.drivers.ina219 import Ina219Driver",
            "joulesplit.drivers.ina219",
        ),
        (
            SIMULATED,
            "drivers.simulated",
            "from joulesplit.drivers import MonotonicClock",
            "joulesplit.drivers",
        ),
        (EDGE, "edge", "import joulesplit.drivers.protocols", "joulesplit.drivers.protocols"),
        (EDGE, "edge", "import joulesplit.calibrate.profile", "joulesplit.calibrate.profile"),
        (
            CALIBRATE,
            "calibrate.campaign",
            "from joulesplit.drivers._catalog import BOARDS",
            "joulesplit.drivers._catalog",
        ),
        (CALIBRATE, "calibrate", "from joulesplit.drivers import BOARDS", "joulesplit.drivers"),
        (
            CALIBRATE,
            "calibrate.sampling",
            "import joulesplit.drivers.ina219",
            "joulesplit.drivers.ina219",
        ),
        (
            CALIBRATE,
            "calibrate.workloads",
            "from joulesplit.drivers import simulated",
            "joulesplit.drivers.simulated",
        ),
        (
            PROFILE,
            "calibrate.profile",
            "import joulesplit.calibrate.campaign",
            "joulesplit.calibrate.campaign",
        ),
        (
            OPTIMIZER,
            "optimizer",
            "import joulesplit.calibrate.estimates",
            "joulesplit.calibrate.estimates",
        ),
        (
            OPTIMIZER,
            "optimizer",
            "from joulesplit.calibrate import EnergyMeter",
            "joulesplit.calibrate",
        ),
        (OPTIMIZER, "optimizer", "import joulesplit.edge", "joulesplit.edge"),
        (
            OPTIMIZER,
            "optimizer",
            "from joulesplit.partition import parts",
            "joulesplit.partition.parts",
        ),
        (OPTIMIZER, "optimizer", "import joulesplit.drivers.errors", "joulesplit.drivers.errors"),
        (COOPERATE, "cooperate", "import joulesplit.drivers.errors", "joulesplit.drivers.errors"),
        (
            COOPERATE,
            "cooperate",
            "from joulesplit.calibrate.profile import DeviceProfile",
            "joulesplit.calibrate.profile",
        ),
        (COMMAND_LINE, "calibrate", "from joulesplit.cli import run", "joulesplit.cli"),
        (COMMAND_LINE, "optimizer", "import joulesplit.cli.report", "joulesplit.cli.report"),
        (
            PRIVATE,
            "cli.commands",
            "from joulesplit.drivers.ina2xx._phase_lock import PhaseLock",
            "joulesplit.drivers.ina2xx._phase_lock",
        ),
        (
            PRIVATE,
            "cli.measuring",
            "from joulesplit.calibrate.campaign import _plan",
            "joulesplit.calibrate.campaign._plan",
        ),
        (
            PRIVATE,
            "edge",
            "from joulesplit.partition._network import Network",
            "joulesplit.partition._network",
        ),
        (
            PRIVATE,
            "calibrate.campaign",
            "import joulesplit.calibrate.journal._lines",
            "joulesplit.calibrate.journal._lines",
        ),
        (HOMES, "drivers.ina219", "from smbus2 import SMBus", "smbus2"),
        (HOMES, "drivers", "from ina219 import INA219", "ina219"),
        (HOMES, "calibrate.journal", "import pyarrow.parquet", "pyarrow"),
        (HOMES, "edge", "from tflite_runtime.interpreter import Interpreter", "tflite_runtime"),
        (HOMES, "calibrate.instrument", "import ai_edge_litert.interpreter", "ai_edge_litert"),
        (HOMES, "edge", "import flatbuffers", "flatbuffers"),
        (HOMES, "calibrate", "import requests", "requests"),
        (HOMES, "cli.commands", "import uvicorn", "uvicorn"),
        (HOMES, "cli", "from starlette.applications import Starlette", "starlette"),
        (HOMES, "partition", "from PIL import Image", "PIL"),
        (HOMES, "optimizer", "from rich.table import Table", "rich"),
        (HOMES, "calibrate.campaign", "import click", "click"),
        (HOMES, "cli.report.plots", "import matplotlib.pyplot", "matplotlib"),
        (INSTALLED, "calibrate", "from drivers import MonotonicClock", "drivers"),
        (INSTALLED, "cli", "import proof.campaign", "proof"),
        (INSTALLED, "partition", "import tests.makers.journals", "tests"),
    )
]

LAWFUL = {
    "joulesplit.drivers": "from joulesplit.drivers.readings import Reading",
    "joulesplit.edge": "from joulesplit.partition.cutting import cut_at",
    "joulesplit.calibrate.campaign": "from joulesplit.calibrate import _files",
    "joulesplit.optimizer": "from joulesplit.calibrate.profile import DeviceProfile",
    "joulesplit.cli.commands": "from joulesplit.drivers.ina219 import Ina219Driver",
}
"""Modules that a room may gain without a word in pyproject.toml."""


def tree_with(folder, statements):
    """Copy what lint-imports reads, and put a module into a package for every statement."""
    shutil.copytree(ROOT / "joulesplit", folder / "joulesplit")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "tests" / "architecture").mkdir(parents=True)
    shutil.copy(ROOT / "tests/architecture/house_contracts.py", folder / "tests/architecture")
    for number, (package, statement) in enumerate(statements):
        home = folder.joinpath(*package.split("."))
        home.mkdir(exist_ok=True)
        (home / "__init__.py").touch()
        home.joinpath(f"_new_{number}.py").write_text(f"def new():\n    {statement}\n")
    return folder


def report_on(tree):
    """What lint-imports prints over a tree, in lines that nothing wraps."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=tree,
        env={**os.environ, "COLUMNS": "1000", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    ).stdout


def broken_section(report, contract):
    """The part of a report that tells what breaks a contract; empty where it is kept."""
    _, _, told = report.partition("Broken contracts\n")
    heading = re.search(rf"^{re.escape(contract)}\n-+\n", told, re.MULTILINE)
    if heading is None:
        return ""
    rest = told[heading.end() :]
    following = re.search(r"^[^\n]+\n-{5,}\n", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


@pytest.fixture(scope="module")
def report_of_violations(tmp_path_factory):
    tree = tree_with(
        tmp_path_factory.mktemp("broken"),
        [(violation.package, violation.statement) for violation in VIOLATIONS],
    )
    return report_on(tree)


def test_every_import_against_a_rule_breaks_the_contract_that_forbids_it(report_of_violations):
    overlooked = [
        (violation.broken, link)
        for number, violation in enumerate(VIOLATIONS)
        if (link := f"{violation.package}._new_{number} -> {violation.imported} ")
        not in broken_section(report_of_violations, violation.broken)
    ]
    assert overlooked == []


def test_an_import_that_was_not_made_is_not_in_the_report(report_of_violations):
    link = f"{VIOLATIONS[0].package}._new_{len(VIOLATIONS)} -> {VIOLATIONS[0].imported} "
    assert link not in broken_section(report_of_violations, VIOLATIONS[0].broken)


def test_every_contract_is_broken_by_one_of_these_violations(report_of_violations):
    verdicts = dict(KEPT_OR_BROKEN.findall(report_of_violations))
    assert verdicts == dict.fromkeys((violation.broken for violation in VIOLATIONS), "BROKEN")


def test_a_new_module_that_keeps_to_the_rules_changes_none(tmp_path):
    verdicts = dict(KEPT_OR_BROKEN.findall(report_on(tree_with(tmp_path, LAWFUL.items()))))
    assert verdicts == {violation.broken: "KEPT" for violation in VIOLATIONS}
