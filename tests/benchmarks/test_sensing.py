"""What a power reading costs beside the libraries that people use: a ratio within one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PEERS = Path(sys.prefix) / "peers"
MEASURE = """
import json
from dataclasses import asdict
from benchmarks.sensing import costs
found, missing = costs()
print(json.dumps({"found": {key: asdict(cost) for key, cost in found.items()}, "missing": missing}))
"""


@pytest.fixture(scope="module")
def costs(cannot):
    """In a process of its own: the peers put their stand-ins into sys.modules."""
    path = os.pathsep.join([str(ROOT), str(PEERS)])
    result = subprocess.run(
        [sys.executable, "-c", MEASURE], env={**os.environ, "PYTHONPATH": path}, cwd=ROOT,
        capture_output=True, text=True, check=True, timeout=200,
    )  # fmt: skip
    measured = json.loads(result.stdout)
    if measured["missing"]:
        cannot(f"no peers in {PEERS} (see the Makefile): {measured['missing']}")
    return measured["found"]


@pytest.mark.live
@pytest.mark.alone("two processor times are compared: what shares the cache moves their ratio")
@pytest.mark.parametrize("peer", ["pi_ina219", "adafruit"])
def test_a_reading_takes_at_most_a_quarter_of_a_peers_processor_time(costs, peer):
    assert costs[peer]["ours_over_it"] <= 0.25


@pytest.mark.live
def test_a_reading_takes_at_most_three_transfers_where_the_peers_take_five(costs):
    assert costs["ours"]["transfers"] <= 3
    assert costs["pi_ina219"]["transfers"] >= 5
    assert costs["adafruit"]["transfers"] >= 5
