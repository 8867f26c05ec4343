"""A shunt that is stated wrong gives a board power that no such board has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulesplit.calibrate.checks import board_power_checks
from joulesplit.drivers.readings import SensorDescription

SENSOR = SensorDescription(
    kind="ina219", name="INA219", rail="5 V supply", includes="everything", simulated=False,
    modelled=False, cycle_s=0.009, observed_fraction=0.94, voltage_resolution_v=0.004,
    current_resolution_a=0.0001, full_scale_a=3.2, accuracy=(), settings={"shunt_ohm": 0.1},
)  # fmt: skip
TRUE_IDLE_W = {
    "Raspberry Pi Zero 2 W Rev 1.0": 0.6,
    "Raspberry Pi 3 Model B Plus Rev 1.3": 1.9,
    "Raspberry Pi 4 Model B Rev 1.4": 2.7,
    "Raspberry Pi 5 Model B Rev 1.0": 2.7,
}


def judged(power_w, board, **sensor):
    return list(board_power_checks(power_w, board, replace(SENSOR, **sensor)))


@pytest.mark.parametrize(("board", "true_w"), TRUE_IDLE_W.items())
def test_a_shunt_stated_ten_times_wrong_is_told_either_way(board, true_w):
    assert [check.outcome for check in judged(true_w, board)] == ["pass"]
    for factor, says in ((0.1, "too large"), (10.0, "too small")):
        (check,) = judged(true_w * factor, board)
        assert check.outcome == "fail"
        assert says in check.advice
        assert "--shunt-ohm 0.1" in check.advice
        assert board in check.advice


@pytest.mark.parametrize("power_w", [0.0, 0.01, -0.01])
def test_nothing_through_the_shunt_while_this_machine_runs_is_told(power_w):
    (check,) = judged(power_w, "Raspberry Pi 4 Model B Rev 1.4")
    assert check.outcome == "fail"
    assert "does not see this device" in check.advice


@pytest.mark.parametrize(
    ("board", "changes"),
    [
        (None, {}),
        ("Some PC", {}),
        ("Raspberry Pi 4 Model B", {"simulated": True}),
        ("Raspberry Pi 4 Model B", {"modelled": True}),
        ("Raspberry Pi 4 Model B", {"kind": "rapl"}),
    ],
)
def test_what_is_no_supply_of_a_known_board_is_not_judged(board, changes):
    assert judged(0.01, board, **changes) == []
