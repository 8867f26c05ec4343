"""How a split is used: what is sent, and what of the costs not per inference falls on one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from joulesplit.optimizer._agreement import Agreement
from joulesplit.optimizer.errors import InvalidInputError
from joulesplit.partition import AS_IS, SENDABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEncoded:
    """What goes up, sent in an encoding instead of as it is.

    Attributes:
        name: Of the encoding, e.g. ``float16``.
        bits: P_l as sent at l = 0 … L − 1, bit.
        encode_s: How long it takes to encode it, likewise, s.
        timed_on: Where ``encode_s`` is from, in words.
        encode_u_rel: What that may be off by on this device, where the profile has not measured
            it: relative standard uncertainty of time and energy; None if it tells nothing of it.
        refused: The l whose tensors it cannot hold, which are sent as they are.
        integers: The l of which only integers go up: as they are, compressed if ``name`` is.
        left_out: The l at which it is not used, whose tensors are sent as they are.
        agreements: By l, how often the answer stays with it; of the l that are not there nothing
            tells it.
    """

    name: str
    bits: tuple[int, ...]
    encode_s: tuple[float, ...]
    timed_on: str
    encode_u_rel: float | None = 0.0
    refused: tuple[int, ...] = ()
    integers: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()
    agreements: Mapping[int, Agreement] = field(default_factory=dict)

    def without(self, left_out: Sequence[int], as_is_bits: Sequence[int]) -> SentEncoded:
        """Return what goes up with some of it sent as it is.

        Args:
            left_out: The l at which the encoding is not used.
            as_is_bits: Of all that goes up, as it is, at l = 0 … L − 1, bit.
        """
        bits = [as_is_bits[at] if at in left_out else own for at, own in enumerate(self.bits)]
        times_s = [0.0 if at in left_out else own for at, own in enumerate(self.encode_s)]
        return replace(
            self, bits=tuple(bits), encode_s=tuple(times_s), left_out=(*self.left_out, *left_out)
        )

    def sent_as(self, block: int) -> str | None:
        """Return the name of the encoding of what really goes up; None if as it is."""
        if block in self.refused or block in self.left_out:
            return None
        if block not in self.integers:
            return self.name
        _, compressed, _ = self.name.partition("+")
        return f"{AS_IS}+zlib" if compressed else None

    def require_sensible(self, blocks: int) -> None:
        """Check the figures of a network of that many blocks.

        Raises:
            InvalidInputError: They are not one for each upload, or one makes no sense.
        """
        if not len(self.bits) == len(self.encode_s) == blocks:
            raise InvalidInputError(
                f"{self.name} has {len(self.bits)} sizes and {len(self.encode_s)} times for "
                f"{blocks} uploads; give one each, of the input and of all blocks but the last"
            )
        if not all(bits > 0 for bits in self.bits):
            raise InvalidInputError(f"{self.name} sends {min(self.bits)} bit; give positive sizes")
        if not all(math.isfinite(time_s) and time_s >= 0.0 for time_s in self.encode_s):
            raise InvalidInputError(f"{self.name}: give zero or more seconds for every upload")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputForm:
    """A form in which the network's input can be sent.

    Attributes:
        name: Of its encoding; ``as-is`` for the network's own numbers.
        bits: As sent, bit.
        encode_s: How long the device takes to make it, s.
        encode_u_rel: What that may be off by, where the profile has not measured it: relative
            standard uncertainty of time and energy; None if it tells nothing of the device.
        timed_by: Where ``encode_s`` is from, in words.
        is_lossless: What arrives is what was sent, bit for bit; any other may change the result.
        agreement: How often the answer stays with it; None if nothing tells it.
    """

    name: str
    bits: int
    encode_s: float = 0.0
    encode_u_rel: float | None = 0.0
    timed_by: str = ""
    is_lossless: bool = True
    agreement: Agreement | None = None

    @property
    def encoding(self) -> str | None:
        """Name of the encoding to send by; None if it is sent as it is."""
        return None if self.name == AS_IS else self.name

    def require_sensible(self) -> None:
        """Check the figures.

        Raises:
            InvalidInputError: One makes no sense.
        """
        if self.bits <= 0:
            raise InvalidInputError(f"an input of {self.bits} bit; state its positive size")
        if not (math.isfinite(self.encode_s) and self.encode_s >= 0.0):
            raise InvalidInputError(
                f"the input as {self.name} takes {self.encode_s} s; give zero or more seconds"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How inferences follow each other, and how long the server takes.

    Attributes:
        uploads_per_burst: Uploads that follow each other before the radio goes back to sleep;
            1 is an inference now and then, which wakes the radio and pays for its tail alone.
        uploads_per_connection: Uploads before the connection is made anew; None keeps it open.
        server_wait_s: From the last bit sent to the first bit of the answer, s; None if not
            known, and then not counted.
        input_bits: Upload of full offload in the user's own encoding, bit; None takes the
            network's input as it is.
        encoding: How everything else that crosses is sent, and the input too if ``input_bits``
            is None; None sends it as it is.
        input_forms: Forms that full offload may send the input in, of which it takes the cheapest;
            without any, and with ``input_bits``, there is no choice.
        allow_lossy_input: Forms that may change the result are taken as well.
        rate_bit_per_s: Payload bits per second going up; None takes the rate that the profile
            states E_c at, or the fastest measured if none reached that.
        period_s: From one inference to the next, s: the idle power of all that time counts, and
            each starts alone; None if it is not known.
        back_to_back: The next inference begins when one ends: the idle power of that time counts.
            With neither, what counts is the energy of an inference itself.
        runtime: Name of the runtime that it will be run with; None takes that of the profile.
        threads: Its threads; None likewise.
    """

    uploads_per_burst: float = 1.0
    uploads_per_connection: float | None = None
    server_wait_s: float | None = None
    input_bits: int | None = None
    encoding: SentEncoded | None = None
    input_forms: tuple[InputForm, ...] = ()
    allow_lossy_input: bool = False
    rate_bit_per_s: float | None = None
    period_s: float | None = None
    back_to_back: bool = False
    runtime: str | None = None
    threads: int | None = None

    @property
    def input_form(self) -> InputForm | None:
        """The form in which full offload sends the input, the first of them; None if none is."""
        return self.input_forms[0] if self.input_forms and self.input_bits is None else None

    def sent_as(self, block: int) -> str | None:
        """Return the name of the encoding of what goes up after a block; None if as it is."""
        if block == 0 and (self.input_form is not None or self.input_bits is not None):
            return self.input_form.encoding if self.input_form else None
        return None if self.encoding is None else self.encoding.sent_as(block)

    def changes_numbers(self, block: int) -> bool:
        """Return whether what arrives of what goes up after a block may be other numbers."""
        if block == 0 and self.input_bits is not None:
            return False
        if block == 0 and self.input_form is not None:
            return not self.input_form.is_lossless
        sent = self.sent_as(block)
        return sent is not None and not SENDABLE[sent].is_lossless

    def agreement(self, block: int) -> Agreement | None:
        """Return how often the answer stays if a split is sent so; None if nothing tells it."""
        if not self.changes_numbers(block):
            return None
        if block == 0 and self.input_form is not None:
            return self.input_form.agreement
        return None if self.encoding is None else self.encoding.agreements.get(block)

    def agrees_at_least(self, block: int) -> float:
        """Return how often at least the answer stays if a split is sent so; 0 if nothing tells.

        That is the lower end of the 95 % interval of what was run; 1 where no number changes.
        """
        if not self.changes_numbers(block):
            return 1.0
        found = self.agreement(block)
        return 0.0 if found is None else found.same_ci95[0]

    def keeping_answers(self, least: float | None, as_is_bits: Sequence[int]) -> Usage:
        """Return a usage whose encoding is used only where the answer is known to stay so often.

        Elsewhere, a form of the input apart, it goes up as it is.

        Args:
            least: Least probability that the answer stays; None for no limit.
            as_is_bits: Of all that goes up, as it is, at l = 0 … L − 1, bit.
        """
        encoding = self.encoding
        if encoding is None or least is None:
            return self
        own = 1 if self.input_form is not None or self.input_bits is not None else 0
        places = range(own, len(as_is_bits))
        short = [block for block in places if self.agrees_at_least(block) < least]
        return replace(self, encoding=encoding.without(short, as_is_bits)) if short else self

    def encoding_asked(self, block: int) -> str | None:
        """Return the name of the encoding that a tensor of floats after a block would be sent in.

        None if what crosses there goes up as it is.
        """
        sent = self.sent_as(block)
        if sent is None or (block == 0 and self.input_form is not None):
            return sent
        if self.encoding is None or block in self.encoding.left_out:
            return None
        return self.encoding.name

    @property
    def counts_idle(self) -> bool:
        """Whether the idle power from one inference to the next counts."""
        return self.back_to_back or self.period_s is not None

    def require_sensible(self) -> None:
        """Check the figures.

        Raises:
            InvalidInputError: One of them makes no sense.
        """
        counts = {
            "uploads_per_burst": self.uploads_per_burst,
            "uploads_per_connection": self.uploads_per_connection,
        }
        for name, count in counts.items():
            if count is not None and not (math.isfinite(count) and count >= 1.0):
                raise InvalidInputError(f"{name} is {count}; give one or more")
        wait_s = self.server_wait_s
        if wait_s is not None and not (math.isfinite(wait_s) and wait_s >= 0.0):
            raise InvalidInputError(f"server_wait_s is {wait_s}; give zero or more seconds")
        rate = self.rate_bit_per_s
        if rate is not None and not (math.isfinite(rate) and rate > 0.0):
            raise InvalidInputError(f"rate_bit_per_s is {rate}; give a positive rate")
        self._require_forms()
        if self.period_s is not None:
            self._require_period(self.period_s)
        if self.input_bits is not None and self.input_bits <= 0:
            raise InvalidInputError(
                f"the input has {self.input_bits} bit; state the positive size you would upload"
            )

    def _require_forms(self) -> None:
        for form in self.input_forms:
            form.require_sensible()
        forms = self.input_forms
        if forms and not self.allow_lossy_input and not any(form.is_lossless for form in forms):
            raise InvalidInputError(
                f"the input as {forms[0].name} may change the result: allow that, or give a form "
                "that does not"
            )

    def _require_period(self, period_s: float) -> None:
        if self.back_to_back:
            raise InvalidInputError(
                "inferences follow each other back to back or in a stated period: give one of both"
            )
        if not (math.isfinite(period_s) and period_s > 0.0):
            raise InvalidInputError(f"a period of {period_s} s cannot be; give a positive time")

    @property
    def connections_per_upload(self) -> float:
        """New connections per upload."""
        return 0.0 if self.uploads_per_connection is None else 1.0 / self.uploads_per_connection
