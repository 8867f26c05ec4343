"""FLOP rules of recurrent cells: one step's work times the steps of all sequences.

Matrix products count as fully connected layers do. All else is element by element, 1 each:
adding the input's and the state's product, the bias, the activation, and what joins the gates.
Positions of the inputs are those of TensorFlow Lite's kernels (``lstm_shared.h``,
``bidirectional_sequence_lstm.cc``, ``bidirectional_sequence_rnn.cc``, ``svdf.cc``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from joulesplit.partition.flops._facts import OperatorFacts, Rule, Work

CELL_JOINS = 5
"""New cell f·c + i·g (3), tanh of it, product with the output gate."""
LAYER_NORM_FLOP = 6
"""Per gate element: mean, difference, square and its mean, quotient, scale; not the bias."""
FULL_LSTM_KERNEL = 0
BASIC_LSTM_INPUTS = 5


def _steps(facts: OperatorFacts) -> int:
    """Return batch · time: how often a cell runs."""
    return prod(facts.input_shape(0)[:-1])


def _elements(facts: OperatorFacts, positions: Sequence[int]) -> int:
    return sum(facts.input_elements(position) for position in positions)


def _lstm_step(facts: OperatorFacts, first: int, units: int, norms: Sequence[int] = ()) -> Work:
    """Return one step of a cell whose 17 weights stand from ``first`` on.

    Input weights of 4 gates, recurrent weights of 4 gates, 3 peepholes, 4 biases, projection
    and its bias; the first gate is absent if it is coupled to the forget gate.
    """
    matrices = _elements(facts, [*range(first, first + 8), first + 15])
    gates = sum(facts.has_input(first + gate) for gate in range(4))
    coupled = units * (gates == 3)
    peepholes = 2 * _elements(facts, range(first + 8, first + 11))
    biases = _elements(facts, [*range(first + 11, first + 15), first + 16])
    normalised = LAYER_NORM_FLOP * _elements(facts, norms)
    other = units * (2 * gates + CELL_JOINS) + coupled + peepholes + biases + normalised
    return Work(mac_flop=2 * matrices, other_flop=other)


def _times(count: int, *steps: Work) -> Work:
    return Work(
        mac_flop=count * sum(step.mac_flop for step in steps),
        other_flop=count * sum(step.other_flop for step in steps),
    )


def sequence_lstm(facts: OperatorFacts) -> Work:
    """Count 2 per step and weight, 1 per bias, 2 per peephole; per unit 2 per gate + 5.

    A gate coupled to another (1 − f) costs 1; a layer norm 6 per gate element.
    """
    units = facts.input_shape(2)[0]
    return _times(_steps(facts), _lstm_step(facts, 1, units, norms=range(20, 24)))


def lstm(facts: OperatorFacts) -> Work:
    """Count a step of `UNIDIRECTIONAL_SEQUENCE_LSTM`; the basic kernel sums both products at once.

    The basic kernel's inputs are data, previous output, one matrix of weights for all gates
    (4 · units, inputs + units), biases and previous cell.
    """
    if facts.options.get("kernelType", FULL_LSTM_KERNEL) == FULL_LSTM_KERNEL:
        return sequence_lstm(facts)
    if len(facts.inputs) != BASIC_LSTM_INPUTS:
        raise ValueError(f"{len(facts.inputs)} inputs, the basic kernel has {BASIC_LSTM_INPUTS}")
    gate_units, _ = facts.input_shape(2)
    # One product over data and state together: nothing to add but the bias; one activation.
    other = 2 * gate_units + CELL_JOINS * gate_units // 4
    step = Work(mac_flop=2 * facts.input_elements(2), other_flop=other)
    return _times(_steps(facts), step)


def bidirectional_lstm(facts: OperatorFacts) -> Work:
    """Count each direction as one; an auxiliary input's weights count like all others."""
    directions = [_lstm_step(facts, first, facts.input_shape(first + 1)[0]) for first in (1, 18)]
    auxiliary = _elements(facts, range(40, 48))
    sums = sum(facts.input_shape(i)[0] for i in range(40, 48) if facts.has_input(i))
    step = Work(mac_flop=2 * auxiliary, other_flop=sums)
    return _times(_steps(facts), *directions, step)


def _rnn_step(facts: OperatorFacts, first: int) -> Work:
    """Return one step of a cell: input weights, recurrent weights, bias from ``first`` on."""
    units = facts.input_shape(first)[0]
    matrices = _elements(facts, [first, first + 1])
    return Work(mac_flop=2 * matrices, other_flop=2 * units + _elements(facts, [first + 2]))


def rnn(facts: OperatorFacts) -> Work:
    """Count 2 per step and weight of both matrices; per unit 3: sum, bias, activation."""
    return _times(_steps(facts), _rnn_step(facts, 1))


def bidirectional_rnn(facts: OperatorFacts) -> Work:
    """Count each direction as one; an auxiliary input's weights count like all others."""
    auxiliary = [position for position in (10, 11) if facts.has_input(position)]
    step = Work(
        mac_flop=2 * _elements(facts, auxiliary),
        other_flop=sum(facts.input_shape(position)[0] for position in auxiliary),
    )
    return _times(_steps(facts), _rnn_step(facts, 1), _rnn_step(facts, 5), step)


def svdf(facts: OperatorFacts) -> Work:
    """Count 2 per step and weight of feature and time filters; 1 per filter, unit and bias.

    Summing the filters of a unit and its activation are the two other terms.
    """
    filters = facts.input_shape(1)[0]
    units = facts.outputs[0][-1]
    other = filters + units + facts.input_elements(3)
    step = Work(mac_flop=2 * _elements(facts, [1, 2]), other_flop=other)
    return _times(_steps(facts), step)


RECURRENT: Mapping[str, Rule] = {
    "LSTM": lstm,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": sequence_lstm,
    "BIDIRECTIONAL_SEQUENCE_LSTM": bidirectional_lstm,
    "RNN": rnn,
    "UNIDIRECTIONAL_SEQUENCE_RNN": rnn,
    "BIDIRECTIONAL_SEQUENCE_RNN": bidirectional_rnn,
    "SVDF": svdf,
}
