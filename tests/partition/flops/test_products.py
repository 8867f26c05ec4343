"""Every family of multiply-accumulates against loops that do it and count their products.

The loops compute with real numbers; borders are padded, as the convention has it. numpy or scipy
says that what they compute is right, so that what they count is the work of the real operator.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from joulesplit.partition.flops import OperatorFacts
from joulesplit.partition.flops._rules import work

SMALL = st.integers(1, 3)


class Machine:
    """Multiplies and accumulates, and counts how often."""

    def __init__(self, *shape: int) -> None:
        self.result = np.zeros(shape)
        self.count = 0

    def add(self, place: tuple[int, ...], left: float, right: float) -> None:
        self.result[place] += left * right
        self.count += 1


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(prod(shape)).normal(size=shape)


def counted(kind: str, inputs: list[Any], *outputs: Any, **options: Any) -> int:
    """Return the products of a rule: half of its multiply-accumulate FLOP."""
    found = work(kind, OperatorFacts(inputs=tuple(inputs), outputs=outputs, options=options))
    assert found is not None
    assert found.mac_flop % 2 == 0
    return found.mac_flop // 2


def convolved(data: np.ndarray, weights: np.ndarray, strides: Any, dilation: Any) -> Machine:
    """Slide a window over padded data (…, c_in); weights are (c_out, …, c_in per group)."""
    channels, *window, per_group = weights.shape
    spans = [(k - 1) * d for k, d in zip(window, dilation, strict=True)]
    before = [span // 2 for span in spans]
    padded = np.pad(data, [*((b, s - b) for b, s in zip(before, spans, strict=True)), (0, 0)])
    sizes = [-(-size // step) for size, step in zip(data.shape[:-1], strides, strict=True)]
    machine = Machine(*sizes, channels)
    groups = data.shape[-1] // per_group
    for *place, out in product(*map(range, (*sizes, channels))):
        first = out // (channels // groups) * per_group
        for *inside, c in product(*map(range, (*window, per_group))):
            at = [
                p * s + k * d for p, s, k, d in zip(place, strides, inside, dilation, strict=True)
            ]
            machine.add((*place, out), padded[(*at, first + c)], weights[(out, *inside, c)])
    return machine


def spread(data: np.ndarray, weights: np.ndarray, strides: Any) -> Machine:
    """Spread each element of data (…, c_in) by weights (c_out, …, c_in)."""
    channels, *window, _ = weights.shape
    ends = [(n - 1) * s + k for n, s, k in zip(data.shape, strides, window, strict=False)]
    machine = Machine(*ends, channels)
    for *place, c in product(*map(range, data.shape)):
        for out, *inside in product(*map(range, (channels, *window))):
            at = np.multiply(place, strides) + inside
            machine.add((*at, out), data[(*place, c)], weights[(out, *inside, c)])
    return machine


def reference(data: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Convolve with scipy: no stride, no dilation, one group; weights (c_out, …, c_in)."""
    channels, *window, _ = weights.shape
    before = [(k - 1) // 2 for k in window]
    pads = [*((b, k - 1 - b) for b, k in zip(before, window, strict=True)), (0, 0)]
    padded = np.pad(data, pads)
    maps = [signal.correlate(padded, weights[out], "valid")[..., 0] for out in range(channels)]
    return np.stack(maps, -1)


dimensions = st.integers(2, 3)


@given(st.data(), dimensions, st.booleans())
def test_convolutions_with_groups_strides_and_dilation(data: Any, rank: int, grouped: bool) -> None:
    draw = data.draw
    size, window = draw(st.tuples(*[SMALL] * rank)), draw(st.tuples(*[SMALL] * rank))
    strides, dilation = draw(st.tuples(*[SMALL] * rank)), draw(st.tuples(*[SMALL] * rank))
    groups = draw(SMALL) if grouped and rank == 2 else 1
    per_group, channels = draw(SMALL), groups * draw(st.integers(1, 2))
    image = numbers(*size, groups * per_group)
    weights = numbers(channels, *window, per_group)
    machine = convolved(image, weights, strides, dilation)
    if (set(strides), set(dilation), groups) == ({1}, {1}, 1):
        assert np.allclose(machine.result, reference(image, weights))
    shapes = [(1, *image.shape), weights.shape]
    if rank == 2:
        assert counted("CONV_2D", shapes, (1, *machine.result.shape)) == machine.count
    else:
        shapes[1] = (*window, per_group, channels)
        assert counted("CONV_3D", shapes, (1, *machine.result.shape)) == machine.count
    options = {
        "kernelSpatialDimensions": tuple(range(rank)),
        "kernelInputFeatureDimension": rank,
        "kernelOutputFeatureDimension": rank + 1,
        "featureGroupCount": groups,
        "lhsDilation": (1,) * rank,
    }
    shapes[1] = (*window, per_group, channels)
    result = (1, *machine.result.shape)
    assert counted("STABLEHLO_CONVOLUTION", shapes, result, **options) == machine.count


@given(st.tuples(*[SMALL] * 4), st.integers(1, 3), st.integers(1, 3))
def test_a_depthwise_convolution_is_one_with_a_group_per_channel(
    sizes: tuple[int, ...], channels: int, multiplier: int
) -> None:
    height, width, k, stride = sizes
    image, weights = numbers(height, width, channels), numbers(channels * multiplier, k, k, 1)
    machine = convolved(image, weights, (stride, stride), (1, 1))
    shapes = [(1, *image.shape), (1, k, k, channels * multiplier)]
    assert counted("DEPTHWISE_CONV_2D", shapes, (1, *machine.result.shape)) == machine.count


@given(st.data(), dimensions)
def test_transposed_convolutions_spread_every_element(data: Any, rank: int) -> None:
    size, window = (data.draw(st.tuples(*[SMALL] * rank)) for _ in range(2))
    strides = data.draw(st.tuples(*[SMALL] * rank))
    channels, out = data.draw(SMALL), data.draw(SMALL)
    image, weights = numbers(*size, channels), numbers(out, *window, channels)
    machine = spread(image, weights, strides)
    if set(strides) == {1}:
        pads = [*((k - 1, k - 1) for k in window), (0, 0)]
        flipped = np.flip(weights, tuple(range(1, rank + 1)))
        maps = [
            signal.correlate(np.pad(image, pads), flipped[o], "valid")[..., 0] for o in range(out)
        ]
        assert np.allclose(machine.result, np.stack(maps, -1))
    result, kind = (1, *machine.result.shape), {2: "TRANSPOSE_CONV", 3: "CONV_3D_TRANSPOSE"}[rank]
    stored = weights.shape if rank == 2 else (*window, out, channels)
    assert counted(kind, [(len(result),), stored, (1, *image.shape)], result) == machine.count
    options = {
        "kernelSpatialDimensions": tuple(range(1, rank + 1)),
        "kernelInputFeatureDimension": rank + 1,
        "kernelOutputFeatureDimension": 0,
        "featureGroupCount": 1,
        "lhsDilation": strides,
    }
    # Without dilation StableHLO's is an ordinary convolution, whose borders count like the inside.
    if max(strides) > 1:
        shapes = [(1, *image.shape), weights.shape]
        assert counted("STABLEHLO_CONVOLUTION", shapes, result, **options) == machine.count


@given(st.tuples(*[SMALL] * 4))
def test_a_fully_connected_layer_multiplies_every_row_by_every_neuron(sizes) -> None:
    batch, rows, inputs, units = sizes
    data, weights = numbers(batch, rows, inputs), numbers(units, inputs)
    machine = Machine(batch, rows, units)
    for n, row, unit, c in product(*map(range, (batch, rows, units, inputs))):
        machine.add((n, row, unit), data[n, row, c], weights[unit, c])
    assert np.allclose(machine.result, data @ weights.T)
    found = counted("FULLY_CONNECTED", [data.shape, weights.shape, None], machine.result.shape)
    assert found == machine.count
    flat = (batch * rows, units)
    assert counted("FULLY_CONNECTED", [data.shape, weights.shape], flat) == machine.count


@given(st.tuples(*[SMALL] * 4), st.booleans(), st.booleans(), st.booleans())
def test_batch_products_transposed_and_broadcast(sizes, adj_x, adj_y, broadcast) -> None:
    batch, m, k, n = sizes
    left, right = numbers(1 if broadcast else batch, m, k), numbers(batch, k, n)
    machine = Machine(batch, m, n)
    for b, row, column, c in product(*map(range, (batch, m, n, k))):
        machine.add((b, row, column), left[0 if broadcast else b, row, c], right[b, c, column])
    assert np.allclose(machine.result, left @ right)
    shapes = [left.swapaxes(1, 2).shape if adj_x else left.shape]
    shapes.append(right.swapaxes(1, 2).shape if adj_y else right.shape)
    found = counted("BATCH_MATMUL", shapes, machine.result.shape, adjX=adj_x, adjY=adj_y)
    assert found == machine.count
    dims = {"lhsContractingDimensions": (1 if adj_x else 2,), "lhsBatchingDimensions": (0,)}
    if not broadcast:
        assert counted("STABLEHLO_DOT_GENERAL", shapes, machine.result.shape, **dims) == found


@given(st.tuples(*[SMALL] * 4))
def test_a_general_product_may_sum_over_several_dimensions(sizes: tuple[int, ...]) -> None:
    a, b, m, n = sizes
    left, right = numbers(a, m, b), numbers(b, n, a)
    machine = Machine(m, n)
    for row, column, i, j in product(*map(range, (m, n, a, b))):
        machine.add((row, column), left[i, row, j], right[j, column, i])
    assert np.allclose(machine.result, np.einsum("amb,bna->mn", left, right))
    dims = {"lhsContractingDimensions": (0, 2), "rhsContractingDimensions": (2, 0)}
    shapes = [left.shape, right.shape]
    assert counted("STABLEHLO_DOT_GENERAL", shapes, machine.result.shape, **dims) == machine.count


def stepped(matrices: list[np.ndarray], steps: int) -> int:
    """Multiply a vector by every matrix at every step; return the number of products."""
    count = 0
    for _ in range(steps):
        for matrix in matrices:
            machine = Machine(len(matrix))
            vector = numbers(matrix.shape[1])
            for row, column in product(*map(range, matrix.shape)):
                machine.add((row,), matrix[row, column], vector[column])
            assert np.allclose(machine.result, matrix @ vector)
            count += machine.count
    return count


@given(st.tuples(*[SMALL] * 4), st.booleans(), st.booleans())
def test_recurrent_cells_multiply_by_every_matrix_at_every_step(
    sizes: tuple[int, ...], coupled: bool, projected: bool
) -> None:
    batch, time, inputs, units = sizes
    gates, state = 3 if coupled else 4, 2 if projected else units
    matrices = [numbers(units, inputs)] * gates + [numbers(units, state)] * gates
    projection = [numbers(state, units)] * projected
    absent: list[Any] = [None] * (4 - gates)
    own = [m.shape for m in matrices]
    shapes = [(batch, time, inputs), *absent, *own[:gates], *absent, *own[gates:]]
    shapes += [None] * 3 + absent + [(units,)] * gates + [m.shape for m in projection]
    found = counted("UNIDIRECTIONAL_SEQUENCE_LSTM", shapes, (batch, time, state))
    assert found == stepped(matrices + projection, batch * time)
    plain = [numbers(units, inputs), numbers(units, units)]
    shapes = [(batch, time, inputs), *(m.shape for m in plain), (units,), (batch, units)]
    found = counted("UNIDIRECTIONAL_SEQUENCE_RNN", shapes, (batch, time, units))
    assert found == stepped(plain, batch * time)


@given(st.tuples(*[SMALL] * 5))
def test_svdf_filters_the_input_and_then_each_filters_memory(sizes: tuple[int, ...]) -> None:
    batch, inputs, units, rank, memory = sizes
    filters = units * rank
    products = stepped([numbers(filters, inputs)], batch)
    products += stepped([numbers(1, memory)] * filters, batch)
    shapes = [(batch, inputs), (filters, inputs), (filters, memory), (units,)]
    assert counted("SVDF", shapes, (batch, units), rank=rank) == products
