"""What a rule of the FLOP convention takes and returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod

from joulesplit.partition._network import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFacts:
    """What a rule may know of an operator.

    Attributes:
        inputs: Shapes by position; None for an absent optional input.
        outputs: Shapes by position.
        options: The operator's own numbers, and short lists of them, by the schema's names, e.g.
            ``filterWidth``.
    """

    inputs: tuple[Shape | None, ...]
    outputs: tuple[Shape, ...]
    options: Mapping[str, int | tuple[int, ...]] = field(default_factory=dict)

    def has_input(self, position: int) -> bool:
        """Return whether an optional input is there."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def input_shape(self, position: int) -> Shape:
        """Return the shape of an input that must be there.

        Raises:
            ValueError: It is absent.
        """
        shape = self.inputs[position] if position < len(self.inputs) else None
        if shape is None:
            raise ValueError(f"input {position} is absent")
        return shape

    def input_elements(self, position: int) -> int:
        """Return the elements of an input; 0 for an absent one."""
        return prod(self.input_shape(position)) if self.has_input(position) else 0

    def number(self, option: str) -> int:
        """Return one of the operator's own numbers.

        Raises:
            ValueError: It is absent, or a list.
        """
        found = self.options.get(option)
        if not isinstance(found, int):
            raise ValueError(f"{option} is {found}")
        return found

    def numbers(self, option: str) -> tuple[int, ...]:
        """Return one of the operator's own lists of numbers; empty if it is absent.

        Raises:
            ValueError: It is a single number.
        """
        found = self.options.get(option, ())
        if isinstance(found, int):
            raise ValueError(f"{option} is {found}")
        return found

    @property
    def output_elements(self) -> int:
        """Elements of the first output."""
        return prod(self.outputs[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work of one operator.

    Attributes:
        mac_flop: Multiply-accumulates at 2 each, FLOP.
        other_flop: Everything else the convention counts, FLOP.
    """

    mac_flop: int = 0
    other_flop: int = 0

    @property
    def flop(self) -> int:
        """All of it, FLOP."""
        return self.mac_flop + self.other_flop


Rule = Callable[[OperatorFacts], Work]
"""The first line of its docstring is its convention, as the documentation prints it."""


def kinds(text: str) -> tuple[str, ...]:
    """Return the operator kinds in a text, separated by blanks."""
    return tuple(text.split())
