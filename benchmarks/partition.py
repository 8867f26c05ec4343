"""How long reading and cutting take, and how much memory; running is in ``benchmarks.running``.

    python -m benchmarks.partition [--large MODEL.tflite] [--branchy MODEL.tflite]

The large network is ResNet50 in float32 and the branchy one DenseNet121, both as the converter
writes them but for their weights (``tests/partition/facts``). Every figure comes from this one
run; whole processes are timed with their start, on one core.
"""

from __future__ import annotations

import argparse
import lzma
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from joulesplit.partition import Network, Operator, Tensor, runtime_identity
from joulesplit.partition.cutting import (
    block_regret,
    prefix_cuts,
    residual_blocks,
    undominated_cuts,
)
from joulesplit.partition.cutting._mincut import best_closed_cut
from joulesplit.partition.reading import read_network

ROOT = Path(__file__).parents[1]
NETWORKS = ROOT / "tests" / "partition" / "facts"
RUNS = 5
CUT = """
import sys
from pathlib import Path
from joulesplit.partition import _flatbuffer
from joulesplit.partition.parts import write_split
from joulesplit.partition.reading import load_model

def peak_bytes():
    # Not ru_maxrss: that goes on counting from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])

_flatbuffer.schema()
before = peak_bytes()
model = load_model(sys.argv[1])
write_split(model, len(model.network.operators) // 2, sys.argv[2])
print(peak_bytes() - before)
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", type=Path, help="a large .tflite file instead of ResNet50")
    parser.add_argument("--branchy", type=Path, help="a branchy one instead of DenseNet121")
    arguments = parser.parse_args()
    identity = runtime_identity()
    print(f"Python {sys.version.split()[0]}, {identity.name} {identity.version}")
    with tempfile.TemporaryDirectory() as scratch:
        cutting(arguments.large or unpacked("ResNet50", Path(scratch)), Path(scratch))
        listing_cuts()
        regrets(Path(scratch))
        minimum_cut(arguments.branchy or unpacked("DenseNet121", Path(scratch)))


def unpacked(name: str, scratch: Path) -> Path:
    """Write one of the tests' networks into a directory and return its path."""
    path = scratch / f"{name}.tflite"
    path.write_bytes(lzma.decompress((NETWORKS / f"{path.name}.xz").read_bytes()))
    return path


def row(what: str, found: str, target: str, passed: bool) -> None:
    """Print one line of the table; without a target there is nothing to pass."""
    verdict = ("yes" if passed else "NO") if target else ""
    print(f"{what:80s} {found:>20s}   {target:>9s}   {verdict}".rstrip())


def cutting(path: Path, scratch: Path) -> None:
    """Time whole processes that read a file and write head and tail, on one core."""
    core = min(os.sched_getaffinity(0))
    size = path.stat().st_size
    code = [sys.executable, "-c", CUT, str(path), str(scratch / "split")]
    operators = len(read_network(path).operators)
    command = [sys.executable, "-m", "joulesplit", "partition", str(path)]
    command += ["--after", str(operators // 2), "-o", str(scratch / "split")]
    runs = [timed(code, core) for _ in range(RUNS)]
    seconds, cpu = [run[0] for run in runs], [run[1] for run in runs]
    memory = max(int(run[2]) for run in runs) / size
    name = f"read and cut {path.name} ({size / 1e6:.0f} MB), whole process"
    row(name, spread(seconds), "<= 1.0 s", median(seconds) <= 1.0)
    row("    of it processor time", spread(cpu), "", True)
    row("    peak memory above the imports / file", f"{memory:.2f}", "<= 2.5", memory <= 2.5)
    seconds = [timed(command, core)[0] for _ in range(RUNS)]
    row("the same by `joulesplit partition`, report printed", spread(seconds), "", True)


def timed(command: Sequence[str], core: int) -> tuple[float, float, str]:
    """Return how long a process took, s, of it on the processor, s, and what it printed."""
    before, start = os.times(), perf_counter()
    done = subprocess.run(
        ["taskset", "-c", str(core), *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, after = perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system
    return seconds, cpu - before.children_user - before.children_system, done.stdout


def spread(seconds: Sequence[float]) -> str:
    """Return median and extremes."""
    return f"{median(seconds):.2f} ({min(seconds):.2f}–{max(seconds):.2f}) s"


def listing_cuts() -> None:
    """Time all prefix cuts of 1,000 operators with a residual every third."""
    network = graph(1000, lambda made: [made[-1]] + ([made[-3]] if len(made) % 3 == 0 else []))
    start = perf_counter()
    cuts = prefix_cuts(network)
    seconds = perf_counter() - start
    row(f"all {len(cuts)} prefix cuts of 1,000 operators", f"{seconds * 1e3:.1f} ms", "<= 200 ms",
        seconds <= 0.2)  # fmt: skip


def minimum_cut(path: Path) -> None:
    """Time the minimum cut at prices from where bits to where work decides."""
    network = read_network(path)
    work = [float(operator.flop or 0) for operator in network.operators]
    seconds = []
    for ratio in (10.0, 100.0, 1000.0, 10000.0):
        start = perf_counter()
        best_closed_cut(network, work, ratio)
        seconds.append(perf_counter() - start)
    name = f"minimum cut of {network.name}, {len(work)} operators, slowest of 4 prices"
    row(name, f"{max(seconds) * 1e3:.0f} ms", "<= 1 s", max(seconds) <= 1.0)


def regrets(scratch: Path) -> None:
    """Say what the default blocks lose to all prefix cuts at most, over every E_d/E_c."""
    for packed in sorted(NETWORKS.glob("*.tflite.xz")):
        network = read_network(unpacked(packed.name.removesuffix(".tflite.xz"), scratch))
        start = perf_counter()
        blocks = residual_blocks(network)
        losses = [block_regret(network, blocks, keep_input=kept).share for kept in (False, True)]
        seconds = perf_counter() - start
        corners, cuts = len(undominated_cuts(network)), len(network.operators) + 1
        name = f"regret of {len(blocks)} blocks over {cuts} cuts, {corners} corners, {network.name}"
        row(f"{name}, {seconds * 1e3:.0f} ms", f"{max(losses):.1%}", "0", max(losses) == 0)


def graph(count: int, inputs: Callable[[list[int]], list[int]]) -> Network:
    """Return a network as data; tensor 0 is its input, operator i makes tensor i + 1."""
    rng = np.random.default_rng(1)
    made, operators = [0], []
    for index in range(count):
        flop = int(rng.integers(1, 30)) * 10**6
        operators.append(
            Operator(
                index=index,
                kind="CONV_2D",
                inputs=tuple(inputs(made)),
                outputs=(index + 1,),
                flop=flop,
                mac_flop=flop,
            )
        )
        made.append(index + 1)
    tensors = tuple(
        Tensor(
            index=index,
            name=f"t{index}",
            shape=(),
            dtype="float32",
            bits=32 * int(rng.integers(10**4, 10**6)),
            is_constant=False,
        )
        for index in made
    )
    return Network(
        sha256="",
        name="graph",
        tensors=tensors,
        operators=tuple(operators),
        inputs=(0,),
        outputs=(count,),
        parameters=0,
    )


if __name__ == "__main__":
    main()
