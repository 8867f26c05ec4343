"""A plan's uploads and downloads: which sizes, at which rates. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from joulesplit.calibrate.campaign._plan import UNLIMITED, Plan, Rate
from joulesplit.calibrate.errors import PlanError
from joulesplit.partition import Block

LONGEST_UPLOAD = 2.0
"""A single upload that would last so many times the plan's target, or longer than its longest
window, is left out at that rate."""

MOST_GRID = 1000
"""Sizes of a grid at most: each is sent at every rate."""

GRID_REACH = 2.0
"""The grid reaches so many times beyond the cuts' sizes on both sides: far enough to tell whether
a bit costs the same there, near enough to be sent by the same rules."""


CARRIED_PRESET_SHARE = 0.9
"""A preset's rate stays up to so much of what the link takes unpaced. Nearer to it an upload that
falls behind its schedule once does not catch up."""

FASTEST_SHARE = 0.8
"""The fastest rate of those that come in place of others."""

SLOWER = 0.5
"""Each further one over the one before."""

LEAST_RATIO = 1.25
"""Rates closer than this are as good as one."""


def for_link(plan: Plan, link_bit_per_s: float) -> Plan:
    """Return a plan for a link, whose paces it carries if they may give way.

    Those that it does carry stay; in place of the others come fractions of what it takes, so that
    there are as many as before, and the fastest is the last.

    Args:
        plan: As asked for.
        link_bit_per_s: What uploads come to that are not paced, bit/s.
    """
    paced = plan.paced_rates_bit_per_s
    kept = [rate for rate in paced if rate <= CARRIED_PRESET_SHARE * link_bit_per_s]
    missing = len(paced) - len(kept)
    if not (missing and plan.fit_rates):
        return msgspec.structs.replace(plan, fit_rates=False)
    shares = (FASTEST_SHARE * SLOWER**step for step in range(2 * len(paced)))
    fractions = (float(f"{share * link_bit_per_s:.2g}") for share in shares)
    new = [rate for rate in fractions if all(_is_apart(rate, other) for other in kept)][:missing]
    unpaced = [rate for rate in plan.rates_bit_per_s if rate == UNLIMITED]
    return msgspec.structs.replace(
        plan, rates_bit_per_s=(*sorted([*kept, *new]), *unpaced), fit_rates=False
    )


def _is_apart(one: float, other: float) -> bool:
    """Say whether two rates are so different that both tell something."""
    return max(one, other) > LEAST_RATIO * min(one, other)


def as_fitted(plan: Plan, before: Plan) -> Plan:
    """Return a plan with the rates that it began with, if they may give way.

    Args:
        plan: To go on with.
        before: Of the campaign's beginning, fitted to its link.
    """
    if not plan.fit_rates:
        return plan
    return msgspec.structs.replace(
        plan, rates_bit_per_s=before.rates_bit_per_s, fit_rates=before.fit_rates
    )


STREAM = 4
"""Uploads that show what a stream is like: the first two open TCP's window, the others follow."""

OPENS_WITHIN_S = 2.0
"""An upload that takes longer has opened TCP's window itself, but for a small part of its time."""


class UploadSubject(msgspec.Struct, frozen=True, kw_only=True):
    """One payload size at one rate."""

    key: str
    payload_bits: int
    rate_bit_per_s: Rate

    @property
    def airtime_s(self) -> float | None:
        """Airtime of one upload, s; None if only a pilot can tell."""
        if self.rate_bit_per_s == UNLIMITED:
            return None
        return self.payload_bits / float(self.rate_bit_per_s)


def window_lengths_s(plan: Plan, transfer: UploadSubject, once_s: float) -> tuple[float, ...]:
    """Return the lengths of a transfer's windows, s; none for one that holds a single upload.

    What a window of the shortest length holds once anyway is not sent alone besides.

    Args:
        plan: Of the campaign.
        transfer: What is sent.
        once_s: How long it takes, s.
    """
    lengths_s = plan.upload_lengths_s
    is_alone = plan.lone_uploads and transfer.rate_bit_per_s == UNLIMITED
    return (*lengths_s, 0.0) if is_alone and once_s < min(lengths_s) else lengths_s


def stream_length(plan: Plan, transfer: UploadSubject, once_s: float) -> int:
    """Return how many uploads the longest windows of a transfer hold at least.

    TCP's window opens over the first two or three of long pipes; a slow link's is open at once.

    Args:
        plan: Of the campaign.
        transfer: What is sent.
        once_s: How long it takes, s.
    """
    is_unpaced = plan.lone_uploads and transfer.rate_bit_per_s == UNLIMITED
    return STREAM if is_unpaced and once_s < OPENS_WITHIN_S else 1


def crossing_bits(input_bits: int, blocks: Sequence[Block]) -> tuple[int, ...]:
    """Return the sizes of what crosses at l = 0 … L, the answer with them, bit."""
    return (input_bits, *(block.output_bits for block in blocks))


def upload_subjects(
    plan: Plan, sizes_bits: Sequence[int], most_bits: int | None = None
) -> tuple[UploadSubject, ...]:
    """Return the uploads to measure: the plan's sizes at every rate.

    A size that would take far longer at a rate than the plan wants is left out there, and sizes
    of the grid that the server does not take are left out.

    Args:
        plan: The plan.
        sizes_bits: Sizes of what crosses at the cuts, bit.
        most_bits: What the server takes in one upload, bit; None if it is not known yet.

    Raises:
        PlanError: There is nothing to upload, or the plan names more than can be sent.
    """
    _require_sendable(plan, most_bits)
    distinct = sorted({bits for bits in sizes_bits if bits > 0})
    if not distinct:
        raise PlanError("no block has an output to upload")
    chosen = plan.upload_sizes_bits or _spread(distinct, plan.upload_sizes)
    grid = [b for b in _grid_bits(chosen, plan.upload_grid) if most_bits is None or b <= most_bits]
    sizes = sorted({*chosen, *grid})
    longest_s = max(LONGEST_UPLOAD, plan.upload_spread) * plan.upload_s
    subjects = (_upload(bits, rate) for bits in sizes for rate in plan.rates_bit_per_s)
    return tuple(
        subject
        for subject in subjects
        if (subject.airtime_s or 0.0) <= longest_s or subject.payload_bits == sizes[0]
    )


def _require_sendable(plan: Plan, most_bits: int | None) -> None:
    if plan.upload_grid > MOST_GRID:
        raise PlanError(
            f"plan '{plan.name}': upload_grid is {plan.upload_grid}, and {MOST_GRID} sizes are the "
            "most"
        )
    largest = max(plan.upload_sizes_bits, default=0)
    if most_bits is not None and largest > most_bits:
        raise PlanError(
            f"plan '{plan.name}': upload_sizes_bits has {largest} bit and the server takes "
            f"{most_bits} bit at most: name smaller sizes, or start it with a larger "
            "`serve --max-body-bytes`"
        )


def _spread(distinct: Sequence[int], most: int) -> list[int]:
    count = min(most, len(distinct))
    step = (len(distinct) - 1) / max(count - 1, 1)
    return [distinct[round(i * step)] for i in range(count)]


def _grid_bits(sizes_bits: Sequence[int], count: int) -> list[int]:
    """Return sizes around others, one the same number of times the one before, whole bytes."""
    smallest, largest = min(sizes_bits) / GRID_REACH, max(sizes_bits) * GRID_REACH
    if count < 2:
        return [_whole_bytes((smallest * largest) ** 0.5)] * count
    step = (largest / smallest) ** (1 / (count - 1))
    return [_whole_bytes(smallest * step**i) for i in range(count)]


def _whole_bytes(bits: float) -> int:
    return 8 * max(1, round(bits / 8))


def _upload(bits: int, rate: Rate) -> UploadSubject:
    speed = rate if rate == UNLIMITED else f"{rate:g} bit/s"
    return UploadSubject(
        key=f"upload {bits} bit at {speed}", payload_bits=bits, rate_bit_per_s=rate
    )


def download_subjects(plan: Plan, uploads: Sequence[UploadSubject]) -> tuple[UploadSubject, ...]:
    """Return the downloads to measure: the uploads' sizes, as fast as they come and at two rates.

    At the plan's slowest and its stated rate airtime and bits part, so that what each costs can
    be told; a size that is not sent at a rate is not received at it either.
    """
    paced = {min(plan.paced_rates_bit_per_s), plan.stated_rate_bit_per_s}
    sizes = sorted({upload.payload_bits for upload in uploads})
    unpaced = (
        UploadSubject(key=f"download {bits} bit", payload_bits=bits, rate_bit_per_s=UNLIMITED)
        for bits in sizes
    )
    return (
        *unpaced,
        *(
            msgspec.structs.replace(upload, key=upload.key.replace("upload", "download"))
            for upload in uploads
            if upload.rate_bit_per_s in paced
        ),
    )
