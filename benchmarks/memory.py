"""What calibrating takes of the memory: of the device process and of the one that samples.

    python -m benchmarks.memory [--plan standard] [MODEL.tflite …]

Every block, head and step of a start is timed and then made ready and run for each of its windows,
in the order of the first round, as `calibrate` does; idle, rests and uploads, which take time and
no memory of their own, are left out. Proportional set sizes (PSS) are read from outside every
50 ms. The simulated sensor takes numpy into the sampler, which a real one does not: with the driver
of the INA219 the sampler is measured by itself, and `monitor` beside it. Without a model: the
bundled MobileNetV2 in float32, and ResNet50 as the converter writes it but for its weights
(``tests/partition/facts``).
"""

from __future__ import annotations

import argparse
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.partition import ROOT, unpacked

POLL_S, SETTLED_S = 0.05, 3.0
KB = 1024
SHARE, ANONYMOUS = "Pss", "Pss_Anon"
MEASURE = "--measure"
FEW = 3
"""Runs of what can be repeated with what is there."""


def main() -> None:
    """Print the table, or be the process that is looked at."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--plan", default="standard")
    parser.add_argument(MEASURE, action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.models[0], arguments.plan)
        return
    of_a_chip()
    print(f"{'':42s} {'file':>9s} {'PSS':>9s} {'of it anonymous':>16s} {'PSS / file':>11s}")
    with tempfile.TemporaryDirectory() as scratch:
        for model in arguments.models or bundled_and_large(Path(scratch)):
            table(model, arguments.plan)


def bundled_and_large(scratch: Path) -> list[Path]:
    """Return the networks of the table."""
    small = ROOT / "data" / "models" / "mobilenet_v2_1.0_224_float32.tflite"
    return [small, unpacked("ResNet50", scratch)]


def of_a_chip() -> None:
    """Print what `monitor` and its sampler take, with the driver of a real sensor."""
    from benchmarks.loaded_driver import with_the_driver
    from joulesplit.calibrate.sampling import SamplerProcess
    from joulesplit.drivers import MonotonicClock

    with SamplerProcess(with_the_driver, MonotonicClock()) as sampler:
        time.sleep(SETTLED_S)
        sampler_bytes, _ = sizes_of(sampler.pid or 0)
    command = [sys.executable, "-m", "joulesplit", "monitor", "--sensor", "simulated", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    largest = largest_of(process, SETTLED_S)
    process.send_signal(signal.SIGINT)
    process.wait()
    beside = largest["device process"][0] + largest["resource tracker"][0]
    print(f"sampler with the driver of the INA219: {sampler_bytes / 1e6:.1f} MB")
    print(f"monitor with this sampler: {(sampler_bytes + beside) / 1e6:.1f} MB")


def measure(model: Path, plan_name: str) -> None:
    """Make every window of a plan's first round ready, and run it without its idle."""
    from joulesplit._simulation import world_from_now
    from joulesplit.calibrate.campaign import load_plan
    from joulesplit.calibrate.campaign._bench import pilot, subjects_of
    from joulesplit.calibrate.campaign._schedule import layout_starts, round_tasks
    from joulesplit.calibrate.instrument import EdgeAddress, Instrument
    from joulesplit.cli._server_process import loopback_server
    from joulesplit.drivers import MonotonicClock

    plan = load_plan(plan_name)
    device = world_from_now(1, MonotonicClock())
    with loopback_server(model) as url, Instrument(model, device, EdgeAddress(url=url)) as tool:
        bench, uploads = tool.bench(plan)
        tasks = round_tasks(plan, subjects_of(plan, bench, pilot(plan, bench, uploads)), 0)
        anew = layout_starts(len(tasks), plan.layouts, first=True)
        for position, task in enumerate(tasks):
            if position in anew:
                bench.lay_out_anew()
            if task.kind not in ("upload", "download"):
                workload = bench.workload(task)
                # All that is ready is used up; another run of the same takes no more memory.
                workload.run(min(task.repetitions, max(FEW, len(getattr(workload, "shelf", ())))))


def table(model: Path, plan_name: str) -> None:
    """Print the largest sizes of both processes for one network."""
    command = [sys.executable, "-m", "benchmarks.memory", MEASURE, "--plan", plan_name, str(model)]
    process = subprocess.Popen(command, cwd=ROOT)
    largest = largest_of(process)
    if process.returncode:
        raise SystemExit(process.returncode)
    file_bytes = model.stat().st_size
    for role, (share, anonymous) in largest.items():
        ratio = f"{share / file_bytes:11.2f}" if role == "device process" else ""
        print(
            f"{f'{model.name}, {role}'[:42]:42s} {file_bytes / 1e6:6.1f} MB {share / 1e6:6.1f} MB "
            f"{anonymous / 1e6:13.1f} MB {ratio}".rstrip()
        )


def largest_of(
    process: subprocess.Popen[bytes], limit_s: float = math.inf
) -> dict[str, tuple[int, int]]:
    """Return the largest sizes of a program's processes until it ends, or for some time, byte."""
    largest: dict[str, tuple[int, int]] = {}
    deadline_s = time.monotonic() + limit_s
    while process.poll() is None and time.monotonic() < deadline_s:
        for role, pid in roles(process.pid):
            largest[role] = max(largest.get(role, (0, 0)), sizes_of(pid))
        time.sleep(POLL_S)
    return largest


def roles(pid: int) -> Iterator[tuple[str, int]]:
    """Yield the processes of a campaign that stay on the device."""
    yield "device process", pid
    for child in _text(f"/proc/{pid}/task/{pid}/children").split():
        words = _text(f"/proc/{child}/cmdline")
        if "spawn_main" in words:
            yield "sampler", int(child)
        elif "resource_tracker" in words:
            yield "resource tracker", int(child)


def sizes_of(pid: int) -> tuple[int, int]:
    """Return the proportional set size of a process and what of it no file stands behind, byte."""
    rows = dict(line.split(":", 1) for line in _text(f"/proc/{pid}/smaps_rollup").splitlines()[1:])
    if SHARE not in rows:  # It has ended.
        return 0, 0
    return KB * int(rows[SHARE].split()[0]), KB * int(rows[ANONYMOUS].split()[0])


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    main()
