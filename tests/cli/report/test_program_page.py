"""What a measured command is reported as. Stored texts: JOULESPLIT_UPDATE_GOLDEN=1."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulesplit.calibrate.campaign import MeasuredProgram, RunPlan
from joulesplit.calibrate.checks import judge_runs
from joulesplit.calibrate.estimates import run_figures
from joulesplit.calibrate.profile import Device
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowTiming
from joulesplit.cli.report.terminal import program_page, run_line
from window_records import window_record

WIDTHS = (60, 80, 120)
SAMPLING = SamplerStatistics(readings=2_000, lost=3, clipped=0, cpu_fraction=0.02)
STEPS_W = (0.004, -0.0021, 0.0007)
WORKS_S = (1.502, 1.474, 1.521)
IDLES_W = (2.001, 1.998, 2.003)


@pytest.fixture
def make_measured(description):
    """Return a maker of a measured command from the net energies of its runs, J."""

    def make(*nets_j, simulated=False):
        sensor = replace(description, simulated=simulated, kind="ina219", name="INA219")
        records = tuple(
            window_record(
                "phase",
                net_j=net_j,
                work_s=WORKS_S[number],
                idle_w=IDLES_W[number],
                number=7 * number,
                idle_step_w=STEPS_W[number],
            )
            for number, net_j in enumerate(nets_j)
        )
        figures = run_figures(records, sensor.accuracy)
        return MeasuredProgram(
            plan=RunPlan(
                arguments=("gzip", "-k", "my file.tar"),
                runs=len(nets_j),
                timing=WindowTiming(idle_s=2.0, settle_s=0.2),
            ),
            created="2026-01-01T00:00:00+00:00",
            device=Device(
                board=None,
                machine="aarch64",
                kernel="6.6",
                python="3.11.2",
                cpu_count=4,
                memory_bytes=None,
                governor=None,
                wifi_power_save=None,
            ),
            sensor=sensor,
            sampling=SAMPLING,
            records=records,
            figures=figures,
            quality=judge_runs(records, figures, SAMPLING, sensor),
        )

    return make


@pytest.mark.parametrize("width", WIDTHS)
def test_a_measured_command_reads_as_stored(make_measured, text_of, golden, width):
    page = program_page(make_measured(1.52, 1.41, 1.55))

    golden(f"command-{width}.txt", text_of(page, width))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_needs_no_unicode_and_no_more_columns_than_there_are(
    make_measured, text_of, width
):
    page = program_page(make_measured(-1.52e-4, 0.41, 155.0, simulated=True))

    lines = text_of(page, width, ascii_only=True).splitlines()

    assert all(line.isascii() and len(line) <= width for line in lines)


def test_a_simulated_command_says_that_its_power_is_not_the_commands(make_measured, text_of):
    text = text_of(program_page(make_measured(0.1, 0.2, simulated=True)), 120)

    assert "REJECTED: power-follows" in text
    assert "The simulated board knows nothing of the command" in text
    assert "MEASURED" not in text


def test_one_run_says_that_it_has_no_interval(make_measured, text_of):
    text = text_of(program_page(make_measured(1.5)), 120)

    assert "One run has no scatter" in text
    assert "±" not in text.replace("± 95 %", "")


def test_a_net_energy_below_zero_is_shown_as_it_is_and_rejected(make_measured, text_of):
    measured = make_measured(-0.1, -0.2)

    assert "REJECTED: net-above-zero" in text_of(program_page(measured), 120)
    line = run_line(measured.records[0], 1, 2, simulated=False)
    assert line == "run 1 of 2: −100 mJ net, 2.91 J gross in 1.50 s"
