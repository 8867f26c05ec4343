"""Rules of recurrent cells against closed formulas, inputs at the kernels' positions."""

from __future__ import annotations

import pytest

from joulesplit.partition.flops import OperatorFacts, Work
from joulesplit.partition.flops._facts import Shape
from joulesplit.partition.flops._rules import work

BATCH, TIME, IN, UNITS, OUT = 2, 5, 7, 6, 4
STEPS = BATCH * TIME


def counted(kind: str, inputs: list[Shape | None], output: Shape, **options: int) -> Work:
    facts = OperatorFacts(inputs=tuple(inputs), outputs=(output,), options=options)
    found = work(kind, facts)
    assert found is not None
    return found


def cell(
    *, gates: int = 4, peephole: bool = False, projection: bool = False, units: int = UNITS
) -> list[Shape | None]:
    """The 17 weights of an LSTM, from the input gate's on."""
    coupled: list[Shape | None] = [None] if gates == 3 else []
    state = OUT if projection else units
    vector: Shape | None = (units,)
    hole = vector if peephole else None
    return [
        *(coupled + [(units, IN)] * gates),
        *(coupled + [(units, state)] * gates),
        *(None if gates == 3 else hole, hole, hole),
        *(coupled + [vector] * gates),
        (OUT, units) if projection else None,
        (OUT,) if projection else None,
    ]


def test_a_plain_lstm() -> None:
    found = counted("UNIDIRECTIONAL_SEQUENCE_LSTM", [(BATCH, TIME, IN), *cell()], (BATCH, TIME, 6))
    assert found.mac_flop == STEPS * 2 * 4 * UNITS * (IN + UNITS)
    # Per unit and gate: sum of both products, bias, activation; then f·c + i·g, tanh, ·o.
    assert found.other_flop == STEPS * UNITS * (4 * 3 + 5)


def test_peepholes_and_projection_add_their_own() -> None:
    inputs = [(BATCH, TIME, IN), *cell(peephole=True, projection=True)]
    found = counted("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (BATCH, TIME, OUT))
    assert found.mac_flop == STEPS * 2 * (4 * UNITS * (IN + OUT) + OUT * UNITS)
    assert found.other_flop == STEPS * (UNITS * (4 * 3 + 5) + 2 * 3 * UNITS + OUT)


def test_a_coupled_gate_has_no_weights_and_costs_one() -> None:
    inputs = [(BATCH, TIME, IN), *cell(gates=3)]
    found = counted("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (BATCH, TIME, UNITS))
    assert found.mac_flop == STEPS * 2 * 3 * UNITS * (IN + UNITS)
    assert found.other_flop == STEPS * UNITS * (3 * 3 + 1 + 5)


def test_layer_norm_adds_six_per_gate_element() -> None:
    plain = [(BATCH, TIME, IN), *cell(), (BATCH, UNITS), (BATCH, UNITS)]
    norms: list[Shape | None] = [(UNITS,)] * 4
    output = (BATCH, TIME, UNITS)
    found = counted("UNIDIRECTIONAL_SEQUENCE_LSTM", [*plain, *norms], output)
    without = counted("UNIDIRECTIONAL_SEQUENCE_LSTM", plain, output)
    assert found.other_flop - without.other_flop == STEPS * 4 * 6 * UNITS
    assert found.mac_flop == without.mac_flop


def test_one_step_is_an_lstm_without_time() -> None:
    step = counted("LSTM", [(BATCH, IN), *cell()], (BATCH, UNITS))
    sequence = counted("UNIDIRECTIONAL_SEQUENCE_LSTM", [(BATCH, 1, IN), *cell()], (BATCH, 1, UNITS))
    assert step == sequence


def test_the_basic_kernel_multiplies_data_and_state_at_once() -> None:
    inputs: list[Shape | None] = [
        *((BATCH, IN), (BATCH, UNITS), (4 * UNITS, IN + UNITS), (4 * UNITS,), (BATCH, UNITS))
    ]
    found = counted("LSTM", inputs, (BATCH, UNITS), kernelType=1)
    assert found.mac_flop == BATCH * 2 * 4 * UNITS * (IN + UNITS)
    assert found.other_flop == BATCH * UNITS * (4 * 2 + 5)
    with pytest.raises(ValueError, match="LSTM"):
        counted("LSTM", inputs[:4], (BATCH, UNITS), kernelType=1)


def test_both_directions_and_an_auxiliary_input() -> None:
    inputs = [(BATCH, TIME, IN), *cell(), *cell(units=3), *[(BATCH, UNITS)] * 2, *[(BATCH, 3)] * 2]
    plain = counted("BIDIRECTIONAL_SEQUENCE_LSTM", inputs, (BATCH, TIME, UNITS))
    macs = 4 * UNITS * (IN + UNITS) + 4 * 3 * (IN + 3)
    assert plain.mac_flop == STEPS * 2 * macs
    assert plain.other_flop == STEPS * 17 * (UNITS + 3)
    auxiliary = [(BATCH, TIME, 2), *[(UNITS, 2)] * 4, *[(3, 2)] * 4]
    found = counted("BIDIRECTIONAL_SEQUENCE_LSTM", [*inputs, *auxiliary], (BATCH, TIME, UNITS))
    assert found.mac_flop == STEPS * 2 * (macs + 4 * (UNITS + 3) * 2)
    assert found.other_flop == plain.other_flop + STEPS * 4 * (UNITS + 3)


def test_rnn_in_one_direction_and_in_both() -> None:
    one: list[Shape | None] = [(UNITS, IN), (UNITS, UNITS), (UNITS,), (BATCH, UNITS)]
    found = counted("UNIDIRECTIONAL_SEQUENCE_RNN", [(BATCH, TIME, IN), *one], (BATCH, TIME, UNITS))
    assert found.mac_flop == STEPS * 2 * UNITS * (IN + UNITS)
    assert found.other_flop == STEPS * 3 * UNITS
    step = counted("RNN", [(BATCH, IN), *one], (BATCH, UNITS))
    assert step.flop * TIME == found.flop
    both = [(BATCH, TIME, IN), *one, *one]
    twice = counted("BIDIRECTIONAL_SEQUENCE_RNN", both, (BATCH, TIME, UNITS))
    assert twice.flop == 2 * found.flop
    auxiliary = [(BATCH, TIME, 3), (UNITS, 3), (UNITS, 3)]
    more = counted("BIDIRECTIONAL_SEQUENCE_RNN", [*both, *auxiliary], (BATCH, TIME, UNITS))
    assert more.mac_flop - twice.mac_flop == STEPS * 2 * 2 * UNITS * 3
    assert more.other_flop - twice.other_flop == STEPS * 2 * UNITS


def test_svdf_filters_features_then_time() -> None:
    rank, memory = 2, 10
    filters = rank * UNITS
    inputs: list[Shape | None] = [
        *((BATCH, IN), (filters, IN), (filters, memory), (UNITS,), (BATCH, memory * filters))
    ]
    found = counted("SVDF", inputs, (BATCH, UNITS), rank=rank)
    assert found.mac_flop == BATCH * 2 * filters * (IN + memory)
    # Sum of the filters of a unit, its activation, its bias.
    assert found.other_flop == BATCH * (filters + UNITS + UNITS)
