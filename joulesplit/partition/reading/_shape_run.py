"""Work out the shapes of a network by running it, in a process of its own.

A file can be whole and still make the runtime crash, hang or ask for all memory when it is run:
its kernels trust what the converter wrote. Reading a file must survive that. Run as
``python -m joulesplit.partition.reading._shape_run QUESTION`` it answers on stdout. The question
names the file, which is mapped there; only one that is no file of its own comes on stdin.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from joulesplit.partition.errors import InvocationError, PartitionError, RuntimeMissingError

MAX_SECONDS = 120
"""A large network takes some 10 s on a Raspberry Pi, and is run twice."""
MAX_BYTES = 4 << 30
"""Address space of the process, beyond eight times the model: the runtime's libraries map 1 GB."""
SHAPE_RUN_SEED = 20261122

Shapes = dict[int, tuple[int, ...]]


def shapes_on_two_inputs(
    model: bytes | Path, input_shapes: Mapping[int, tuple[int, ...]], *, alike: bool = False
) -> tuple[Shapes, Shapes]:
    """Return the shapes of all tensors, by index, on zeros and on random inputs.

    Where they follow from those of the inputs nothing is run.

    Args:
        model: A `.tflite` file: its path, or its bytes.
        input_shapes: Shape of every input, by tensor index.
        alike: They are the same on all inputs, so one run tells them.

    Raises:
        InvocationError: The runtime refuses the network, crashes or does not come to an end.
        RuntimeMissingError: No usable runtime is installed.
    """
    place, content = ("", model) if isinstance(model, bytes) else (str(model.absolute()), b"")
    seeds = [None] if alike else [None, SHAPE_RUN_SEED]
    question = json.dumps({"path": place, "inputs": list(input_shapes.items()), "seeds": seeds})
    path = os.pathsep.join([str(Path(__file__).resolve().parents[3]), *filter(None, sys.path)])
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "joulesplit.partition.reading._shape_run", question],
            input=content,
            capture_output=True,
            timeout=MAX_SECONDS,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InvocationError(
            f"the TFLite runtime did not settle the open shapes in {MAX_SECONDS} s; convert the "
            "model with fixed shapes"
        ) from error
    return _answer(done)


def _answer(done: subprocess.CompletedProcess[bytes]) -> tuple[Shapes, Shapes]:
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        reason = _reason(done)
        raise InvocationError(
            f"the TFLite runtime crashed ({reason}) while it settled the open shapes; the model "
            "is damaged, or needs more memory; convert it with fixed shapes"
        ) from error
    if "missing" in answer:
        raise RuntimeMissingError(answer["missing"])
    if "error" in answer:
        raise InvocationError(answer["error"])
    runs = [{int(index): tuple(shape) for index, shape in run.items()} for run in answer["shapes"]]
    return runs[0], runs[-1]


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name
    lines = done.stderr.decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no answer")


def main() -> None:
    """Answer the question that is the program's argument."""
    _limit_memory(0)
    question = json.loads(sys.argv[1])
    content = sys.stdin.buffer.read()
    model = Path(question["path"]) if question["path"] else content
    _limit_memory(8 * (len(model) if isinstance(model, bytes) else model.stat().st_size))
    input_shapes = {int(index): tuple(shape) for index, shape in question["inputs"]}
    try:
        from joulesplit.partition._runtime import allocated_shapes, shapes_of_a_run

        settled = allocated_shapes(model, input_shapes)
        runs = (
            [shapes_of_a_run(model, input_shapes, seed=seed) for seed in question["seeds"]]
            if settled is None
            else [settled]
        )
    except RuntimeMissingError as error:
        answer: dict[str, object] = {"missing": str(error)}
    except (PartitionError, MemoryError, OverflowError, RuntimeError, ValueError) as error:
        answer = {"error": str(error) or "not enough memory to settle the open shapes"}
    else:
        answer = {"shapes": runs}
    sys.stdout.write(json.dumps(answer))


def _limit_memory(extra_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = min(MAX_BYTES + extra_bytes, sys.maxsize)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    main()
