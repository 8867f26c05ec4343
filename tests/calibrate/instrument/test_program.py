"""Real programs, each for some hundredths of a second."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from joulesplit.calibrate.errors import ProgramFailedError, ProgramStartError
from joulesplit.calibrate.instrument import KeepingSampler, ProgramWorkload, require_program
from joulesplit.calibrate.sampling._sampler import InlineSampler
from joulesplit.cli._exit_codes import ExitCode, exit_code_of
from joulesplit.drivers import MonotonicClock
from joulesplit.drivers.readings import Reading

CLOCK = MonotonicClock()


def workload(*arguments, stdout=None, each_s=60.0, keep=lambda: None):
    return ProgramWorkload(
        name=arguments[0],
        arguments=arguments,
        clock=CLOCK,
        stdout=stdout,
        each_s=each_s,
        keep=keep,
    )


def shell(line, **options):
    return workload("sh", "-c", line, **options)


@pytest.mark.live
def test_a_program_runs_between_its_times_and_its_output_passes_through(capfd):
    before_ns = CLOCK.now_ns()
    done = shell("echo out; echo err >&2").run(1)

    assert before_ns <= done.started_ns < done.ended_ns <= CLOCK.now_ns()
    assert capfd.readouterr() == ("out\n", "err\n")


@pytest.mark.live
def test_its_standard_output_can_go_elsewhere(capfd):
    shell("echo out", stdout=sys.stderr).run(1)

    assert capfd.readouterr() == ("", "out\n")


@pytest.mark.live
@pytest.mark.parametrize(
    ("line", "how"), [("exit 3", "exit code 3"), ("kill -KILL $$", r"signal 9 \(Killed\)")]
)
def test_a_run_that_fails_is_an_error_of_the_measurement(line, how):
    with pytest.raises(ProgramFailedError, match=f"sh ended with {how}") as raised:
        shell(line).run(1)

    assert exit_code_of(raised.value) == ExitCode.MEASUREMENT


@pytest.mark.live
def test_readings_are_taken_over_while_a_long_run_lasts():
    kept = []

    shell("sleep 0.2", each_s=0.02, keep=lambda: kept.append(1)).run(1)

    assert kept


@pytest.mark.live
@pytest.mark.parametrize("line", ["sleep 100", "trap '' TERM; echo $$; sleep 0.6; true"])
def test_what_breaks_the_wait_off_ends_the_program(monkeypatch, line):
    monkeypatch.setattr("joulesplit.calibrate.instrument._program.ASKED_END_S", 0.1)
    ours = psutil.Process()
    others, running = set(ours.children()), []

    def interrupted():
        running.extend(set(ours.children()) - others)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shell(line, each_s=0.05, keep=interrupted).run(1)

    assert running
    assert not any(child.is_running() for child in running)


def test_a_program_that_is_not_there_or_may_not_run_is_told_before_anything_is_measured(tmp_path):
    text = tmp_path / "text"
    text.write_text("no program")
    require_program("true")
    require_program(sys.executable)

    with pytest.raises(ProgramStartError, match="there is no program 'jouleless'"):
        require_program("jouleless")
    with pytest.raises(ProgramStartError, match="may be run: `chmod"):
        require_program(str(text))


def test_a_file_that_only_looks_like_a_program_is_told_in_one_line(tmp_path):
    path = Path(tmp_path / "broken")
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)

    with pytest.raises(ProgramStartError, match="cannot start"):
        workload(str(path)).run(1)


class Ticks:
    """A reading every microsecond."""

    def __init__(self, description):
        self.description = description
        self._t_ns = 0

    def read(self):
        self._t_ns += 1000
        return Reading(t_ns=self._t_ns, raw=(0, 0), voltage_v=5.0, current_a=0.4)


def test_readings_that_were_taken_over_stay_in_the_trace(description):
    sampler = InlineSampler(Ticks(description))
    keeping = KeepingSampler(Eager(sampler, [3000, 6000]))
    keeping.keep()
    keeping.keep()

    trace = keeping.trace_until(8000)
    after = keeping.trace_until(9000)

    assert trace.start_ns == 1000
    assert trace.records["t_ns"].tolist() == [2000, 3000, 4000, 5000, 6000, 7000, 8000]
    assert after.records["t_ns"].tolist() == [9000]
    assert keeping.statistics().readings == 8


class Eager:
    """A sampler that has read on by itself up to stated times, as a process does.

    Args:
        sampler: Reads.
        times_ns: Up to when, each time somebody asks.
    """

    def __init__(self, sampler, times_ns):
        self._sampler, self._times_ns = sampler, list(times_ns)
        self.trace_until, self.statistics = sampler.trace_until, sampler.statistics

    def trace_so_far(self):
        return self._sampler.trace_until(self._times_ns.pop(0))
