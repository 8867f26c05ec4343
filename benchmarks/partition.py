"""How long reading, cutting and running take, and how much memory.

    python -m benchmarks.partition [--large MODEL.tflite] [--branchy MODEL.tflite]

(By that name: run as a script, this file would stand in the way of the package ``partition``.)

Without ``--large`` it makes a file of 102 MB, the size of ResNet50 in float32; without
``--branchy`` the graph of DenseNet121 stands in as data. Every figure comes from this one run;
whole processes are timed with their start, on one core.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from partition import flatbuffer
from partition.cutting.cuts import prefix_cuts
from partition.cutting.mincut import best_closed_cut
from partition.interpreters import runtime_identity
from partition.network import Network, Operator, Tensor
from partition.parts.split import split_model
from partition.reading.reading import load_model, read_network
from partition.runtime import Runner
from partition.writing import model_pieces

ROOT = Path(__file__).parents[1]
MOBILENET = ROOT / "data" / "models" / "mobilenet_v2_1.0_224_float32.tflite"
LARGE_LAYERS, LARGE_WIDTH = 25, 1010
"""25 layers of 1,010 × 1,010 float32 numbers are 102 MB."""
DENSE_BLOCKS = (6, 12, 24, 16)
"""Layers per block of DenseNet121 (Huang et al. 2017, table 1)."""
RUNS = 5
INVOCATIONS = 300
CUT = """
import sys
from pathlib import Path
from partition.reading import reading
from partition.parts import split
from partition import flatbuffer

def peak_bytes():
    # Not ru_maxrss: that goes on counting from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])

flatbuffer.schema()
before = peak_bytes()
model = reading.load_model(sys.argv[1])
split.write_split(model, len(model.network.operators) // 2, sys.argv[2])
print(peak_bytes() - before)
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", type=Path, help="a large .tflite file, e.g. ResNet50")
    parser.add_argument("--branchy", type=Path, help="a branchy .tflite file, e.g. DenseNet121")
    arguments = parser.parse_args()
    identity = runtime_identity()
    print(f"Python {sys.version.split()[0]}, {identity.name} {identity.version}")
    with tempfile.TemporaryDirectory() as scratch:
        large = arguments.large or large_model(Path(scratch) / "large.tflite")
        cutting(large, Path(scratch))
    whole_against_parts()
    listing_cuts()
    minimum_cut(arguments.branchy)


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


def whole_against_parts() -> None:
    """Compare invoking head and tail with invoking the whole, turn by turn, one thread."""
    network = read_network(MOBILENET)
    for after in (5, 12, 23, 46):
        head, tail = split_model(load_model(MOBILENET), after)
        assert head is not None
        assert tail is not None
        with Runner(MOBILENET) as whole, Runner(head) as first, Runner(tail) as second:
            image = np.random.default_rng(1).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)
            whole.set_inputs([image])
            first.set_inputs([image])
            first.invoke()
            second.set_inputs(first.get_outputs())

            def parts(first: Runner = first, second: Runner = second) -> None:
                first.invoke()
                second.invoke()

            ratio = turn_by_turn(whole.invoke, parts)
        name = f"{network.name[:12]}: head + tail / whole, cut after {after}"
        row(name, f"{ratio:.3f}", "<= 1.03", ratio <= 1.03)


def turn_by_turn(left: Callable[[], Any], right: Callable[[], Any]) -> float:
    """Return how many times as much processor time the right one takes, by medians.

    They take turns, so that both meet the same machine. With one thread the runtime works in
    the calling one; its processor time leaves out when others had the processor.
    """
    took: dict[Callable[[], Any], list[float]] = {left: [], right: []}
    for turn in range(INVOCATIONS):
        for work in (left, right) if turn % 2 else (right, left):
            start = thread_time()
            work()
            took[work].append(thread_time() - start)
    return median(took[right]) / median(took[left])


def listing_cuts() -> None:
    """Time all prefix cuts of 1,000 operators with a residual every third."""
    network = graph(1000, lambda made: [made[-1]] + ([made[-3]] if len(made) % 3 == 0 else []))
    start = perf_counter()
    cuts = prefix_cuts(network)
    seconds = perf_counter() - start
    row(f"all {len(cuts)} prefix cuts of 1,000 operators", f"{seconds * 1e3:.1f} ms", "<= 200 ms",
        seconds <= 0.2)  # fmt: skip


def minimum_cut(path: Path | None) -> None:
    """Time the minimum cut at prices from where bits to where work decides."""
    network = dense_network() if path is None else read_network(path)
    work = [float(operator.flop or 0) for operator in network.operators]
    seconds = []
    for ratio in (10.0, 100.0, 1000.0, 10000.0):
        start = perf_counter()
        best_closed_cut(network, work, ratio)
        seconds.append(perf_counter() - start)
    name = f"minimum cut of {network.name}, {len(work)} operators, slowest of 4 prices"
    row(name, f"{max(seconds) * 1e3:.0f} ms", "<= 1 s", max(seconds) <= 1.0)


def dense_network() -> Network:
    """Return a graph like DenseNet121's: each layer uses all earlier ones of its block."""
    steps: list[Callable[[list[int]], list[int]]] = []
    for layers in DENSE_BLOCKS:
        start = len(steps)
        for layer in range(layers):
            used = [start + 1 + 4 * earlier + 3 for earlier in range(layer)]
            steps += [lambda made, used=used, start=start: [made[start], *(made[i] for i in used)]]
            steps += [lambda made: [made[-1]]] * 3
        steps += [lambda made: [made[-1]]] * 3
    return graph(len(steps), lambda made: steps[len(made) - 1](made), "a graph like DenseNet121's")


def graph(count: int, inputs: Callable[[list[int]], list[int]], name: str = "graph") -> Network:
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
        name=name,
        tensors=tensors,
        operators=tuple(operators),
        inputs=(0,),
        outputs=(count,),
        parameters=0,
    )


def large_model(path: Path) -> Path:
    """Write a chain of fully connected layers as large as ResNet50."""
    schema, rng = flatbuffer.schema(), np.random.default_rng(1)
    shape = np.array([1, LARGE_WIDTH], np.int32)
    tensors, operators, buffers = [schema.TensorT(shape=shape, name=b"x")], [], [schema.BufferT()]
    for layer in range(LARGE_LAYERS):
        weights = rng.random((LARGE_WIDTH, LARGE_WIDTH), np.float32).view(np.uint8).ravel()
        buffers.append(schema.BufferT(data=weights))
        square = np.array([LARGE_WIDTH, LARGE_WIDTH], np.int32)
        tensors.append(schema.TensorT(shape=square, name=b"w%d" % layer, buffer=layer + 1))
        tensors.append(schema.TensorT(shape=shape, name=b"y%d" % layer))
        operators.append(
            schema.OperatorT(
                inputs=np.array([2 * layer, 2 * layer + 1], np.int32),
                outputs=np.array([2 * layer + 2], np.int32),
                builtinOptionsType=schema.BuiltinOptions.FullyConnectedOptions,
                builtinOptions=schema.FullyConnectedOptionsT(),
            )
        )
    code = schema.BuiltinOperator.FULLY_CONNECTED
    root = schema.ModelT(version=3, buffers=buffers)
    root.operatorCodes = [schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code)]
    last = np.array([2 * LARGE_LAYERS], np.int32)
    root.subgraphs = [
        schema.SubGraphT(
            tensors=tensors, operators=operators, inputs=np.zeros(1, np.int32), outputs=last
        )
    ]
    with path.open("wb") as stream:
        stream.writelines(model_pieces(root))
    return path


if __name__ == "__main__":
    main()
