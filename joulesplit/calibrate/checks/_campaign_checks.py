"""Named checks over the recorded windows: may the figures be used? Pure."""

from __future__ import annotations

from joulesplit.calibrate.checks._evidence import Evidence
from joulesplit.calibrate.checks._outlasting import outlasting_checks
from joulesplit.calibrate.checks._results import result_checks
from joulesplit.calibrate.checks._sampler_cost import sampler_checks
from joulesplit.calibrate.checks._scatter import scatter_checks
from joulesplit.calibrate.checks._sensor import sensor_checks
from joulesplit.calibrate.checks._spec import quality_of
from joulesplit.calibrate.checks._spoilt import spoilt_checks
from joulesplit.calibrate.checks._steadiness import steadiness_checks
from joulesplit.calibrate.checks._upload_scatter import upload_scatter_checks
from joulesplit.calibrate.profile import Quality


def judge(evidence: Evidence) -> Quality:
    """Run every check and give the verdict.

    Returns:
        ``valid`` if all passed, ``suspect`` with warnings, ``rejected`` with failures.
    """
    checks = (
        *sensor_checks(evidence),
        *sampler_checks(evidence.records),
        *steadiness_checks(evidence),
        *spoilt_checks(evidence),
        *scatter_checks(evidence),
        *upload_scatter_checks(evidence),
        *outlasting_checks(evidence),
        *result_checks(evidence),
        *evidence.extra,
    )
    return quality_of(checks)
