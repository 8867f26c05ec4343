"""Cuts along closed sets of operators, and the best of them, against brute force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.partition import (
    Network,
    Operator,
    Runner,
    Tensor,
    joined,
    model_pieces,
    random_inputs,
    tensor_specs,
)
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.cutting import ClosedCut, prefix_cuts
from joulesplit.partition.cutting._closed import closed_cut
from joulesplit.partition.cutting._mincut import best_closed_cut
from joulesplit.partition.errors import CutError
from joulesplit.partition.parts import write_closed_split
from joulesplit.partition.parts._split import split_closed
from joulesplit.partition.reading import LoadedModel, load_model


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any small graph: constants, operators without outputs, shared state, texts that stay."""
    sources, stored = draw(st.integers(1, 2)), draw(st.integers(0, 2))
    count = sources + stored
    operators = []
    for index in range(draw(st.integers(1, 7))):
        inputs = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3))
        made = tuple(range(count, count + draw(st.integers(0 if index else 1, 2))))
        count += len(made)
        operators.append(
            Operator(
                index=index,
                kind="ADD",
                inputs=tuple(inputs),
                outputs=made,
                flop=1,
                mac_flop=0,
                state=tuple(draw(st.sets(st.sampled_from("abc"), max_size=1))),
            )
        )
    outputs = draw(st.lists(st.integers(sources + stored, count - 1), min_size=1, max_size=3))
    return Network(
        sha256="0" * 64,
        name="random",
        tensors=tuple(
            Tensor(
                index=index,
                name=f"t{index}",
                shape=(),
                dtype=draw(st.sampled_from(["int8"] * 9 + ["string"])),
                bits=draw(st.integers(0, 9)),
                is_constant=sources <= index < sources + stored,
            )
            for index in range(count)
        ),
        operators=tuple(operators),
        inputs=tuple(range(sources)),
        outputs=tuple(dict.fromkeys(outputs)),
        parameters=0,
    )


def constants(network: Network) -> set[int]:
    known = {tensor.index for tensor in network.tensors if tensor.is_constant}
    for operator in network.operators:
        if known.issuperset(operator.inputs):
            known.update(operator.outputs)
    return known


def working(network: Network) -> list[Operator]:
    """By definition: all but those that only make constants of constants."""
    fixed = constants(network)
    return [o for o in network.operators if not fixed.issuperset(o.inputs)]


def closed_sets(network: Network) -> Iterator[frozenset[int]]:
    """By definition: all sets of operators that hold all makers of what they need."""
    fixed = constants(network)
    for size in range(len(working(network)) + 1):
        for chosen in combinations(working(network), size):
            made = {i for o in chosen for i in o.outputs} | fixed | set(network.inputs)
            if all(made.issuperset(o.inputs) for o in chosen):
                yield frozenset(o.index for o in chosen)


def is_possible(network: Network, device: frozenset[int], results_uploaded: bool) -> bool:
    """By definition: no text crosses, and whoever shares state is on one side."""
    sides = {(name, o.index in device) for o in working(network) for name in o.state}
    torn = len(sides) > len({name for name, _side in sides})
    crossed = crossing(network, device, results_uploaded)
    return not torn and all(network.tensors[i].dtype != "string" for i in crossed)


def crossing(network: Network, device: frozenset[int], results_uploaded: bool) -> set[int]:
    """By definition: what the device has, and the server needs (or wants as a result)."""
    fixed = constants(network)
    held = set(network.inputs) | {i for o in device for i in network.operators[o].outputs}
    needed = {i for o in working(network) if o.index not in device for i in o.inputs}
    if results_uploaded:
        needed |= set(network.outputs)
    return (held & needed) - fixed


costs = st.sampled_from([0.0, 0.1, 0.3, 1.0, 2.5e-9, 7.0])


@given(networks(), st.data(), st.booleans())
def test_the_minimum_cut_is_the_best_of_all_closed_sets(
    network: Network, data: Any, results_uploaded: bool
) -> None:
    count = len(network.operators)
    operator_costs = data.draw(st.lists(costs, min_size=count, max_size=count))
    bit_cost = data.draw(costs)

    def price(device: frozenset[int]) -> tuple[Fraction, int]:
        bits = sum(network.tensors[i].bits for i in crossing(network, device, results_uploaded))
        work = sum((Fraction(operator_costs[o]) for o in device), Fraction(0))
        return work + Fraction(bit_cost) * bits, len(device)

    sets = [one for one in closed_sets(network) if is_possible(network, one, results_uploaded)]
    if not sets:
        with pytest.raises(CutError, match="cut elsewhere"):
            best_closed_cut(network, operator_costs, bit_cost, results_uploaded=results_uploaded)
        return
    best = min(price(device) for device in sets)
    found = best_closed_cut(network, operator_costs, bit_cost, results_uploaded=results_uploaded)
    assert price(frozenset(found.cut.operators)) == best
    assert found.cost == float(best[0])


@given(networks(), st.data(), st.booleans())
def test_what_crosses_is_what_the_definition_says(
    network: Network, data: Any, results_uploaded: bool
) -> None:
    device = data.draw(st.sampled_from(sorted(closed_sets(network), key=sorted)))
    if not is_possible(network, device, results_uploaded):
        with pytest.raises(CutError, match="cut elsewhere"):
            closed_cut(network, device, results_uploaded=results_uploaded)
        return
    cut = closed_cut(network, device, results_uploaded=results_uploaded)
    expected = crossing(network, device, results_uploaded)
    assert cut.operators == tuple(sorted(device))
    assert (set(cut.tensors), len(cut.tensors)) == (expected, len(expected))
    assert cut.bits == sum(network.tensors[index].bits for index in expected)


@given(networks(), st.sets(st.integers(0, 6)))
def test_a_set_that_is_not_closed_is_refused(network: Network, chosen: set[int]) -> None:
    device = frozenset(chosen) & {o.index for o in working(network)}
    there = chosen <= set(range(len(network.operators)))
    if there and device in closed_sets(network) and is_possible(network, device, False):
        assert closed_cut(network, chosen).operators == tuple(sorted(device))
    else:
        with pytest.raises(CutError):
            closed_cut(network, chosen)


@given(networks())
def test_a_prefix_as_a_closed_set_is_the_prefix_cut(network: Network) -> None:
    for cut in prefix_cuts(network)[1:-1]:
        if cut.obstacle:
            with pytest.raises(CutError, match="cut elsewhere"):
                closed_cut(network, range(cut.after_operator + 1), results_uploaded=True)
            continue
        same = closed_cut(network, range(cut.after_operator + 1), results_uploaded=True)
        assert set(same.tensors) == set(cut.tensors)


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_costs_that_are_none_are_refused(two_branches: Path, wrong: float) -> None:
    network = load_model(two_branches).network
    with pytest.raises(CutError, match="finite"):
        best_closed_cut(network, [1.0, wrong, 1.0], 1.0)
    with pytest.raises(CutError, match="one each"):
        best_closed_cut(network, [1.0], 1.0)


def test_an_input_may_cost_what_the_cameras_encoding_takes(two_branches: Path) -> None:
    network = load_model(two_branches).network
    ones = [1.0] * 3
    assert best_closed_cut(network, ones, 1.0).cut.operators == (0, 1, 2)
    cheap = best_closed_cut(network, ones, 1.0, tensor_bits=dict.fromkeys(network.inputs, 1))
    assert (cheap.cut.operators, cheap.cost) == ((), 2.0)


@pytest.fixture
def inception(model_of: Callable[..., Any], tensor: Any, operator: Any, tmp_path: Path) -> Path:
    """Three branches, each a narrow layer and a wide one, in the file branch after branch."""
    rng = np.random.default_rng(3)

    def weights(name: str, rows: int, columns: int) -> Any:
        return tensor(name, (rows, columns), "float32", rng.normal(size=(rows, columns)) / 8)

    tensors, operators = [tensor("x", (1, 64))], []
    for branch in "abc":
        tensors += [weights(f"narrow_{branch}", 4, 64), tensor(f"few_{branch}", (1, 4))]
        tensors += [weights(f"wide_{branch}", 512, 4), tensor(f"many_{branch}", (1, 512))]
        few, many = f"few_{branch}", f"many_{branch}"
        operators.append(operator("FULLY_CONNECTED", ["x", f"narrow_{branch}"], [few]))
        operators.append(operator("FULLY_CONNECTED", [few, f"wide_{branch}"], [many]))
    tensors += [tensor("ab", (1, 512)), tensor("y", (1, 512))]
    operators.append(operator("ADD", ["many_a", "many_b"], ["ab"]))
    operators.append(operator("ADD", ["ab", "many_c"], ["y"]))
    tensors = [t if t.data is None else t._replace(data=t.data.astype("f4")) for t in tensors]
    root = model_of(tensors, operators, ["x"], ["y"])
    schema = flatbuffer.schema()
    for raw in root.subgraphs[0].operators[:6]:
        raw.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        raw.builtinOptions = schema.FullyConnectedOptionsT()
    path = tmp_path / "inception.tflite"
    path.write_bytes(joined(model_pieces(root)))
    return path


def work(network: Network) -> list[float]:
    return [float(operator.flop or 0) for operator in network.operators]


def test_between_branches_a_closed_cut_beats_every_prefix(inception: Path) -> None:
    """Device: the three narrow layers, 3 · 4 numbers cross. A prefix has a wide layer or x."""
    network = load_model(inception).network
    bit_cost = 5.0
    found = best_closed_cut(network, work(network), bit_cost)
    assert found.cut.operators == (0, 2, 4)
    assert found.cut.bits == 3 * 4 * 32
    flop = [0.0, *np.cumsum(work(network))]
    prefixes = [f + bit_cost * c.bits for f, c in zip(flop, prefix_cuts(network), strict=True)]
    prefixes[-1] -= bit_cost * prefix_cuts(network)[-1].bits
    assert found.cost < 0.6 * min(prefixes)


def run_split(model: LoadedModel, cut: ClosedCut, inputs: list) -> dict[int, bytes]:
    """Run head and tail; return the network's outputs by tensor index."""
    head, tail = split_closed(model, cut)
    network = model.network
    kept = [index for index in cut.results if index not in cut.tensors]
    values = dict(zip(network.inputs, inputs, strict=True))
    if head is not None:
        with Runner(head) as runner:
            values |= dict(zip([*cut.tensors, *kept], runner.run(inputs), strict=True))
    rest = [index for index in network.outputs if index not in cut.results]
    if tail is not None:
        with Runner(tail) as runner:
            outputs = runner.run([values[index] for index in cut.tensors])
        values |= dict(zip(rest, outputs, strict=True))
    return {index: values[index].tobytes() for index in network.outputs}


@pytest.mark.parametrize("results_uploaded", [True, False])
def test_every_closed_cut_computes_what_the_network_does(
    inception: Path, two_branches: Path, results_uploaded: bool
) -> None:
    for path in (inception, two_branches):
        model = load_model(path)
        network = model.network
        inputs = random_inputs(tensor_specs(network, network.inputs), 4)
        with Runner(path) as runner:
            whole = dict(
                zip(network.outputs, (a.tobytes() for a in runner.run(inputs)), strict=True)
            )
        device_sets = list(closed_sets(network))
        assert len(device_sets) > len(network.operators) + 1
        for device in device_sets:
            cut = closed_cut(network, device, results_uploaded=results_uploaded)
            assert run_split(model, cut, inputs) == whole


def test_a_closed_split_on_disk_says_which_operators_and_results_are_the_devices(
    two_branches: Path, tmp_path: Path
) -> None:
    model = load_model(two_branches)
    cut = closed_cut(model.network, [0])
    manifest = write_closed_split(model, cut, tmp_path / "split")
    assert (manifest.after_operator, manifest.device_operators) == (None, (0,))
    assert manifest.results == ("y",)
    assert manifest.head is not None
    assert manifest.tail is not None
    assert [entry.name for entry in manifest.crossing] == ["b", "a", "y"]
    assert [entry.name for entry in manifest.head.outputs] == ["b", "a", "y"]
    assert [entry.name for entry in manifest.tail.outputs] == ["z"]
    assert manifest.crossing_bits == sum(entry.bits for entry in manifest.crossing) == 3 * 6 * 32
