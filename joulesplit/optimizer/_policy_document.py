"""What a policy's file holds, and what of it can be decided by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, isfinite

import msgspec

from joulesplit.calibrate.profile import Account
from joulesplit.optimizer._policy import SplitLine
from joulesplit.optimizer.errors import InvalidInputError
from joulesplit.partition import SENDABLE

MOST_BITS = 2**53
"""Up to here a double tells every number of bits from the next."""
LAST_OPERATORS = range(-1, 2**31)
"""What a C ``int`` holds everywhere."""
SHA256 = re.compile(r"[0-9a-f]{64}")
MAY_BEGIN_BELOW_ZERO = ("fixed_s", "limit_fixed_s")
"""Where a line through two times is at an endless rate: that may be below zero."""
NEVER_BELOW_ZERO = (
    "compute_j", "opening_j", "bits_j", "encode_j", "fixed_j", "j_bit_per_s", "bits_on_the_way",
    "limit_bits", "own_s", "encode_s", "u_relative",
)  # fmt: skip


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The file; the meaning of each field is that of ``SplitPolicy`` and ``SplitLine``.

    A fastest rate of null is no bound. ``lines`` has one line a split, ``other_forms`` those that a
    policy has beyond. So who knows nothing of other forms still reads a whole policy, of the one
    form of its first line.
    """

    schema: str
    schema_version: int
    network_sha256: str
    account: Account
    hysteresis: float
    rates_bit_per_s: tuple[float, float | None]
    lines: tuple[SplitLine, ...]
    max_upload_bits: int | None = None
    period_s: float | None = None
    other_forms: tuple[SplitLine, ...] = ()

    @property
    def rates(self) -> tuple[float, float]:
        """The slowest and the fastest rate, bit/s."""
        slow, fast = self.rates_bit_per_s
        return slow, inf if fast is None else fast

    def require_sound(self) -> None:
        """Check that it can be decided by, and be written as a program.

        Raises:
            InvalidInputError: Something cannot be; the message says what and where.
        """
        for fault in (*_head_faults(self), *_order_faults(self), *_form_faults(self)):
            raise InvalidInputError(
                f"this policy cannot be decided by: {fault}; build it again, and do not change it"
            )


def _head_faults(document: PolicyDocument) -> Iterator[str]:
    """Say what a policy cannot state of itself."""
    if not SHA256.fullmatch(document.network_sha256):
        yield "network_sha256 is not 64 hexadecimal digits in lower case"
    if not (isfinite(document.hysteresis) and document.hysteresis >= 0.0):
        yield f"hysteresis is {document.hysteresis}, not a number from 0"
    slow, fast = document.rates
    if not (0.0 <= slow <= fast and fast > 0.0):
        yield f"rates_bit_per_s are {slow} and {fast}, not the slowest and then the fastest"
    period_s = document.period_s
    if period_s is not None and not (isfinite(period_s) and period_s > 0.0):
        yield f"period_s is {period_s}, no time from one inference to the next"
    limit = document.max_upload_bits
    if limit is not None and not 0 <= limit <= MOST_BITS:
        yield f"max_upload_bits is {limit}, no number of bits"


def _order_faults(document: PolicyDocument) -> Iterator[str]:
    """Say where the splits are not l = 0 … L, of which all send but the last."""
    lines = document.lines
    if len(lines) < 2:
        yield f"there are {len(lines)} lines, and a network has two splits at least"
    last_operator = -2
    for position, line in enumerate(lines):
        where = f"lines[{position}]"
        if line.block != position:
            yield f"{where} has block {line.block}, where l = {position} belongs"
        begins_right = position or line.last_operator == -1
        if line.last_operator <= last_operator or not begins_right:
            yield f"{where} ends at operator {line.last_operator}, not after those before it"
        last_operator = line.last_operator
        is_last = position == len(lines) - 1
        if is_last and _sends(line):
            yield f"{where} is the last one and still sends: the lines after it are missing"
        if not is_last and not line.upload_bits > 0:
            yield f"{where} sends {line.upload_bits} bit, and only the last line sends nothing"
        yield from _line_faults(where, line)
    if not any(line.allowed for line in (*lines, *document.other_forms)):
        yield "no split is allowed"


def _form_faults(document: PolicyDocument) -> Iterator[str]:
    """Say where a further form is not one of full offload."""
    for position, line in enumerate(document.other_forms):
        where = f"other_forms[{position}]"
        if (line.block, line.last_operator) != (0, -1) or not line.upload_bits > 0:
            yield f"{where} is no full offload, which has block 0, last_operator -1 and sends"
        yield from _line_faults(where, line)


def _line_faults(where: str, line: SplitLine) -> Iterator[str]:
    """Say what a single line cannot state."""
    if line.last_operator not in LAST_OPERATORS:
        yield f"{where}.last_operator is {line.last_operator}"
    if not 0 <= line.upload_bits <= MOST_BITS:
        yield f"{where}.upload_bits is {line.upload_bits}, no number of bits"
    if line.encoding is not None and line.encoding not in SENDABLE:
        yield f"{where}.encoding is none of {', '.join(SENDABLE)}"
    yield from _number_faults(where, line)


def _number_faults(where: str, line: SplitLine) -> Iterator[str]:
    """Say which numbers of a line cannot be."""
    for name in (*MAY_BEGIN_BELOW_ZERO, *NEVER_BELOW_ZERO):
        value = getattr(line, name)
        if value is None:
            continue
        if not isfinite(value) or (value < 0.0 and name in NEVER_BELOW_ZERO):
            yield f"{where}.{name} is {value}, which cannot be"
    if (line.fixed_s is None) != (line.bits_on_the_way is None):
        yield f"{where} has one of fixed_s and bits_on_the_way alone"
    if (line.limit_fixed_s is None) != (line.limit_bits is None):
        yield f"{where} has one of limit_fixed_s and limit_bits alone"


def _sends(line: SplitLine) -> bool:
    sent = (line.upload_bits, line.j_bit_per_s, line.bits_on_the_way, line.encoding)
    return any(sent)
