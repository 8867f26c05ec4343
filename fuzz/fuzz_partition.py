"""Fuzz target: whatever a `.tflite` file holds, reading and cutting it end in a known way.

With atheris installed (Python up to 3.13) this runs it under coverage; the first directory
collects what reaches new code, the second holds the files to start from::

    python fuzz/fuzz_partition.py build/corpus tests/partition/models
    (with -max_total_time=60 -max_len=20000 -timeout=300 -rss_limit_mb=4096)

The tests run ``exercise`` without it. Only errors of the network layer may come out; anything
else (another exception, a hang, unbounded memory) is a finding.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulesplit.partition.errors import PartitionError

if TYPE_CHECKING:
    from joulesplit.partition import Network

MAX_EXTRACTIONS = 3
"""Cuts tried per file."""
SETTLED = 0.02
"""Share of the files with open shapes that are run to settle them."""
MAX_FLOW = 200
"""Operators up to which the best of all cuts is looked for."""


def exercise(data: bytes, path: Path) -> str:
    """Read, cut and extract one file; return how far it came.

    Args:
        data: The file's bytes.
        path: Where to put them.
    """
    from joulesplit.partition.parts import extract
    from joulesplit.partition.reading import load_model

    path.write_bytes(data)
    try:
        model = load_model(path)
    except PartitionError as error:
        _check_message(str(error))
        return "refused"
    network = model.network
    for text in (*network.notes, *(o.remark for o in network.operators if o.remark)):
        _check_message(text)
    assert all((o.flop is None) <= bool(o.remark) for o in network.operators)
    _check_cuts(network)
    last = len(network.operators) - 1
    for after in sorted({0, last // 2, last - 1})[:MAX_EXTRACTIONS]:
        for first, end in ((0, after), (after + 1, last)):
            try:
                _check_part(extract(model, first, end), path)
            except PartitionError as error:
                _check_message(str(error))
    return "cut"


def _check_cuts(network: Network) -> None:
    """Blocks cover the network and end where it can be cut; some cut is always best."""
    from joulesplit.partition.cutting import (
        balanced_blocks,
        best_cuts,
        block_regret,
        every_cut_blocks,
        prefix_cuts,
        residual_blocks,
    )

    cuts = prefix_cuts(network)
    assert len(cuts) == len(network.operators) + 1
    every = every_cut_blocks(network)
    for blocks in (residual_blocks(network), every, balanced_blocks(network, 1)):
        assert sum(block.flop for block in blocks) == network.flop
        assert not any(cuts[block.last_operator + 1].obstacle for block in blocks)
        block_regret(network, blocks, keep_input=False)
    assert not block_regret(network, residual_blocks(network), keep_input=True).share
    if len(network.operators) <= MAX_FLOW and not network.unknown_operators:
        best = best_cuts(network, 61.0, keep_input=False)
        assert best.closed.cost <= best.prefix_cost_flop * (1 + 1e-9)


def _check_message(message: str) -> None:
    assert message
    assert "\n" not in message


def _check_part(part: bytes, path: Path) -> None:
    """Check that a part of a readable network is readable."""
    from joulesplit.partition.reading import load_model

    path.write_bytes(part)
    load_model(path)


def settle_shapes_seldom() -> None:
    """Refuse most files that need a run to settle their shapes: a process each is too slow."""
    from joulesplit.partition.errors import InvocationError
    from joulesplit.partition.reading import _shape_run as shape_run

    run, rng = shape_run.shapes_on_two_inputs, random.Random(0)

    def seldom(*args: Any, **options: Any) -> Any:
        if rng.random() < SETTLED:
            return run(*args, **options)
        raise InvocationError("not settled while fuzzing")

    shape_run.shapes_on_two_inputs = seldom


def main(arguments: list[str]) -> None:
    """Run under atheris: half of the files are changed as models, half as bytes."""
    import atheris

    with atheris.instrument_imports(include=["joulesplit"]):
        import joulesplit.partition.cutting._best
        import joulesplit.partition.cutting._granularity
        import joulesplit.partition.parts._extract
        import joulesplit.partition.reading._reading  # noqa: F401 - imported to be instrumented
    from mutations import mutated

    settle_shapes_seldom()

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        changed = mutated(data, rng) if rng.random() < 0.5 else None
        if changed is None or len(changed) > max_size:
            return bytes(atheris.Mutate(data, max_size))
        return changed

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "fuzzed.tflite"
        atheris.Setup(arguments, lambda data: str(exercise(data, path)), custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
