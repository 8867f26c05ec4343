from __future__ import annotations

import subprocess
import sys

import pytest

from joulesplit.cli._main import COMMANDS

HEAVY = {"numpy", "rich", "requests", "msgspec", "scipy", "ai_edge_litert", "psutil", "smbus2"}
ROOMS = {"drivers", "partition", "edge", "calibrate", "optimizer"}
PROGRAM = """
import sys
from joulesplit.cli._main import run
code = run([*sys.argv[1:], "--help"])
print("\\n" + " ".join(sorted({name.partition(".")[0] for name in sys.modules})))
sys.exit(code)
"""


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids="-".join)
def test_help_is_answered_without_importing_anything_heavy(command):
    outcome = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command], capture_output=True, text=True, check=True
    )
    assert outcome.stdout.startswith("Usage: joulesplit")
    loaded = set(outcome.stdout.splitlines()[-1].split())
    assert not loaded & (HEAVY | ROOMS)
