"""Work of one operator by convention ``tflite-2mac``: pure rules on shapes.

The convention:
    2 per multiply-accumulate of convolution, depthwise and transposed convolution, fully
        connected, recurrent cells and batch matrix product; borders count like the inside;
    1 per output element for a bias, for element-wise arithmetic, for an activation that is an
        operator of its own, and for a change of quantisation or number format;
    0 for an activation fused into another operator, for moving data, and for whatever only
        makes a constant (it does not depend on the network's inputs);
    k² per output element for pooling (k·k the window);
    1 per input element for mean and the other reductions;
    5 per element for softmax.

The multiply-accumulate share equals that of TensorFlow's profiler on the same network.
Every rule is in ``RULES``; ``docs/flops.md`` prints them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from joulesplit.partition.flops._custom import BOUNDED, LITERT_RULES
from joulesplit.partition.flops._elements import ELEMENTS
from joulesplit.partition.flops._facts import OperatorFacts, Rule, Work
from joulesplit.partition.flops._products import PRODUCTS
from joulesplit.partition.flops._recurrent import RECURRENT

Found = TypeVar("Found")
CONVENTION = "tflite-2mac"
"""Name of the rules by which work is counted here."""

RULES: Mapping[str, Rule] = {**PRODUCTS, **RECURRENT, **ELEMENTS, **LITERT_RULES}
"""By operator kind; a kind that is not here has unknown work, never none."""


def work(kind: str, facts: OperatorFacts) -> Work | None:
    """Return the work of an operator; None if the convention has no rule for its kind.

    Raises:
        ValueError: The shapes are not those of such an operator.
    """
    rule = RULES.get(kind)
    return None if rule is None else _applied(rule, kind, facts)


def bounds(kind: str, facts: OperatorFacts) -> tuple[int, int | None]:
    """Return the least and the most work of an operator without an exact rule, FLOP.

    Returns:
        0 and None, without limit, for a kind that nothing is known of.

    Raises:
        ValueError: The shapes are not those of such an operator.
    """
    rule = BOUNDED.get(kind)
    return (0, None) if rule is None else _applied(rule, kind, facts)


def _applied(rule: Callable[[OperatorFacts], Found], kind: str, facts: OperatorFacts) -> Found:
    try:
        return rule(facts)
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(f"{kind} with shapes {facts.inputs} to {facts.outputs}") from error


def convention_of(kind: str) -> str | None:
    """Return an operator's rule as one line of text; None if there is no rule for its kind."""
    rule = RULES.get(kind) or BOUNDED.get(kind)
    if rule is None or rule.__doc__ is None:
        return None
    rule_itself = rule.__doc__.splitlines()[0].removeprefix("Count ")
    return rule_itself[:1].upper() + rule_itself[1:]
