"""The examination of this very machine."""

from __future__ import annotations

import psutil

from calibrate.environment.survey import Machine
from calibrate.environment.tuning_state import states_left
from drivers.catalog import SENSOR_KINDS
from drivers.discovery import discover
from joulesplit.diagnosis.installation import installation_findings
from joulesplit.diagnosis.machine import machine_findings, tuning_findings
from joulesplit.diagnosis.sensors import ready_for, sensor_findings
from joulesplit.finding import Diagnosis
from joulesplit.wiring import open_i2c_bus

LOAD_SAMPLE_S = 0.5
"""How long the load of other programs is watched, s."""


def examine() -> Diagnosis:
    """Look at this machine; reads only."""
    machine, found = Machine(), discover()
    findings = (
        *machine_findings(
            machine,
            busy_fraction=psutil.cpu_percent(LOAD_SAMPLE_S) / 100,
            available_bytes=psutil.virtual_memory().available,
        ),
        *(left for state in states_left() for left in tuning_findings(machine, state)),
        *installation_findings(),
        *sensor_findings(found, machine, open_i2c_bus),
    )
    kinds = [kind.name for kind in SENSOR_KINDS]
    return Diagnosis(findings=findings, ready_for=ready_for(kinds, found, machine, findings))
