"""Named checks over the recorded windows: may the figures be used? Pure."""

from __future__ import annotations

from calibrate.check_spec import quality_of
from calibrate.checks.evidence import Evidence
from calibrate.checks.outlasting import outlasting_checks
from calibrate.checks.results import result_checks
from calibrate.checks.scatter import scatter_checks
from calibrate.checks.sensor import sensor_checks
from calibrate.checks.steadiness import steadiness_checks
from calibrate.checks.upload_scatter import upload_scatter_checks
from calibrate.profile import Quality


def judge(evidence: Evidence) -> Quality:
    """Run every check and give the verdict.

    Returns:
        ``valid`` if all passed, ``suspect`` with warnings, ``rejected`` with failures.
    """
    checks = (
        *sensor_checks(evidence),
        *steadiness_checks(evidence),
        *scatter_checks(evidence),
        *upload_scatter_checks(evidence),
        *outlasting_checks(evidence),
        *result_checks(evidence),
        *evidence.extra,
    )
    return quality_of(checks)
