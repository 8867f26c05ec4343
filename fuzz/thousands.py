"""Changed model files by the thousand: each ends in one line or a result, in time and memory.

    python fuzz/thousands.py --seconds 60

needs no engine, where ``fuzz_partition.py`` is guided by coverage. The files to start from are
the tests' small models, networks as LiteRT-Torch and TensorFlow export them, and both inside a
zip archive. A process of its own takes one file after the other; one that it does not survive,
or that takes more than is stated here, is a finding: the file is kept and named.
"""

from __future__ import annotations

import argparse
import io
import lzma
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fuzz_partition import exercise, settle_shapes_seldom
from mutations import flipped, mutated

PARTITION = Path(__file__).parents[1] / "tests" / "partition"
LARGEST_SEED = 300_000
"""Bytes of a file to start from: a larger one takes its time for what a small one tells, too."""
SPARE_BYTES = 1 << 30
"""Address space beyond that, so that a file that takes too much is told from one that ends it."""
IN_ARCHIVE = 0.1
"""Share of the files that are inside a zip archive, which is changed instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one file may take.

    Attributes:
        cpu_s: Processor time to read it, cut it everywhere and take parts out of it, s; a PC
            takes less than 1 s, a Raspberry Pi Zero 2 W some ten times that.
        memory_bytes: Memory beyond what the process had before, byte.
    """

    cpu_s: float = 30.0
    memory_bytes: int = 1 << 28


@dataclass(slots=True)
class Count:
    """What came of the files.

    Attributes:
        ends: How many ended in which way.
        slowest_s: Most processor time of one, s.
        largest_bytes: Most memory that one added, byte.
    """

    ends: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    largest_bytes: int = 0

    def __str__(self) -> str:
        """Return one line."""
        ends = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        return (
            f"{self.ends.total()} files: {ends}; at most {self.slowest_s:.2f} s of a processor "
            f"and {self.largest_bytes / 2**20:.0f} MiB for one"
        )


def seeds() -> list[bytes]:
    """Return the files to start from."""
    plain = [path.read_bytes() for path in sorted(PARTITION.glob("models/*.tflite"))]
    packed = [lzma.decompress(path.read_bytes()) for path in sorted(PARTITION.glob("exports/*.xz"))]
    return [data for data in (*plain, *packed) if len(data) <= LARGEST_SEED]


def changed_files(seed: int) -> Iterator[bytes]:
    """Yield changed files without end; the same seed gives the same ones."""
    rng, starts = random.Random(seed), seeds()
    while True:
        start = rng.choice(starts)
        if rng.random() < IN_ARCHIVE:
            yield flipped(_archived(start), rng)
            continue
        changed = mutated(start, rng) if rng.random() < 0.5 else None
        yield flipped(start, rng) if changed is None else changed


def _archived(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("model.tflite"), data)
    return stream.getvalue()


def take(path: Path, connection: Connection, limits: Limits) -> None:
    """Take one file after the other from a connection and say what came of each."""
    settle_shapes_seldom()
    exercise(seeds()[0], path)
    signal.signal(signal.SIGPROF, _too_long)
    most = _status("VmSize") + limits.memory_bytes + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    while True:
        data = connection.recv_bytes()
        # The peak counts from here on.
        Path("/proc/self/clear_refs").write_text("5")
        before, begun = _status("VmRSS"), time.process_time()
        signal.setitimer(signal.ITIMER_PROF, limits.cpu_s)
        try:
            end = exercise(data, path)
        except BaseException:  # noqa: BLE001 - whatever it is, it is a finding
            end = traceback.format_exc()
        signal.setitimer(signal.ITIMER_PROF, 0)
        taken_s, taken = time.process_time() - begun, _status("VmHWM") - before
        if taken > limits.memory_bytes:
            end = f"took {taken / 2**20:.0f} MiB"
        connection.send((end, taken_s, taken))


def _too_long(*_: Any) -> None:
    raise TimeoutError("took more of a processor than a file may")


def _status(name: str) -> int:
    """Return a size of this process, byte."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def run(
    seconds: float, files: int, seed: int, kept: Path, limits: Limits | None = None
) -> tuple[Count, str | None]:
    """Let a process take changed files for so long, or so many.

    Args:
        seconds: How long, s.
        files: How many at most.
        seed: Of the changes.
        kept: Where to leave a file that is a finding.
        limits: What one may take.

    Returns:
        What came of them, and the first finding, None if there is none.
    """
    count, ends_at = Count(), time.monotonic() + seconds
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as directory:
        arguments = (Path(directory) / "changed.tflite", theirs, limits or Limits())
        process = multiprocessing.get_context("spawn").Process(
            target=take, args=arguments, daemon=True
        )
        process.start()
        theirs.close()
        for data in changed_files(seed):
            if time.monotonic() > ends_at or count.ends.total() >= files:
                break
            try:
                ours.send_bytes(data)
                end, taken_s, taken = ours.recv()
            except (EOFError, OSError):
                process.join()
                end, taken_s, taken = f"ended the process ({process.exitcode})", 0.0, 0
            if end not in ("cut", "refused"):
                kept.write_bytes(data)
                return count, f"{kept}: {end}"
            count.ends[end] += 1
            count.slowest_s = max(count.slowest_s, taken_s)
            count.largest_bytes = max(count.largest_bytes, taken)
        process.terminate()
        process.join()
    return count, None


def main() -> int:
    """Run from the command line; the exit code is 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--files", type=int, default=sys.maxsize)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kept", type=Path, default=Path("found.tflite"))
    given = parser.parse_args()
    count, finding = run(given.seconds, given.files, given.seed, given.kept)
    sys.stdout.write(f"{count}\n")
    if finding is not None:
        sys.stderr.write(f"{finding}\n")
    return int(finding is not None)


if __name__ == "__main__":
    sys.exit(main())
