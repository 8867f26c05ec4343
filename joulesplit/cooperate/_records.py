"""What an inference gave, what it cost, and how it came about. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Fallback(StrEnum):
    """Why an inference that was begun with the server was ended here."""

    LATE = "late"
    """No answer came in the time there was."""
    UNREACHABLE = "unreachable"
    """Nothing answers, or the connection broke."""
    REFUSED = "refused"
    """The server refused: another network, another version, another token, overloaded."""
    NOT_AS_ASKED = "not-as-asked"
    """What came back are not this network's results."""
    ANOTHER_RUNTIME = "another-runtime"
    """The server computes with another runtime than this device."""
    DIFFERS = "differs"
    """Computed here as well, the result was another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRecord:
    """How one inference came about.

    Attributes:
        number: From 1.
        split: l that was chosen.
        fallback: Why it was not carried out so; None if it was.
        rate_bit_per_s: Of the link, as it was believed when l was chosen.
        upload_bits: What left for the server, bit, also where it was in vain; 0 if nothing did.
        sent_as: Name of the encoding that this was in; None if as it is, or if nothing left.
        head_s: Time of the head here, s.
        transfer_s: Of the upload, s; None if none arrived.
        total_s: From the call to the result, s.
        given_up_s: Time that the server was waited for in vain, s.
        energy_j: Estimate from the profile, J, at the rate that the upload really had; with a
            fallback everything here and what left of the upload are in it.
        energy_u_j: Its standard uncertainty, J; None if the profile states none.
        shadow_error: Largest difference from the result computed here, relative to its range;
            None if it was not computed.
        form_not_met: Name of the encoding that the policy had chosen and that cannot hold these
            numbers: it was decided again, here and from now on, by what they take as they are.
            None if none was.
    """

    number: int
    split: int
    fallback: Fallback | None
    rate_bit_per_s: float
    upload_bits: int
    head_s: float
    transfer_s: float | None
    total_s: float
    given_up_s: float
    energy_j: float
    energy_u_j: float | None
    shadow_error: float | None = None
    form_not_met: str | None = None
    sent_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """A result.

    Attributes:
        outputs: The network's outputs by their names in the file, in the file's order.
        record: How it came about.
    """

    outputs: dict[str, NDArray[Any]]
    record: InferenceRecord


@dataclass(slots=True, kw_only=True)
class SessionCounts:
    """What a session has done so far.

    Attributes:
        inferences: How many.
        by_split: How many were carried out by each l.
        fallbacks: How many were ended here, by reason.
        energy_j: Estimate for all of them, J.
        given_up_s: Time that the server was waited for in vain, s.
        form_not_met: How many had numbers that the decided encoding cannot hold, by its name.
    """

    inferences: int = 0
    by_split: dict[int, int] = field(default_factory=dict)
    fallbacks: dict[Fallback, int] = field(default_factory=dict)
    energy_j: float = 0.0
    given_up_s: float = 0.0
    form_not_met: dict[str, int] = field(default_factory=dict)

    def count(self, record: InferenceRecord, carried_out: int) -> None:
        """Add an inference that was carried out by a split."""
        self.inferences += 1
        self.by_split[carried_out] = self.by_split.get(carried_out, 0) + 1
        if record.fallback is not None:
            self.fallbacks[record.fallback] = self.fallbacks.get(record.fallback, 0) + 1
        if record.form_not_met is not None:
            unmet = self.form_not_met.get(record.form_not_met, 0)
            self.form_not_met[record.form_not_met] = unmet + 1
        self.energy_j += record.energy_j
        self.given_up_s += record.given_up_s
