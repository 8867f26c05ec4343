"""The runner and the random inputs it accepts."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import (
    Runner,
    TensorSpec,
    random_inputs,
    runtime_identity,
    tensor_specs,
    try_runtime,
)
from joulesplit.partition import _interpreters as interpreters
from joulesplit.partition.errors import (
    InputError,
    InvocationError,
    ModelNotFoundError,
    PartitionError,
    RuntimeMissingError,
)
from joulesplit.partition.reading import read_network


def test_arrays_go_in_and_out_in_the_order_of_the_file(two_branches: Path) -> None:
    b, a = np.full((2, 3), 10, np.float32), np.full((2, 3), -1, np.float32)
    with Runner(two_branches) as runner:
        assert [spec.name for spec in runner.inputs] == ["b", "a"]
        assert [spec.name for spec in runner.outputs] == ["z", "y"]
        z, y = runner.run([b, a - a + 2])
    assert (z == 24).all()
    assert (y == 2).all()


def test_specifications_are_those_of_the_network(mobilenet_path: Path) -> None:
    network = read_network(mobilenet_path)
    with Runner(mobilenet_path) as runner:
        assert runner.inputs == tensor_specs(network, network.inputs)
        assert runner.outputs == tensor_specs(network, network.outputs)


def test_outputs_are_copies(two_branches: Path) -> None:
    with Runner(two_branches) as runner:
        first = runner.run([np.ones((2, 3), np.float32)] * 2)
        kept = [array.copy() for array in first]
        runner.run([np.zeros((2, 3), np.float32)] * 2)
    assert all((a == b).all() for a, b in zip(first, kept, strict=True))


@pytest.mark.parametrize("use_xnnpack", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
def test_threads_and_kernels_are_the_callers_choice(
    int8_path: Path, threads: int, use_xnnpack: bool
) -> None:
    with Runner(int8_path, threads=threads, use_xnnpack=use_xnnpack) as runner:
        (scores,) = runner.run(random_inputs(runner.inputs, 0))
        assert (runner.threads, runner.use_xnnpack) == (threads, use_xnnpack)
    assert scores.shape == (1, 1000)


def test_every_further_thread_is_one_of_the_systems(float32_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from joulesplit.partition._runtime import Runner\n"
        "def count(): return len(os.listdir('/proc/self/task'))\n"
        "for threads in (1, 2, 4):\n"
        "    before = count()\n"
        f"    with Runner({str(float32_path)!r}, threads=threads) as runner:\n"
        "        runner.invoke()\n"
        "        print(count() - before)"
    )
    assert run_python(code).stdout.split() == ["0", "1", "3"]


def test_kept_tensors_are_those_of_every_operator(file_of, tensor, operator) -> None:
    """Six operators in a row: without keeping them, results would share two places in memory."""
    names = [f"t{index}" for index in range(7)]
    steps = [operator("ADD", [a, "one"], [b]) for a, b in pairwise(names)]
    one = tensor("one", (2, 3), data=np.ones((2, 3), np.float32))
    path = file_of([*(tensor(name, (2, 3)) for name in names), one], steps, ["t0"], ["t6"])
    with Runner(path, use_xnnpack=False, keep_tensors=True) as runner:
        runner.run([np.full((2, 3), 10, np.float32)])
        found = {index: float(array[0, 0]) for index, array in runner.tensors().items()}
    values = {index: 10 + index for index in range(7)} | {7: 1}
    works_in_place = runtime_identity().name == "tflite-runtime"
    assert found == {i: v for i, v in values.items() if not works_in_place or i not in range(1, 5)}
    assert runner.delegate is None


def test_of_single_numbers_only_those_that_nothing_could_overwrite_are_kept(
    file_of, tensor, operator
) -> None:
    path = file_of(
        [tensor("x", ()), tensor("one", (), data=np.ones((), np.float32)), tensor("y", ())],
        [operator("ADD", ["x", "one"], ["y"])],
        ["x"],
        ["y"],
    )
    with Runner(path, use_xnnpack=False, keep_tensors=True) as runner:
        runner.run([np.array(2, np.float32)])
        assert {index: float(value) for index, value in runner.tensors().items()} == {0: 2, 1: 1}


def test_a_delegate_that_takes_nothing_is_none(file_of, tensor, operator) -> None:
    path = file_of(
        [tensor("x", (4,), "bool"), tensor("y", (4,), "bool")],
        [operator("LOGICAL_NOT", ["x"], ["y"])],
        ["x"],
        ["y"],
    )
    with Runner(path) as runner:
        assert (runner.use_xnnpack, runner.delegate) == (True, None)


def test_the_delegate_that_took_over_is_named(mobilenet_path: Path, fastest: str | None) -> None:
    for use_xnnpack, expected in ((True, fastest), (False, None)):
        with Runner(mobilenet_path, use_xnnpack=use_xnnpack) as runner:
            assert runner.delegate == expected


def test_other_threads_run_while_a_network_does(mobilenet_path: Path) -> None:
    """With a switch interval of minutes a thread gets its turn only if another gives it away."""

    def turns_during(work: Callable[[], object]) -> int:
        gate, turns = threading.Lock(), list[int]()

        def take_turns() -> None:
            with gate:
                turns.extend(range(1000))

        with gate:
            thread = threading.Thread(target=take_turns)
            thread.start()
        work()
        seen = len(turns)
        thread.join()
        return seen

    interval = sys.getswitchinterval()
    sys.setswitchinterval(600)
    try:
        assert turns_during(lambda: sum(range(10**6))) == 0
        with Runner(mobilenet_path, use_xnnpack=False) as runner:
            # One run may be over before the system has woken the other thread.
            assert any(turns_during(runner.invoke) for _ in range(100))
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize(
    "arrays",
    [
        [],
        [np.zeros((2, 3), np.float32)],
        [np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32)],
        [np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float64)],
    ],
)
def test_arrays_that_do_not_fit_are_refused(two_branches: Path, arrays: list) -> None:
    with Runner(two_branches) as runner, pytest.raises(InputError):
        runner.set_inputs(arrays)


def test_a_closed_runner_says_so(two_branches: Path) -> None:
    runner = Runner(two_branches)
    runner.close()
    runner.close()
    with pytest.raises(InvocationError, match="closed"):
        runner.invoke()


def test_what_the_runtime_cannot_load_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InvocationError, match="cannot load") as caught:
        Runner(b"not a model at all")
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelNotFoundError):
        Runner(tmp_path / "none.tflite")


def test_an_operator_without_a_kernel_is_refused(file_of, tensor, operator) -> None:
    path = file_of(
        [tensor("x", (2,)), tensor("y", (2,))],
        [operator("CONV_2D", ["x"], ["y"])],
        ["x"],
        ["y"],
    )
    with pytest.raises(PartitionError):
        Runner(path)


def test_the_runtime_names_itself() -> None:
    identity = runtime_identity()
    assert identity.version == version(identity.name)


def test_without_any_runtime_the_error_says_what_to_install(
    two_branches: Path, monkeypatch
) -> None:
    monkeypatch.setattr(interpreters, "RUNTIMES", (("none", "no_such_runtime.interpreter"),))
    monkeypatch.delenv(interpreters.CHOICE, raising=False)
    for use in (runtime_identity, lambda: Runner(two_branches)):
        with pytest.raises(RuntimeMissingError, match="pip install"):
            use()


@pytest.mark.parametrize(
    ("bits", "python", "what"),
    [
        (64, (3, 13), "pip install ai-edge-litert"),
        (32, (3, 11), "pip install tflite-runtime 'numpy<2'"),
        (32, (3, 13), "none has wheels for 32-bit Python 3.13"),
    ],
)
def test_what_to_install_goes_by_the_userland(
    bits: int, python: tuple[int, int], what: str
) -> None:
    assert what in interpreters.how_to_install(bits, python)


def test_a_layer_of_known_result_tells_whether_the_runtime_runs() -> None:
    try_runtime()


def test_the_user_chooses_among_installed_runtimes(two_branches: Path, monkeypatch) -> None:
    here = runtime_identity().name
    module = dict(interpreters.RUNTIMES)[here]
    # An importable module stands for a runtime that would be preferred.
    found = (("preferred", "json"), (here, module), ("absent", "no_such_runtime.interpreter"))
    monkeypatch.setattr(interpreters, "RUNTIMES", found)
    monkeypatch.delenv(interpreters.CHOICE, raising=False)
    assert runtime_identity().name == "preferred"
    monkeypatch.setenv(interpreters.CHOICE, here)
    assert runtime_identity().name == here
    assert Runner(two_branches).delegate == "XNNPACK"
    for wrong, reason in (("absent", "absent, which is not installed"), ("x", "no TFLite runtime")):
        monkeypatch.setenv(interpreters.CHOICE, wrong)
        with pytest.raises(RuntimeMissingError, match=reason):
            Runner(two_branches)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )


def test_the_runtimes_chatter_stays_off_stderr_but_other_lines_pass(int8_path: Path) -> None:
    code = (
        "import sys; from joulesplit.partition._runtime import Runner\n"
        f"runner = Runner({str(int8_path)!r}); runner.invoke()\n"
        "print('mine', file=sys.stderr)"
    )
    assert run_python(code).stderr == "mine\n"


def test_the_network_layer_imports_no_runtime_and_no_schema_until_asked() -> None:
    code = (
        "import sys\n"
        "from joulesplit.partition.checking import _verify\n"
        "from joulesplit.partition.cutting import _blocks\n"
        "from joulesplit.partition.parts import _split\n"
        "heavy = ('ai_edge_litert', 'tflite_runtime', 'tensorflow', 'flatbuffers')\n"
        "print([name for name in sys.modules if name.split('.')[0] in heavy])"
    )
    assert run_python(code).stdout == "[]\n"


def test_random_inputs_span_their_type_and_repeat_with_the_seed() -> None:
    def spec(dtype: str) -> TensorSpec:
        return TensorSpec(name=dtype, shape=(100, 100), dtype=dtype)

    dtypes = ["float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"]
    specs = [spec(dtype) for dtype in dtypes]
    arrays = random_inputs(specs, 7)
    assert [array.dtype.name for array in arrays] == dtypes
    limits = {array.dtype.name: (array.min(), array.max()) for array in arrays}
    assert limits["int8"] == (-128, 127)
    assert limits["uint8"] == (0, 255)
    assert limits["int32"] == limits["int64"] == limits["bool"] == (0, 1)
    assert -1 <= limits["float32"][0] < -0.99
    assert 0.99 < limits["float32"][1] <= 1
    again, other = random_inputs(specs, 7), random_inputs(specs, 8)
    assert all((a == b).all() for a, b in zip(arrays, again, strict=True))
    assert not all((a == b).all() for a, b in zip(arrays, other, strict=True))


def test_a_type_numpy_does_not_know_is_refused() -> None:
    with pytest.raises(InputError, match="int3"):
        random_inputs([TensorSpec(name="packed", shape=(2,), dtype="int3")], 0)
