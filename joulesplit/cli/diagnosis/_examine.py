"""The examination of this very machine."""

from __future__ import annotations

import psutil

from joulesplit.calibrate.environment import Machine, states_left
from joulesplit.cli._finding import Diagnosis
from joulesplit.cli.diagnosis._installation import installation_findings
from joulesplit.cli.diagnosis._machine import machine_findings, tuning_findings
from joulesplit.cli.diagnosis._sensors import ready_for, sensor_findings
from joulesplit.drivers import SENSOR_KINDS, discover, open_i2c_bus
from joulesplit.partition import Network

LOAD_SAMPLE_S = 0.5
"""How long the load of other programs is watched, s."""


def examine(network: Network | None = None) -> Diagnosis:
    """Look at this machine; reads only.

    Args:
        network: That is to be measured on it; None for the bundled one.
    """
    machine, found = Machine(), discover()
    findings = (
        *machine_findings(
            machine,
            busy_fraction=psutil.cpu_percent(LOAD_SAMPLE_S) / 100,
            available_bytes=psutil.virtual_memory().available,
            network=network,
        ),
        *(left for state in states_left() for left in tuning_findings(machine, state)),
        *installation_findings(),
        *sensor_findings(found, machine, open_i2c_bus),
    )
    kinds = [kind.name for kind in SENSOR_KINDS]
    return Diagnosis(findings=findings, ready_for=ready_for(kinds, found, machine, findings))
