"""Operators that contradict each other are refused; a network as data is enough to tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from joulesplit.partition import Network, Operator, Tensor
from joulesplit.partition.errors import TruncatedModelError, UnsupportedModelError
from joulesplit.partition.reading import _order as order
from joulesplit.partition.reading import read_network
from joulesplit.partition.reading._order import check_order


def network(
    operators: Sequence[tuple[Sequence[int], Sequence[int]]],
    inputs: Sequence[int] = (0,),
    outputs: Sequence[int] = (3,),
) -> Network:
    """Operators as (inputs, outputs) over five tensors."""
    tensors = tuple(
        Tensor(index=i, name=f"t{i}", shape=(1,), dtype="int8", bits=8, is_constant=False)
        for i in range(5)
    )
    return Network(
        sha256="",
        name="small",
        tensors=tensors,
        operators=tuple(
            Operator(index=i, kind="ADD", inputs=tuple(a), outputs=tuple(b), flop=1, mac_flop=0)
            for i, (a, b) in enumerate(operators)
        ),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        parameters=0,
    )


CHAIN = [([0], [1]), ([1, 4], [2]), ([2], [3])]


def test_a_chain_with_a_stored_value_is_in_order() -> None:
    check_order(network(CHAIN), held={4})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (network(CHAIN[::-1]), "tensor 2 .'t2'. is used before"),
        (network([([0, 2], [1]), ([1], [2]), ([2], [3])]), "tensor 2 .* used before"),
        (network([([0, 1], [1]), ([1], [3])]), "tensor 1 .* used before"),
        (network([([0], [1]), ([0], [1]), ([1], [3])]), "tensor 1 .* made twice"),
        (network([([0], [0]), ([0], [3])]), "tensor 0 .* made twice"),
        (network([([0], [1])]), "tensor 3 .* output that nothing makes"),
        (network([([0], [3])], inputs=(0, 0)), "listed twice"),
    ],
    ids=["backwards", "circle", "itself", "twice", "input", "dangling output", "same input"],
)
def test_contradictions_are_named(wrong: Network, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_order(wrong, held={4})


def test_a_list_of_cuts_without_bounds_is_refused(monkeypatch) -> None:
    # Tensor 0 crosses before each of three operators, 1 and 2 cross once, 3 crosses at the end.
    operators = [([0], [1]), ([0, 1], [2]), ([0, 2], [3])]
    monkeypatch.setattr(order, "MAX_CROSSINGS", 6)
    check_order(network(operators), held=())
    monkeypatch.setattr(order, "MAX_CROSSINGS", 5)
    with pytest.raises(UnsupportedModelError, match="6 tensors cross its 4 cuts"):
        check_order(network(operators), held=())


def test_a_file_in_the_wrong_order_is_damaged(file_of, tensor, operator) -> None:
    path: Path = file_of(
        [tensor("x", (2,)), tensor("y", (2,)), tensor("z", (2,))],
        [operator("RELU", ["y"], ["z"]), operator("ABS", ["x"], ["y"])],
        ["x"],
        ["z"],
    )
    with pytest.raises(TruncatedModelError, match=r"tensor 1 \('y'\) is used before"):
        read_network(path)


def test_a_network_that_computes_nothing_is_refused(file_of, tensor) -> None:
    path: Path = file_of([tensor("x", (2,))], [], ["x"], ["x"])
    with pytest.raises(UnsupportedModelError, match="computes nothing"):
        read_network(path)
