"""What running a network as head and tail does more than running it whole, counted, not timed.

    python -m benchmarks.running_counts [--model MODEL.tflite] [--after 5 12] [--cache-mib 2]

Needs valgrind (callgrind), which executes every instruction in a simulated processor: the counts
do not depend on what else the machine does, and hardly on anything at all. Counted are the
instructions, and the accesses that miss a cache, of 2 MiB by default, the size of a core's own in
many servers. Once for the whole network, and once per cut for head, copy and tail, less the copy;
each ran just before. Takes minutes: the simulation is a hundred times slower.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.running import AFTER, MOBILENET, ROOT, Pair
from joulesplit.partition import Runner, random_inputs
from joulesplit.partition.parts._split import split_model
from joulesplit.partition.reading import load_model

FIRST_LEVEL = "--D1=49152,12,64"
"""Size, ways and line, bytes, as in current servers."""


class Counts(NamedTuple):
    """Of one run: instructions, and accesses that miss the larger cache."""

    instructions: int
    misses: int

    def less(self, other: Counts) -> Counts:
        """Return what is left without another run's counts."""
        return Counts(self.instructions - other.instructions, self.misses - other.misses)


def main() -> None:
    """Print the table, or under valgrind do what is counted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=MOBILENET, help="a .tflite file")
    parser.add_argument("--after", type=int, nargs="+", default=AFTER, help="cut after these")
    parser.add_argument("--cache-mib", type=int, default=2, help="size of the larger cache")
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.counted:
        work(arguments.model, arguments.after)
        return
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is missing: sudo apt install valgrind")
    found = counted(arguments.model, arguments.after, arguments.cache_mib)
    whole = found["whole"].less(found["nothing"])
    print(
        f"{arguments.model.name}, whole: {whole.instructions} instructions, {whole.misses} misses"
    )
    for after in arguments.after:
        split = found[f"split {after}"].less(found[f"copy {after}"])
        print(
            f"head + tail / whole, cut after {after:3d}: "
            f"instructions {split.instructions / whole.instructions:.4f}, "
            f"misses {split.misses / whole.misses:.4f}"
        )


def counted(path: Path, cuts: Sequence[int], cache_mib: int) -> dict[str, Counts]:
    """Return the counts of every section of ``work``."""
    own = [sys.executable, "-m", "benchmarks.running_counts", "--model", str(path)]
    own += ["--after", *map(str, cuts), "--counted"]
    with tempfile.TemporaryDirectory() as scratch:
        tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--cache-sim=yes"]
        tool += [FIRST_LEVEL, f"--LL={cache_mib * 2**20},16,64"]
        tool.append(f"--callgrind-out-file={scratch}/out")
        subprocess.run([*tool, *own], cwd=ROOT, check=True, capture_output=True)
        return dict(section for file in Path(scratch).iterdir() for section in sections(file))


def sections(file: Path) -> list[tuple[str, Counts]]:
    """Return name and counts of a dump that a section asked for; nothing of any other file."""
    lines = [line.split(": ", 1) for line in file.read_text().splitlines() if ": " in line]
    facts = dict(lines)
    name = [value for key, value in lines if key == "desc" and value.startswith("Trigger: dump ")]
    if not name:
        return []
    counts = dict(zip(facts["events"].split(), map(int, facts["summary"].split()), strict=True))
    misses = counts["DLmr"] + counts["DLmw"]
    return [(name[0].removeprefix("Trigger: dump "), Counts(counts["Ir"], misses))]


def work(path: Path, cuts: Sequence[int]) -> None:
    """Run the network, and its parts, each a second time counted."""
    model = load_model(path)
    with Runner(path) as whole:
        inputs = random_inputs(whole.inputs, 1)
        whole.set_inputs(inputs)
        pairs = {after: prepared(*split_model(model, after), inputs) for after in cuts}
        control("-i", "on")
        section("nothing", lambda: None)
        section("whole", whole.invoke)
        for after, pair in pairs.items():
            section(f"split {after}", pair.run)
            section(f"copy {after}", pair.copy)
        control("-i", "off")


def prepared(head: bytes | None, tail: bytes | None, inputs: Sequence[object]) -> Pair:
    """Return head and tail, ready to run."""
    assert head is not None
    assert tail is not None
    pair = Pair(Runner(head), Runner(tail))
    pair.head.set_inputs(inputs)
    return pair


def section(name: str, run: Callable[[], object]) -> None:
    """Run twice and dump what the second time counts."""
    run()
    control("-z")
    run()
    control("-d", name)


def control(*arguments: str) -> None:
    """Tell callgrind, which runs this process."""
    subprocess.run(
        ["callgrind_control", *arguments, str(os.getpid())], check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    main()
