"""Which prefix cuts can win, against trying every price."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from joulesplit.partition import Network, Operator, Tensor
from joulesplit.partition.cutting import (
    every_cut_blocks,
    lower_left_hull,
    prefix_cuts,
    undominated_cuts,
)
from joulesplit.partition.parts._bundle_writing import worthwhile_splits

small = st.integers(0, 12)


@st.composite
def chains(draw: st.DrawFn) -> Network:
    """A chain: its cuts' bits and work are any numbers."""
    bits = draw(st.lists(small, min_size=2, max_size=9))
    return Network(
        sha256="",
        name="chain",
        tensors=tuple(
            Tensor(index=i, name=f"t{i}", shape=(), dtype="int8", bits=b, is_constant=False)
            for i, b in enumerate(bits)
        ),
        operators=tuple(
            Operator(
                index=i, kind="ADD", inputs=(i,), outputs=(i + 1,), flop=draw(small), mac_flop=0
            )
            for i in range(len(bits) - 1)
        ),
        inputs=(0,),
        outputs=(len(bits) - 1,),
        parameters=0,
    )


@given(chains(), st.booleans())
def test_at_every_price_a_cut_of_the_hull_is_best_and_each_has_its_own(
    network: Network, results_uploaded: bool
) -> None:
    work = list(accumulate((o.flop or 0 for o in network.operators), initial=0))
    bits = [cut.bits for cut in prefix_cuts(network)]
    bits[-1] *= results_uploaded
    hull = undominated_cuts(network, results_uploaded=results_uploaded)
    assert (hull[0].from_flop_per_bit, hull[-1].to_flop_per_bit) == (0.0, float("inf"))
    for entry in hull:
        at = entry.cut.after_operator + 1
        assert (entry.head_flop, entry.upload_bits) == (work[at], bits[at])
        low, high = entry.from_flop_per_bit, min(entry.to_flop_per_bit, 1e9)
        assert low < high
        for price in (low + (high - low) * part for part in (0.0, 0.3, 0.7)):
            best = min(w + price * b for w, b in zip(work, bits, strict=True))
            assert entry.head_flop + price * entry.upload_bits <= best + 1e-9 * (1 + best)


@given(chains(), st.lists(small, min_size=8, max_size=8), small)
def test_whatever_operators_cost_no_other_cut_beats_those_that_shrink(
    network: Network, operator_costs: list[int], bit_cost: int
) -> None:
    cuts = prefix_cuts(network)
    spent = list(accumulate(operator_costs, initial=0))
    price = {c.after_operator: spent[i] + bit_cost * c.bits for i, c in enumerate(cuts)}
    price[cuts[-1].after_operator] = spent[len(cuts) - 1]
    worthwhile = worthwhile_splits(network, every_cut_blocks(network))
    kept = [-1, *worthwhile, cuts[-1].after_operator]
    assert min(price[after] for after in kept) == min(price.values())
    sizes = [cuts[after + 1].bits for after in kept[:-1]]
    assert sizes == sorted(set(sizes), reverse=True)


def test_points_that_only_tie_are_no_corners() -> None:
    assert lower_left_hull([(4, 0), (2, 2), (0, 4)]) == (0, 2)
    assert lower_left_hull([(1, 1), (1, 1), (1, 2)]) == (0,)
