"""What a command or a function costs, by a sensor whose power follows a file: +1.5 W over 2 W."""

from __future__ import annotations

import time
from functools import partial

import pytest

import joulesplit as js
from file_driven_sensor import MORE_W, FileDrivenSensor
from joulesplit.calibrate.errors import ProgramFailedError, ProgramStartError

QUICKLY = {"idle_s": 0.3, "settle_s": 0.1}
WORK_S = 0.3
EDGES_J = 2 * 0.02 * MORE_W
"""Point samples every 20 ms: at each edge a cycle at most belongs to the wrong side."""


@pytest.fixture
def switch(tmp_path):
    return tmp_path / "more"


@pytest.fixture
def sensor(switch):
    return partial(FileDrivenSensor, switch)


def test_a_function_costs_what_it_draws_above_idle(switch, sensor):
    def work():
        switch.touch()
        time.sleep(WORK_S)
        switch.unlink()

    told = []
    cost = js.measure(work, sensor=sensor, runs=3, progress=told.append, **QUICKLY)
    assert cost.figures.net_j.value == pytest.approx(MORE_W * WORK_S, abs=EDGES_J)
    assert cost.figures.net_j.n == 3
    assert list(cost.records) == told
    assert "work: net " in str(cost)
    assert ", 3 runs, " in str(cost)
    assert "P_0" in cost._repr_html_()


@pytest.mark.parametrize("as_text", [False, True])
def test_a_command_costs_what_it_draws_above_idle(switch, sensor, as_text):
    script = f"touch {switch}; sleep {WORK_S}; rm {switch}"
    command = f"sh -c '{script}'" if as_text else ["sh", "-c", script]
    cost = js.measure(command, sensor=sensor, runs=2, **QUICKLY)
    assert cost.figures.net_j.value == pytest.approx(MORE_W * WORK_S, abs=EDGES_J + 0.05)
    assert cost.plan.arguments == ("sh", "-c", script)


def test_a_failure_is_no_energy(sensor):
    with pytest.raises(ProgramStartError, match="no program 'no-such-program'"):
        js.measure("no-such-program", sensor=sensor)
    with pytest.raises(ProgramFailedError, match="exit code 3"):
        js.measure(["sh", "-c", "exit 3"], sensor=sensor, **QUICKLY)
    with pytest.raises(ZeroDivisionError):
        js.measure(lambda: 1 / 0, sensor=sensor, **QUICKLY)
