"""Is a network as fast when it runs as head and tail as when it runs whole?

    python -m benchmarks.running [--model MODEL.tflite] [--after 5 12 23 46] [--processes 25]

Three times against the whole network's, on one thread and one core, the copy of what crosses
left out of all of them:

    split      head, copy, tail, one after the other in one process
    apart      head again and again, then tail again and again, as on a device and on a server
    control    the whole network, loaded a second time: what it differs from 1 is the method's

How fast a network runs depends on where in memory it happens to lie: the same network loaded
twice differs by per cents. So many processes load anew, in an order of their own, and the figures
are medians over them with 95 % bounds. It depends as well on what ran just before, whose data are
in the caches. So a process runs each kind several times before it turns to the next, the first
time not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from math import comb
from pathlib import Path
from statistics import median
from time import thread_time_ns
from typing import NamedTuple

import numpy as np

from joulesplit.partition import Runner, joined, model_pieces, random_inputs, runtime_identity
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.parts._split import split_model
from joulesplit.partition.reading import LoadedModel, load_model

ROOT = Path(__file__).parents[1]
MOBILENET = ROOT / "data" / "models" / "mobilenet_v2_1.0_224_float32.tflite"
AFTER = (5, 12, 23, 46)
PROCESSES = 25
ROUNDS, BATCH = 8, 5
GOAL = 1.03
OUTSIDE = 0.05
"""How often the true median may lie outside its bounds."""


class Pair(NamedTuple):
    """Head and tail, ready to run."""

    head: Runner
    tail: Runner

    def run(self) -> None:
        """Run both with what crosses copied between them."""
        self.head.invoke()
        self.copy()
        self.tail.invoke()

    def copy(self) -> None:
        """Hand what crosses from head to tail."""
        self.tail.set_inputs(self.head.get_outputs())


def main() -> None:
    """Print the table, or in a process of its own measure once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=MOBILENET, help="a .tflite file")
    parser.add_argument(
        "--after", type=int, nargs="+", default=AFTER, help="operators to cut after"
    )
    parser.add_argument("--processes", type=int, default=PROCESSES, help="how often to load anew")
    parser.add_argument("--once", type=int, help=argparse.SUPPRESS, metavar="SEED")
    arguments = parser.parse_args()
    if arguments.once is not None:
        print(json.dumps(measured(arguments.model, arguments.after, arguments.once)))
        return
    identity = runtime_identity()
    print(f"{identity.name} {identity.version}, {arguments.model.name}")
    command = [sys.executable, "-m", "benchmarks.running", "--model", str(arguments.model)]
    command += ["--after", *map(str, arguments.after), "--once"]
    found = [
        json.loads(subprocess.check_output([*command, str(seed)], cwd=ROOT))
        for seed in range(arguments.processes)
    ]
    report(arguments.after, found)


def report(cuts: Sequence[int], found: Sequence[dict[str, dict[str, float]]]) -> None:
    """Print what all processes found."""
    print(f"{'after':>5s} {'split':>22s} {'apart':>22s} {'control':>22s}"
          f" {'whole ms':>9s} {'copy ms':>8s}   split <= {GOAL}")  # fmt: skip
    for after in map(str, cuts):
        figures = {kind: sorted(one[after][kind] for one in found) for kind in found[0][after]}
        ratios = " ".join(f"{interval(figures[k]):>22s}" for k in ("split", "apart", "control"))
        times = f"{median(figures['whole_ms']):9.2f} {median(figures['copy_ms']):8.3f}"
        met = "yes" if median(figures["split"]) <= GOAL else "NO"
        print(f"{after:>5s} {ratios} {times}   {met}")
    empty = median(one["empty"]["invoke_us"] for one in found)
    print(f"a network of one operator on one number: {empty:.1f} us per invocation")


def interval(ordered: Sequence[float]) -> str:
    """Return the median, and bounds of the true one; of fewer than six they are the extremes."""
    count, rank, below = len(ordered), 0, 0.0
    # Fewer than ``rank`` of them lie below the true median with this probability.
    while (below := below + comb(count, rank) / 2**count) <= OUTSIDE / 2:
        rank += 1
    low, high = ordered[max(rank, 1) - 1], ordered[-max(rank, 1)]
    return f"{median(ordered):.3f} ({low:.3f}–{high:.3f})"


def measured(path: Path, cuts: Sequence[int], seed: int) -> dict[str, dict[str, float]]:
    """Return the figures of one process, by cut."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    model, rng = load_model(path), np.random.default_rng(seed)
    found = {str(after): one_cut(path, model, after, rng) for after in cuts}
    with Runner(empty_network()) as runner:
        times = [timed(runner.invoke) for _ in range(1000)]
    return found | {"empty": {"invoke_us": median(times) / 1e3}}


def one_cut(
    path: Path, model: LoadedModel, after: int, rng: np.random.Generator
) -> dict[str, float]:
    """Return ratios and times of one cut."""
    head, tail = split_model(model, after)
    assert head is not None
    assert tail is not None
    order = [str(kind) for kind in rng.permutation(["whole", "control", "head", "tail"])]
    source = {"whole": path, "control": path, "head": head, "tail": tail}
    made = {kind: Runner(source[kind]) for kind in order}
    pair = Pair(made["head"], made["tail"])
    for kind in ("whole", "control", "head"):
        made[kind].set_inputs(random_inputs(made[kind].inputs, 1))
    pair.head.invoke()
    pair.copy()
    times = rounds(made, pair, rng)
    for runner in made.values():
        runner.close()
    return ratios(times)


def rounds(made: dict[str, Runner], pair: Pair, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return the times of every kind in each round, ns; in a round each kind has a batch."""
    copies: list[float] = []

    def split() -> float:
        head_ns = timed(pair.head.invoke)
        copies.append(timed(pair.copy))
        return head_ns + timed(pair.tail.invoke)

    work: dict[str, Callable[[], float]] = {
        kind: lambda runner=runner: timed(runner.invoke) for kind, runner in made.items()
    }
    work["split"] = split
    times: dict[str, list[float]] = {kind: [] for kind in work}
    for _ in range(ROUNDS):
        for kind in rng.permutation(list(work)):
            times[kind].append(median([work[kind]() for _ in range(BATCH + 1)][1:]))
    return times | {"copy": copies}


def ratios(times: dict[str, list[float]]) -> dict[str, float]:
    """Return the medians over the rounds of ratios within each round."""
    whole = np.array(times["whole"])
    apart = np.array(times["head"]) + times["tail"]
    return {
        "split": float(np.median(times["split"] / whole)),
        "apart": float(np.median(apart / whole)),
        "control": float(np.median(times["control"] / whole)),
        "whole_ms": float(np.median(whole)) / 1e6,
        "copy_ms": median(times["copy"]) / 1e6,
    }


def timed(work: Callable[[], object]) -> float:
    """Return the processor time, ns: it leaves out when others had the processor."""
    start = thread_time_ns()
    work()
    return thread_time_ns() - start


def empty_network() -> bytes:
    """Return a network of one operator on one number."""
    schema = flatbuffer.schema()
    code = schema.BuiltinOperator.RELU
    one, zero = np.ones(1, np.int32), np.zeros(1, np.int32)
    root = schema.ModelT(version=3, buffers=[schema.BufferT()])
    root.operatorCodes = [schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code)]
    root.subgraphs = [
        schema.SubGraphT(
            tensors=[schema.TensorT(shape=one, name=name) for name in (b"x", b"y")],
            operators=[schema.OperatorT(inputs=zero, outputs=one)],
            inputs=zero,
            outputs=one,
        )
    ]
    return joined(model_pieces(root))


if __name__ == "__main__":
    main()
