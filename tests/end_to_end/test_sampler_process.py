"""The real sampler process on the simulated chip, in real time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from io import BytesIO

import psutil
import pytest

from joulesplit import EnergyMeter
from joulesplit._simulation import SimulatedWorld, draw_world
from joulesplit.calibrate.errors import SamplerError
from joulesplit.calibrate.sampling import SamplerProcess
from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._wiring import sensor_factory
from joulesplit.drivers import MonotonicClock
from joulesplit.drivers.errors import BusNotFoundError
from joulesplit.drivers.simulated import LoadParameters

NS = 1_000_000_000

PARENT = """
import sys
from joulesplit.calibrate.sampling._process import SamplerProcess
from joulesplit.drivers._clock import MonotonicClock
from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._wiring import sensor_factory
if __name__ == "__main__":
    clock = MonotonicClock()
    with SamplerProcess(sensor_factory(SensorChoice(kind="simulated")), clock) as sampler:
        print(sampler.pid, flush=True)
        sys.stdin.read()
"""


def wait_until(condition, what: str) -> None:
    """Wait for something that another process does; the bound is for a broken program only."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail(f"{what} did not happen")


def fail_inside() -> None:
    raise ZeroDivisionError("the sensor fell off")


def test_readings_are_contiguous_and_add_up_to_the_worlds_energy():
    clock = MonotonicClock()
    setup = draw_world(3, clock.now_ns())
    quiet = LoadParameters(idle_power_w=2.0, source_resistance_ohm=0.15)
    exact = type(setup.chip)(shunt_ohm=0.1, conversion_time_scale=1.05)
    world = SimulatedWorld.shared(
        type(setup)(seed=3, costs=setup.costs, load=quiet, chip=exact, origin_ns=clock.now_ns()),
        clock,
    )
    with SamplerProcess(world.sensor_factory, clock) as sampler:
        first = sampler.trace_until(clock.now_ns())
        now_ns = clock.now_ns()
        # Readings that are rehearsed besides take nothing from the real ones.
        assert sampler.rehearse(2, now_ns)
        # 1 W for 200 ms, and enough idle around it.
        world.announce(now_ns + NS // 20, now_ns + NS // 4, 1.0)
        trace = sampler.trace_until(now_ns + NS // 2)
        statistics = sampler.statistics()

    assert trace.start_ns == first.end_ns
    assert trace.end_ns >= now_ns + NS // 2
    duration_s = trace.durations_s.sum()
    energy_j = float((trace.power_w * trace.durations_s).sum())
    assert energy_j - 2.0 * duration_s == pytest.approx(0.2, abs=0.004)
    assert statistics.readings == len(first) + len(trace)
    assert statistics.cpu_fraction is not None


def test_who_waits_for_readings_sleeps_until_they_are_due():
    """Looking every 2 ms would be 500 times in this second."""
    clock = MonotonicClock()
    with SamplerProcess(sensor_factory(SensorChoice(kind="simulated")), clock) as sampler:
        sampler.trace_until(clock.now_ns())
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
        trace = sampler.trace_until(clock.now_ns() + NS)
        woken = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before
    assert trace.end_ns - trace.start_ns >= 0.9 * NS
    assert woken < 50


def test_a_sensor_that_cannot_be_opened_fails_in_the_parent_as_it_did_in_the_child():
    choice = SensorChoice(kind="ina219", bus=99, shunt_ohm=0.1)
    with (
        pytest.raises(BusNotFoundError, match="/dev/i2c-99"),
        SamplerProcess(sensor_factory(choice), MonotonicClock()),
    ):
        pass
    assert multiprocessing.active_children() == []


def test_a_surprise_in_the_child_is_told_with_its_kind():
    with (
        pytest.raises(SamplerError, match="ZeroDivisionError: the sensor fell off"),
        SamplerProcess(partial(fail_inside), MonotonicClock()),
    ):
        pass


def test_a_sampler_that_is_killed_is_an_error_and_not_a_wait():
    clock = MonotonicClock()
    with SamplerProcess(sensor_factory(SensorChoice(kind="simulated")), clock) as sampler:
        os.kill(sampler.pid, signal.SIGKILL)
        with pytest.raises(SamplerError, match=r"exit code -9: something outside ended it"):
            sampler.trace_until(clock.now_ns() + NS)


GUARD = 'if __name__ == "__main__":'
IN_THE_SCRIPT = "def of_the_script():\n    return make()\n"


def run_script(path, text):
    path.write_text(text)
    return subprocess.run(
        [sys.executable, str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


def test_a_script_needs_no_guard_as_it_is_not_run_again_for_a_sensor_from_elsewhere(tmp_path):
    script = PARENT.replace(GUARD, "print('run', flush=True)\nif True:")
    outcome = run_script(tmp_path / "unguarded.py", script)

    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split()[0] == "run"
    assert outcome.stdout.count("run") == 1


def made_in_the_script(text):
    """The same script, whose sensor comes from a function of its own."""
    return text.replace(
        GUARD, f"make = sensor_factory(SensorChoice(kind='simulated'))\n{IN_THE_SCRIPT}{GUARD}"
    ).replace("SamplerProcess(sensor_factory(SensorChoice(kind=\"simulated\"))",
              "SamplerProcess(of_the_script")  # fmt: skip


def test_a_script_that_makes_the_sensor_itself_is_run_again_and_told_to_be_guarded(tmp_path):
    guarded = run_script(tmp_path / "guarded.py", made_in_the_script(PARENT))
    unguarded = made_in_the_script(PARENT).replace(GUARD, "if True:")
    outcome = run_script(tmp_path / "unguarded.py", unguarded)

    assert guarded.returncode == 0, guarded.stderr
    said = outcome.stderr.splitlines()[-1]
    assert "exit code 1, before it came to the sensor" in said
    assert f"guard the script with `{GUARD}`" in said
    assert "30 s" not in said


def test_a_sensor_that_no_other_process_can_be_given_is_refused_with_what_to_do():
    bus = BytesIO()
    with (
        pytest.raises(
            SamplerError, match=r"cannot be handed .*: name its kind, or give a function"
        ),
        SamplerProcess(lambda: bus, MonotonicClock()),
    ):
        pass
    assert multiprocessing.active_children() == []


def test_the_sampler_dies_with_its_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)

    parent.kill()
    parent.communicate()

    wait_until(lambda: not psutil.pid_exists(pid), "the end of the sampler")


def test_the_sampler_reports_its_rate_its_processor_time_and_its_jitter():
    clock = MonotonicClock()
    with SamplerProcess(sensor_factory(SensorChoice(kind="simulated")), clock) as sampler:
        sampler.trace_until(clock.now_ns() + NS)
        found = sampler.statistics()
    assert 80 < found.rate_hz < 115
    assert 0 < found.cpu_fraction < 1
    assert 0 < found.jitter_s <= found.latest_s


def cpu_per_reading_s(sensor, readings):
    began_s = time.process_time()
    for _ in range(readings):
        sensor.read()
    return (time.process_time() - began_s) / readings


def test_the_samplers_own_share_of_a_readings_processor_time_is_the_smaller_one():
    """Against the same sensor read in this process, the simulated chip in both.

    The best of four tries: whoever else uses the caches slows either down.
    """
    clock, factory, ratios = MonotonicClock(), sensor_factory(SensorChoice(kind="simulated")), []
    for _ in range(4):
        with factory() as sensor:
            alone_s = cpu_per_reading_s(sensor, 150)
        with SamplerProcess(factory, clock) as sampler:
            sampler.trace_until(clock.now_ns() + 2 * NS)
            found = sampler.statistics()
        ratios.append(found.cpu_fraction / found.rate_hz / alone_s)
        if ratios[-1] < 1.5:
            return
    pytest.fail(f"processor time of the sampler over that of reading alone: {ratios}")


def test_a_workload_that_crashes_takes_nothing_with_it():
    with EnergyMeter(sensor_factory(SensorChoice(kind="simulated", seed=4))) as meter:
        with meter.window("crash") as crash:
            died = subprocess.run([sys.executable, "-c", "import os; os.abort()"], check=False)
        with meter.window("after") as after:
            time.sleep(0.1)
    assert died.returncode == -signal.SIGABRT
    for result in (crash.result, after.result):
        assert result.mean_power_w == pytest.approx(2.6, rel=0.1)


def test_readings_that_nobody_collected_are_counted_as_lost_and_sampling_goes_on():
    clock = MonotonicClock()
    factory = sensor_factory(SensorChoice(kind="simulated"))
    with SamplerProcess(factory, clock, ring_records=16) as sampler:
        clock.sleep_until_ns(clock.now_ns() + NS)
        late = sampler.trace_so_far()
        following = sampler.trace_until(clock.now_ns())
        assert sampler.statistics().lost >= 40
    assert len(late) <= 12
    assert following.start_ns == late.end_ns


def test_windows_are_metered_while_the_workload_fails_and_goes_on():
    with EnergyMeter(sensor_factory(SensorChoice(kind="simulated", seed=4))) as meter:
        with contextlib.suppress(ZeroDivisionError), meter.window("crash") as crash:
            time.sleep(0.2)
            _ = 1 / 0
        with meter.window("outer") as outer, meter.window("inner") as inner:
            time.sleep(0.2)
        statistics = meter.statistics()
    assert {"interrupted", "simulated"} <= crash.result.flags
    assert "interrupted" not in outer.result.flags
    for result in (crash.result, inner.result):
        assert result.duration_s >= 0.2
        assert result.mean_power_w == pytest.approx(2.6, rel=0.1)
        assert result.energy_j.ci95[0] < result.energy_j.value < result.energy_j.ci95[1]
    assert outer.result.energy_j.value >= inner.result.energy_j.value
    assert statistics.readings > 20
