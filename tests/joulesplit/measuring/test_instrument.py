"""What an instrument says of the machine at one moment."""

from __future__ import annotations

from calibrate.checks.conditions import condition_checks
from joulesplit.choices import SensorChoice
from joulesplit.measuring.instrument import Instrument
from joulesplit.measuring.network_bench import RuntimeChoice
from joulesplit.resources import bundled

MODEL = bundled("models/mobilenet_v2_1.0_224_int8.tflite")


def test_the_route_to_the_server_is_looked_up_each_time_so_that_its_move_is_told():
    """No packet leaves for the broadcast address, whatever this machine's network is."""
    instrument = Instrument(
        MODEL, SensorChoice(kind="ina219"), edge_url="http://127.0.0.1:8000",
        token=None, runtime=RuntimeChoice(),
    )  # fmt: skip
    before = instrument.conditions()
    instrument.edge_url = "http://255.255.255.255:8000"
    after = instrument.conditions()

    assert before.interface == "lo"
    checks = {check.name: check for check in condition_checks(before, after)}
    assert checks["route-changed"].outcome == "fail"
    assert "from lo to nowhere" in checks["route-changed"].advice
