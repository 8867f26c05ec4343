"""``joulesplit doctor``: what this machine offers, and what to mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from joulesplit.output import emit, json_option

if TYPE_CHECKING:
    from joulesplit.diagnosis.finding import Diagnosis

LOAD_SAMPLE_S = 0.5


@click.command("doctor")
@json_option
def command(*, as_json: bool) -> None:
    """Look at this machine without changing it; every finding that needs one has a fix."""
    from joulesplit.report.findings import doctor_page

    diagnosis = _diagnose()
    emit(as_json, diagnosis, lambda: doctor_page(diagnosis))


def _diagnose() -> Diagnosis:
    import psutil

    from calibrate.environment import Machine
    from drivers.catalog import SENSOR_KINDS
    from drivers.discovery import discover
    from drivers.i2c import SmbusI2cBus
    from joulesplit.diagnosis.finding import Diagnosis
    from joulesplit.diagnosis.installation import installation_findings
    from joulesplit.diagnosis.machine import machine_findings
    from joulesplit.diagnosis.sensors import ready_for, sensor_findings

    machine, found = Machine(), discover()
    findings = (
        *machine_findings(
            machine,
            busy_fraction=psutil.cpu_percent(LOAD_SAMPLE_S) / 100,
            available_bytes=psutil.virtual_memory().available,
        ),
        *installation_findings(),
        *sensor_findings(found, machine, SmbusI2cBus),
    )
    kinds = [kind.name for kind in SENSOR_KINDS]
    return Diagnosis(findings=findings, ready_for=ready_for(kinds, found, machine, findings))
