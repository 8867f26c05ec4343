"""A decision made once, and asked in microseconds as link, deadline and server change.

Every split's energy and time are straight lines in the inverse of the link's rate,
E_l(r) = a_l + b_l / r and t_l(r) = c_l + d_l / r, because what sending costs beyond its fixed part
is the time that the bits are on the way. So the cheapest split at any rate lies on the lower
envelope of these lines, and one bisection finds it. Full offload has a line for each form
that its input may be sent in: one that is dear to make is cheap to send, so the form changes with
the rate as the split does.

Hysteresis: the split in use stays until it costs more than 1 + h times the cheapest, so it costs at
most h more than that. And it does not flap. All lines rise with 1/r and none is below zero: rates
within a factor ρ of each other change no energy by more than ρ. A round of n changes that comes
back to a split that was left would need ρⁿ > (1 + h)ⁿ, so while the estimates of the rate stay
within a factor 1 + h of each other no split that was left is taken again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from math import hypot, inf, isfinite

from joulesplit.calibrate.profile import Account, DeviceProfile
from joulesplit.optimizer._constraints import ROUNDED_OFF, Constraints
from joulesplit.optimizer._cost import ComputeModel
from joulesplit.optimizer._decision import decide
from joulesplit.optimizer._encoding import MadeBy
from joulesplit.optimizer._result import Candidate, Decision
from joulesplit.optimizer._search import PERIOD
from joulesplit.optimizer._usage import InputForm, Usage
from joulesplit.optimizer.errors import (
    InvalidInputError,
    NoFeasibleSplitError,
    ProfileUnusableError,
)
from joulesplit.partition import Block, Network

HYSTERESIS = 0.03
"""h: what a split in use may cost above the cheapest, relative. Estimates of a rate from one
upload of a few hundred kilobytes scatter by some per cent."""

APART = 4.0
"""The lines are drawn through two rates so far apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitLine:
    """One split's cost as the link's rate changes.

    Attributes:
        block: l.
        name: Of block l; ``input`` for l = 0.
        last_operator: The last one on the device; −1 for l = 0.
        upload_bits: What goes up, bit; 0 for l = L.
        compute_j: Of computing blocks 1 … l, J; part of ``fixed_j``.
        opening_j: What an upload takes however little of it leaves, J; part of ``fixed_j``.
        bits_j: What of ``fixed_j`` grows with the bits that go up, J: 0 where the link has no
            price of a bit beside the time that it is on the way.
        fixed_j: a_l, J.
        j_bit_per_s: b_l: energy times rate, J·bit/s.
        fixed_s: c_l, s; None if the profile does not know the blocks' times.
        bits_on_the_way: d_l, bit; None likewise.
        u_relative: Relative standard uncertainty of the energy; None if the profile states none.
        allowed: It keeps the limits that do not depend on the link.
        encoding: Name of the encoding of what goes up; None if it goes up as it is.
        own_s: What of ``fixed_s`` is the device's computing and encoding, s; None if not known.
        encode_j: Of making what goes up, J, with the idle power of that time where it counts; part
            of ``fixed_j``.
        encode_s: The time of that, s; part of ``own_s``.
        made_by: What the price of that rests on, see ``Candidate``; None if nothing is made.
        limit_fixed_s, limit_bits: Like ``fixed_s`` and ``bits_on_the_way``, of the time that a
            deadline is held against: a slow inference's, as far up as it may be. None where that
            is the average.
    """

    block: int
    name: str
    last_operator: int
    upload_bits: int
    compute_j: float
    fixed_j: float
    j_bit_per_s: float
    fixed_s: float | None
    bits_on_the_way: float | None
    u_relative: float | None
    allowed: bool
    opening_j: float = 0.0
    bits_j: float = 0.0
    encoding: str | None = None
    own_s: float | None = None
    encode_j: float = 0.0
    encode_s: float = 0.0
    made_by: MadeBy | None = None
    limit_fixed_s: float | None = None
    limit_bits: float | None = None

    def energy_j(self, rate_bit_per_s: float) -> float:
        """Return the device's energy of an inference at a rate, J."""
        return self.fixed_j + self.j_bit_per_s / rate_bit_per_s

    def sending(self, bits: float) -> SplitLine:
        """Return the line of the same split where so many bits go up, not those decided by.

        All that grows with the rate's inverse counts as on the way.
        """
        if not self.upload_bits or bits <= 0 or bits == self.upload_bits:
            return self
        share = bits / self.upload_bits
        return replace(
            self,
            upload_bits=round(bits),
            bits_j=share * self.bits_j,
            fixed_j=self.fixed_j + (share - 1.0) * self.bits_j,
            j_bit_per_s=share * self.j_bit_per_s,
            bits_on_the_way=_times(share, self.bits_on_the_way),
            limit_bits=_times(share, self.limit_bits),
        )

    def broken_upload_j(self, rate_bit_per_s: float, sent_bits: float) -> float:
        """Return the device's energy of an upload of which only so many bits left, J.

        Of one that never left nothing is paid but making its bytes.
        """
        if not self.upload_bits:
            return 0.0
        if sent_bits <= 0:
            return self.encode_j
        share = min(1.0, sent_bits / self.upload_bits)
        whole_j = self.energy_j(rate_bit_per_s) - self.compute_j - self.encode_j
        return self.encode_j + self.opening_j + share * (whole_j - self.opening_j)

    def as_it_is(self, bits: int) -> SplitLine:
        """Return the line of the same split where what crosses goes up as it is, so many bits."""
        sent = self.sending(bits)
        return replace(
            sent,
            encoding=None,
            fixed_j=sent.fixed_j - self.encode_j,
            fixed_s=_less(self.fixed_s, self.encode_s),
            own_s=_less(self.own_s, self.encode_s),
            limit_fixed_s=_less(self.limit_fixed_s, self.encode_s),
            encode_j=0.0,
            encode_s=0.0,
            made_by=None,
        )

    def latency_s(self, rate_bit_per_s: float, round_trip_s: float = 0.0) -> float | None:
        """Return the time of an inference at a rate, on average, s; None if it is not known."""
        if self.fixed_s is None or self.bits_on_the_way is None:
            return None
        trip_s = round_trip_s if self.upload_bits else 0.0
        return self.fixed_s + self.bits_on_the_way / rate_bit_per_s + trip_s

    def limit_s(self, rate_bit_per_s: float, round_trip_s: float = 0.0) -> float | None:
        """Return the time that a deadline is held against, s; None if it is not known."""
        fixed_s, bits = self.deadline_line
        if fixed_s is None or bits is None:
            return None
        return fixed_s + bits / rate_bit_per_s + (round_trip_s if self.upload_bits else 0.0)

    @property
    def deadline_line(self) -> tuple[float | None, float | None]:
        """The line behind ``limit_s``: s, and bit on the way."""
        if self.limit_fixed_s is None or self.limit_bits is None:
            return self.fixed_s, self.bits_on_the_way
        return self.limit_fixed_s, self.limit_bits


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPolicy:
    """Which split to take, for any rate, round trip, deadline, server up or not.

    Attributes:
        network_sha256: Of the network's file.
        account: ``net`` or ``gross``.
        lines: All L + 1 splits, at position l; beyond them full offload in the other forms that
            the input may be sent in, wherever one may be the cheapest or the only one in time.
        hysteresis: h, see the module.
        rates_bit_per_s: The slowest and the fastest rate that were measured: outside of them an
            answer extrapolates.
        max_upload_bits: Most that may go up; None for no limit.
        period_s: From one inference to the next, s: a split that takes longer on average, at the
            rate that the link has, is not taken; None for no limit.
    """

    network_sha256: str
    account: Account
    lines: tuple[SplitLine, ...]
    hysteresis: float = HYSTERESIS
    rates_bit_per_s: tuple[float, float] = (0.0, inf)
    max_upload_bits: int | None = None
    period_s: float | None = None
    _envelope: tuple[tuple[float, ...], tuple[int, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the lower envelope of the allowed splits, once."""
        object.__setattr__(self, "_envelope", _lower_envelope(self.lines))

    @staticmethod
    def build(
        network: Network,
        blocks: Sequence[Block],
        profile: DeviceProfile,
        *,
        account: Account | None = None,
        compute_model: ComputeModel | None = None,
        usage: Usage | None = None,
        constraints: Constraints | None = None,
        hysteresis: float = HYSTERESIS,
    ) -> SplitPolicy:
        """Return the policy of a network on a measured device.

        A limit on time in ``constraints`` is left to ``choose``, which knows the link; their
        percentile says which time a deadline is held against.

        Args:
            network: The network.
            blocks: Its blocks, whole and in order.
            profile: What the device's computing and sending cost.
            account: See ``decide``.
            compute_model: See ``decide``.
            usage: See ``decide``; its rate does not count.
            constraints: Limits to keep.
            hysteresis: h, 0 or more.

        Raises:
            InvalidInputError: The hysteresis makes no sense, or see ``decide``.
            ProfileUnusableError: The profile has no fit of its link, so that nothing tells what
                a bit costs at another rate, or see ``decide``.
            OptimizerError: See ``decide``.
        """
        _require_sensible(hysteresis)
        slow, fast = _measured_rates(profile)
        rates = (fast / APART, fast)
        price = partial(
            decide,
            network,
            blocks,
            profile,
            account=account,
            compute_model=compute_model,
            # What depends on the rate is judged by ``choose``.
            constraints=replace(constraints or Constraints(), max_latency_s=None, in_period=False),
        )
        at_fast = price(usage=replace(usage or Usage(), rate_bit_per_s=rates[1]))
        first, *others = _forms_taken(at_fast.usage)
        last_operators = [block.last_operator for block in blocks]
        draw = partial(_lines_in, price, at_fast.usage, rates, last_operators)
        lines = draw(first)
        lines = (*lines, *_worth_having(lines[0], _offloads(draw, others)))
        return SplitPolicy(
            network_sha256=network.sha256,
            account=at_fast.account,
            lines=lines,
            hysteresis=hysteresis,
            rates_bit_per_s=(slow, fast),
            max_upload_bits=constraints.max_upload_bits if constraints else None,
            period_s=at_fast.usage.period_s,
        )

    @property
    def whole(self) -> SplitLine:
        """Everything on the device: l = L."""
        return next(line for line in reversed(self.lines) if line.block)

    def without_encoding(self, position: int, bits: int) -> SplitPolicy:
        """Return the policy where one line sends what crosses as it is; see the next."""
        return self.without_encodings({position: bits})

    def without_encodings(self, bits: Mapping[int, int]) -> SplitPolicy:
        """Return the policy where some lines send what crosses as it is; every position stays.

        Args:
            bits: What then goes up, bit, by the line's position in ``lines``.

        Raises:
            NoFeasibleSplitError: That breaks the limits, and no other split keeps them.
        """
        lines = list(self.lines)
        for position, sent in bits.items():
            plain = lines[position].as_it_is(sent)
            if self.max_upload_bits is not None and sent > self.max_upload_bits:
                plain = replace(plain, allowed=False)
            lines[position] = plain
        return replace(self, lines=tuple(lines))

    def choose(
        self,
        rate_bit_per_s: float,
        *,
        current: int | None = None,
        round_trip_s: float = 0.0,
        deadline_s: float = inf,
        server_up: bool = True,
    ) -> int:
        """Return the position in ``lines`` of the split to take now.

        That is l, or beyond L full offload in another form than that of ``lines[0]``; the line
        says which form, and its l.

        Args:
            rate_bit_per_s: Payload bits per second that the link takes now.
            current: Position of the line in use; None if none is.
            round_trip_s: Of the link and the server together, s, beyond what the profile knows.
            deadline_s: Longest time of an inference, s; splits whose time is not known miss it.
            server_up: It can be used.

        Raises:
            NoFeasibleSplitError: No allowed split keeps the deadline and the period, or can do
                without the server.
        """
        if not server_up or not rate_bit_per_s > 0.0:
            return self._local(deadline_s)
        inverse = 1.0 / rate_bit_per_s
        starts, winners = self._envelope
        position = winners[bisect_right(starts, inverse) - 1]
        hurried = deadline_s != inf or self.period_s is not None
        if hurried:
            position = self._in_time(position, rate_bit_per_s, round_trip_s, deadline_s)
        if current is None or current == position:
            return position
        best, used = self.lines[position], self.lines[current]
        bound_j = (1.0 + self.hysteresis) * (best.fixed_j + best.j_bit_per_s * inverse)
        if used.fixed_j + used.j_bit_per_s * inverse > bound_j or not used.allowed:
            return position
        if hurried and not self._keeps(used, rate_bit_per_s, round_trip_s, deadline_s):
            return position
        return current

    def _keeps(
        self, line: SplitLine, rate_bit_per_s: float, round_trip_s: float, deadline_s: float
    ) -> bool:
        """Say whether a split keeps the deadline, slow as it may be, and the period on average."""
        if deadline_s != inf:
            limit_s = line.limit_s(rate_bit_per_s, round_trip_s)
            if limit_s is None or limit_s > deadline_s:
                return False
        if self.period_s is None:
            return True
        mean_s = line.latency_s(rate_bit_per_s, round_trip_s)
        return mean_s is None or mean_s <= self.period_s

    def _in_time(
        self, best: int, rate_bit_per_s: float, round_trip_s: float, deadline_s: float
    ) -> int:
        """Return the position of the cheapest allowed split that keeps deadline and period."""
        if self._keeps(self.lines[best], rate_bit_per_s, round_trip_s, deadline_s):
            return best
        in_time = [
            position
            for position, line in enumerate(self.lines)
            if line.allowed and self._keeps(line, rate_bit_per_s, round_trip_s, deadline_s)
        ]
        if not in_time:
            longest_s = min(deadline_s, self.period_s or inf)
            raise NoFeasibleSplitError(
                f"no allowed split takes {longest_s:.3g} s or less at {rate_bit_per_s:.3g} bit/s: "
                "allow more time, or more splits",
                binding=("deadline_s" if deadline_s == longest_s else PERIOD,),
            )
        return min(in_time, key=lambda position: self.lines[position].energy_j(rate_bit_per_s))

    def _local(self, deadline_s: float) -> int:
        """Return L, the one split that needs no server."""
        whole = self.whole
        if not whole.allowed:
            raise NoFeasibleSplitError(
                "there is no server, and the limits do not allow everything on the device",
                binding=("server_up",),
            )
        if not self._keeps(whole, inf, 0.0, deadline_s):
            longest_s = min(deadline_s, self.period_s or inf)
            raise NoFeasibleSplitError(
                f"there is no server, and all on the device takes more than {longest_s:.3g} s",
                binding=("deadline_s" if deadline_s == longest_s else PERIOD, "server_up"),
            )
        return whole.block


def _less(whole_s: float | None, part_s: float) -> float | None:
    return None if whole_s is None else whole_s - part_s


def _times(share: float, bits: float | None) -> float | None:
    return None if bits is None else share * bits


def _require_sensible(hysteresis: float) -> None:
    if not (isfinite(hysteresis) and hysteresis >= 0.0):
        raise InvalidInputError(f"a hysteresis of {hysteresis} makes no sense; give 0 or more")


def _measured_rates(profile: DeviceProfile) -> tuple[float, float]:
    fit = profile.link.uplink.fit if profile.link is not None else None
    fit = fit or (profile.link.uplink.fit_gross if profile.link is not None else None)
    if fit is None:
        raise ProfileUnusableError(
            "the profile has no fit of its link, so nothing tells what a bit costs at another "
            "rate: calibrate with at least two rates"
        )
    return min(fit.rates_bit_per_s), max(fit.rates_bit_per_s)


def _forms_taken(usage: Usage) -> tuple[InputForm | None, ...]:
    """Return the forms that full offload may take, the present one first; None alone if no choice.

    What may change the result is among them only where the usage allows that.
    """
    if usage.input_form is None:
        return (None,)
    return tuple(form for form in usage.input_forms if form.is_lossless or usage.allow_lossy_input)


def _offloads(
    draw: Callable[[InputForm | None], tuple[SplitLine, ...]], forms: Sequence[InputForm | None]
) -> list[SplitLine]:
    """Return full offload's lines in some forms, without those that leave no split to take."""
    found = []
    for form in forms:
        # Where this form breaks a limit and so does every other split there is nothing to draw.
        with suppress(NoFeasibleSplitError):
            found.append(draw(form)[0])
    return found


def _lines_in(
    price: Callable[..., Decision],
    usage: Usage,
    rates: tuple[float, float],
    last_operators: Sequence[int],
    form: InputForm | None,
) -> tuple[SplitLine, ...]:
    """Return all splits' lines, with the input in one form."""
    if form is not None:
        usage = replace(usage, input_forms=(form,))
    at_slow, at_fast = (price(usage=replace(usage, rate_bit_per_s=rate)) for rate in rates)
    return tuple(
        _line(one, other, rates=rates, last_operator=last, idle_w=_idle_beside_w(at_fast))
        for one, other, last in zip(
            at_slow.candidates, at_fast.candidates, (-1, *last_operators), strict=True
        )
    )


def _worth_having(first: SplitLine, others: Sequence[SplitLine]) -> tuple[SplitLine, ...]:
    """Return the allowed ones of further forms that are not beaten in everything by one form."""
    rivals = [line for line in (first, *others) if line.allowed]
    return tuple(
        line
        for line in others
        if line.allowed and not any(_beats(rival, line, rivals) for rival in rivals)
    )


def _beats(rival: SplitLine, line: SplitLine, rivals: Sequence[SplitLine]) -> bool:
    """Say whether a line is at no rate cheaper or sooner; of equal ones the first beats."""
    theirs, own = _measures(rival), _measures(line)
    if theirs == own:
        return rivals.index(rival) < rivals.index(line)
    return all(a <= b for a, b in zip(theirs, own, strict=True))


def _measures(line: SplitLine) -> tuple[float, ...]:
    """Return what makes a line dear or slow; a time that is not known is the slowest."""
    times = (inf if number is None else number for number in line.deadline_line)
    return (line.fixed_j, line.j_bit_per_s, *times)


def _idle_beside_w(decision: Decision) -> float:
    """Return the idle power that a longer inference costs beside what its parts cost, W."""
    counts = decision.usage.back_to_back and decision.account == "net"
    return decision.idle_power_w or 0.0 if counts else 0.0


def _line(
    at_slow: Candidate,
    at_fast: Candidate,
    *,
    rates: tuple[float, float],
    last_operator: int,
    idle_w: float,
) -> SplitLine:
    """Draw a split's lines through what it costs at two rates, exact for both."""
    fixed_j, slope_j = _through(at_slow.energy_j, at_fast.energy_j, rates)
    fixed_s, slope_s = _time_line(at_slow.latency_s, at_fast.latency_s, rates)
    limit_s, limit_bits = _time_line(at_slow.latency_limit_s, at_fast.latency_limit_s, rates)
    return SplitLine(
        block=at_fast.block,
        name=at_fast.name,
        last_operator=last_operator,
        upload_bits=at_fast.upload_bits,
        encoding=at_fast.sent_as,
        compute_j=at_fast.compute_j,
        opening_j=at_fast.upload_fixed_j,
        bits_j=_no_rounding_below_zero(
            _through(at_slow.upload_j, at_fast.upload_j, rates)[0], at_fast.upload_j
        ),
        fixed_j=_no_rounding_below_zero(fixed_j, at_fast.energy_j),
        j_bit_per_s=slope_j,
        fixed_s=fixed_s,
        bits_on_the_way=slope_s,
        u_relative=_u_relative(at_fast),
        allowed=not at_fast.violates,
        own_s=at_fast.compute_s,
        encode_j=at_fast.encode_j + idle_w * at_fast.encode_s,
        encode_s=at_fast.encode_s,
        made_by=at_fast.made_by,
        limit_fixed_s=limit_s,
        limit_bits=limit_bits,
    )


def _u_relative(candidate: Candidate) -> float | None:
    """Return a candidate's relative standard uncertainty; None if it states none."""
    if candidate.u_stat_j is None or candidate.u_sys_j is None or not candidate.energy_j > 0:
        return None
    return hypot(candidate.u_stat_j, candidate.u_sys_j) / candidate.energy_j


def _through(at_slow: float, at_fast: float, rates: tuple[float, float]) -> tuple[float, float]:
    """Return fixed part and slope of the line in 1/r through what there is at two rates."""
    slope = max(0.0, (at_slow - at_fast) / (1.0 / rates[0] - 1.0 / rates[1]))
    return at_fast - slope / rates[1], slope


def _no_rounding_below_zero(difference: float, of: float) -> float:
    """Return a difference of figures; nothing where it is below zero by their rounding alone."""
    return 0.0 if -ROUNDED_OFF * of < difference < 0.0 else difference


def _time_line(
    slow_s: float | None, fast_s: float | None, rates: tuple[float, float]
) -> tuple[float | None, float | None]:
    """Return the line through two times, s and bit; None where they are not known."""
    if slow_s is None or fast_s is None:
        return None, None
    return _through(slow_s, fast_s, rates)


def _lower_envelope(lines: Sequence[SplitLine]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return where in 1/r each cheapest split begins, s/bit, and its position, from 1/r = 0.

    Of splits that cost the same everywhere the last one, which sends less, is kept.

    Raises:
        NoFeasibleSplitError: No split is allowed.
    """
    allowed = [(position, line) for position, line in enumerate(lines) if line.allowed]
    if not allowed:
        raise NoFeasibleSplitError("no split keeps the limits", binding=())
    position, here = min(allowed, key=lambda c: (c[1].fixed_j, c[1].j_bit_per_s, -c[1].block))
    starts, winners = [0.0], [position]
    while True:
        crossings = [
            (
                (line.fixed_j - here.fixed_j) / (here.j_bit_per_s - line.j_bit_per_s),
                line.j_bit_per_s,
                position,
            )
            for position, line in allowed
            if line.j_bit_per_s < here.j_bit_per_s
        ]
        if not crossings:
            return tuple(starts), tuple(winners)
        start, _, position = min(crossings)
        here = lines[position]
        starts.append(start)
        winners.append(position)
