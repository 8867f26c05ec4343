"""A chosen number of blocks, and blocks that end at chosen tensors."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.partition import Block, Network, Operator, Tensor
from joulesplit.partition.cutting import (
    balanced_blocks,
    blocks_at_tensors,
    every_cut_blocks,
    residual_blocks,
)
from joulesplit.partition.errors import CutError
from joulesplit.partition.reading import LoadedModel


def ends(blocks: tuple[Block, ...]) -> list[int]:
    return [block.last_operator for block in blocks]


def chain(work: list[int], bits: list[int], names: list[str] | None = None) -> Network:
    """A chain whose operators are residual blocks of their own."""
    names = names or [f"net/layer{i}/Conv2D" for i in range(len(work))]
    return Network(
        sha256="",
        name="chain",
        tensors=tuple(
            Tensor(index=i, name=n, shape=(1, 2, 2, 1), dtype="int8", bits=b, is_constant=False)
            for i, (n, b) in enumerate(zip(["image", *names], [9, *bits], strict=True))
        ),
        operators=tuple(
            Operator(index=i, kind="CONV_2D", inputs=(i,), outputs=(i + 1,), flop=w, mac_flop=w)
            for i, w in enumerate(work)
        ),
        inputs=(0,),
        outputs=(len(work),),
        parameters=0,
    )


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=8), st.data())
def test_the_choice_is_the_best_by_the_rule(items: list[tuple[int, int]], data) -> None:
    work, bits = [w for w, _ in items], [b for _, b in items]
    network = chain(work, bits)
    candidates = ends(residual_blocks(network))
    count = data.draw(st.integers(1, len(candidates) - 1 or 1))

    def objective(chosen: list[int]) -> float:
        starts = [0, *(end + 1 for end in chosen[:-1])]
        shares = [sum(work[a : b + 1]) / sum(work) for a, b in zip(starts, chosen, strict=True)]
        largest = max([bits[end] for end in candidates[:-1]], default=1)
        mean = sum(bits[end] for end in chosen[:-1]) / largest / count
        return count * sum(share**2 for share in shares) + mean

    found = ends(balanced_blocks(network, count))
    choices = [[*c, candidates[-1]] for c in combinations(candidates[:-1], count - 1)]
    assert found in choices
    assert objective(found) == pytest.approx(min(map(objective, choices)), abs=1e-9)


@pytest.mark.parametrize("count", [1, 2, 7, 19, 20, 21, 30, 45, 64, 65])
def test_any_number_of_blocks_keeps_to_the_residual_blocks(
    mobilenet: LoadedModel, count: int
) -> None:
    network = mobilenet.network
    residual = ends(residual_blocks(network))
    count = min(count, len(every_cut_blocks(network)))
    blocks = balanced_blocks(network, count)
    assert len(blocks) == count
    if count <= len(residual):
        assert set(ends(blocks)) <= set(residual)
    else:
        assert set(ends(blocks)) >= set(residual)
    assert sum(block.flop for block in blocks) == network.flop


def test_equal_work_where_cuts_are_alike() -> None:
    network = chain([1, 1, 1, 3, 3, 2, 1], [4] * 7)
    assert ends(balanced_blocks(network, 4)) == [2, 3, 4, 6]


def test_a_smaller_cut_wins_where_work_is_alike() -> None:
    assert ends(balanced_blocks(chain([1, 1, 1], [9, 1, 1]), 2)) == [1, 2]
    assert ends(balanced_blocks(chain([1, 1, 1], [1, 9, 1]), 2)) == [0, 2]


def test_joined_blocks_are_named_after_the_first_and_the_last(mobilenet: LoadedModel) -> None:
    names = [block.name for block in balanced_blocks(mobilenet.network, 6)]
    assert names[0].startswith("Conv1…")
    assert names[-1].endswith("…head")
    assert len(set(names)) == 6


@pytest.mark.parametrize("count", [0, -1, 4])
def test_impossible_numbers_are_refused(count: int) -> None:
    with pytest.raises(CutError, match="from 1 to 3"):
        balanced_blocks(chain([1, 1, 1], [1, 1, 1]), count)


def test_blocks_end_where_the_named_tensors_are_made() -> None:
    network = chain([1] * 4, [1] * 4, ["net/a/x", "net/b/x", "net/c/x", "net/d/x"])
    assert ends(blocks_at_tensors(network, ["net/c/x", "net/a/x", "net/a/x"])) == [0, 2, 3]


def test_a_name_that_nothing_makes_is_answered_with_near_ones() -> None:
    network = chain([1] * 2, [1] * 2, ["net/first/Relu", "net/second/Relu"])
    with pytest.raises(CutError, match="net/second/Relu"):
        blocks_at_tensors(network, ["net/secnd/Relu"])
    with pytest.raises(CutError, match="no operator makes a tensor 'image'"):
        blocks_at_tensors(network, ["image"])


def test_a_name_that_two_operators_make_is_refused() -> None:
    with pytest.raises(CutError, match="0 and 1 both"):
        blocks_at_tensors(chain([1] * 2, [1] * 2, ["same", "same"]), ["same"])
