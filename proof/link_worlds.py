"""Worlds whose uploads go frame by frame over a finite link, and what they truly cost there.

The link is ``joulesplit.drivers.simulated.WirelessLink``: contention, bundles, a queue, TCP's
window, losses. Its truth is no parameter of it: it is what a board that does nothing else spends
on a very long stream of uploads, integrated from the load itself, without sensor or window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import msgspec
import numpy as np

from joulesplit._simulation import SimulatedWorld, WorldSetup
from joulesplit.calibrate.campaign import (
    QUICK,
    UNLIMITED,
    CampaignResult,
    Completion,
    Plan,
    UploadSubject,
    crossing_bits,
    for_link,
    profile_from_windows,
    run_campaign,
    upload_subjects,
)
from joulesplit.calibrate.instrument import pace_of
from joulesplit.calibrate.profile import DeviceProfile
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.calibrate.workloads import LinkCount, UploadWorkload
from joulesplit.drivers.simulated import LinkParameters, WirelessLink
from joulesplit.edge import TransferFacts, TransferMethod, probe_link
from joulesplit.metrology import Array
from proof.stage import Stage, proof_network, stage_of
from proof.virtual import virtual_circumstances
from proof.worlds import perfect_sensor_world

UPLOAD_PLAN = msgspec.structs.replace(
    QUICK, rates_bit_per_s=(5e6, 10e6, UNLIMITED), heads=(), whole=False
)
"""The quick plan with uploads as an inference sends them."""

PROBE_BITS = 2_000_000

STREAM = 100
"""Uploads of a size that the truth is the mean of, beside those that begin a stream."""

BEGIN = 5


@dataclass(slots=True, kw_only=True)
class LinkStage:
    """A stage whose uploads go over a finite link.

    Attributes:
        stage: The board and its sensor.
        link: Carries the uploads.
        transfers: What each of them did.
    """

    stage: Stage
    link: WirelessLink
    transfers: list[TransferFacts] = field(default_factory=list)

    def count(self) -> LinkCount:
        """Return what every upload so far did."""
        return LinkCount(transfers=tuple(self.transfers))

    def send(self, payload: bytes, rate_bit_per_s: float | None) -> float:
        """Let the link carry a payload; return the transfer time, s."""
        clock, bits = self.stage.clock, 8 * len(payload)
        done = self.link.carry(clock.now_ns(), bits, rate_bit_per_s)
        clock.sleep_until_ns(done.ended_ns)
        facts = TransferFacts(
            payload_bits=bits,
            transfer_s=done.transfer_s,
            resolution_s=0.0,
            method=TransferMethod.SIMULATED,
            min_rtt_s=done.min_rtt_s,
            rtt_s=done.rtt_s,
            segments=done.segments,
            retransmitted_segments=done.retransmitted_segments,
            stalled_s=done.stalled_s,
            receiver_limited_s=done.receiver_limited_s,
        )
        self.transfers.append(facts)
        return facts.transfer_s

    def carry(self, payload: bytes, rate_bit_per_s: float | None) -> TransferFacts:
        """Let the link carry a payload; return what that took, as a probe asks it."""
        self.send(payload, rate_bit_per_s)
        return self.transfers[-1]

    def uploads(self, subjects: Sequence[UploadSubject]) -> dict[str, UploadWorkload]:
        """Return the uploads as workloads that keep what each did."""
        return {
            subject.key: UploadWorkload(
                name=subject.key,
                payload=bytes(subject.payload_bits // 8),
                rate_bit_per_s=pace_of(subject),
                send=self.send,
                clock=self.stage.clock,
                activity=self.stage.board,
                meter=self.count,
            )
            for subject in subjects
        }


def link_stage(seed: int, link: LinkParameters) -> LinkStage:
    """Return the stage of a perfect sensor's world with a link in place of its radio."""
    setup = link_setup(seed)
    stage = stage_of(setup)
    carrier = WirelessLink(
        link, cast(SimulatedWorld, stage.device).announce, seed=seed, origin_ns=setup.origin_ns
    )
    return LinkStage(stage=stage, link=carrier)


def link_setup(seed: int) -> WorldSetup:
    """Return a perfect sensor's world without a radio of its own."""
    return replace(perfect_sensor_world(seed), radio=None)


def run_link_campaign(
    seed: int, link: LinkParameters, plan: Plan = UPLOAD_PLAN
) -> tuple[LinkStage, CampaignResult]:
    """Run a campaign over a link, its windows in an order of the world's own."""
    made = link_stage(seed, link)
    stage = made.stage
    plan = msgspec.structs.replace(plan, order_seed=seed)
    subjects = upload_subjects(plan, crossing_bits(proof_network().input_bits, stage.blocks))
    bench = replace(stage.bench(subjects), uploads=made.uploads(subjects))
    return made, run_campaign(plan, bench, subjects)


def link_profile(
    seed: int, link: LinkParameters, plan: Plan = UPLOAD_PLAN
) -> tuple[LinkStage, tuple[WindowRecord, ...], DeviceProfile]:
    """Run a campaign whose paces the link carries; return its stage, windows and profile."""
    probe = probe_link(link_stage(seed, link).carry, PROBE_BITS)
    plan = for_link(msgspec.structs.replace(plan, fit_rates=True), probe.rate_bit_per_s.value)
    made, outcome = run_link_campaign(seed, link, plan)
    stage = made.stage
    around = virtual_circumstances(
        plan, proof_network(), stage.blocks, stage.setup, stage.sampler.description
    )
    done = Completion(complete=True, reached=True, reason="", warm=True)
    return made, outcome.records, profile_from_windows(outcome.records, around, done)


class _Spent:
    """Integrates what is announced, J."""

    def __init__(self) -> None:
        self.energy_j = 0.0

    def __call__(self, start_ns: int, end_ns: int, power_w: float) -> None:
        self.energy_j += (end_ns - start_ns) * 1e-9 * power_w


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTruth:
    """What uploads of some sizes cost in a stream.

    Attributes:
        sizes_bits: float64, shape (S,).
        energies_j: Of one more upload, on average; float64, shape (S,).
        energies_u_j: Standard uncertainty of the former; float64, shape (S,).
        times_s: That one more upload takes on average; float64, shape (S,).
    """

    sizes_bits: Array
    energies_j: Array
    energies_u_j: Array
    times_s: Array

    @property
    def bit_j(self) -> float:
        """What one more bit costs between the smallest and the largest size, J."""
        sizes, energies = self.sizes_bits, self.energies_j
        return float((energies[-1] - energies[0]) / (sizes[-1] - sizes[0]))

    @property
    def bit_s(self) -> float:
        """How long one more bit takes between these, s: so long P_0 is drawn for it, gross."""
        sizes, times_s = self.sizes_bits, self.times_s
        return float((times_s[-1] - times_s[0]) / (sizes[-1] - sizes[0]))

    @property
    def bit_u_j(self) -> float:
        """Standard uncertainty of that, J."""
        return float(np.hypot(self.energies_u_j[-1], self.energies_u_j[0])) / float(
            self.sizes_bits[-1] - self.sizes_bits[0]
        )


def link_truth(
    seed: int, link: LinkParameters, sizes_bits: Sequence[int], pace_bit_per_s: float | None = None
) -> LinkTruth:
    """Return what uploads over a link truly cost the board of a seed, in streams of each size."""
    costs = link_setup(seed).costs
    energies, errors, times_s = [], [], []
    for bits in sizes_bits:
        spent = _Spent()
        carrier = WirelessLink(link, spent, seed=10**6 + seed, origin_ns=0)
        now_ns, each_j, each_s = 10**9, [], []
        for _ in range(BEGIN + STREAM):
            before_j = spent.energy_j
            spent(now_ns, now_ns + 1, 1e9 * costs.upload_cost_j)
            now_ns += round(costs.start_s * 1e9)
            done = carrier.carry(now_ns, bits, pace_bit_per_s)
            now_ns = done.ended_ns
            each_j.append(spent.energy_j - before_j)
            each_s.append(done.transfer_s)
        energies.append(np.mean(each_j[BEGIN:]))
        errors.append(np.std(each_j[BEGIN:], ddof=1) / STREAM**0.5)
        times_s.append(np.mean(each_s[BEGIN:]))
    return LinkTruth(
        sizes_bits=np.array(sizes_bits, dtype=np.float64),
        energies_j=np.array(energies),
        energies_u_j=np.array(errors),
        times_s=np.array(times_s),
    )


def sizes_sent(records: Sequence[WindowRecord]) -> tuple[int, ...]:
    """Return the sizes of a campaign's unpaced uploads, bit, in rising order."""
    unpaced = [r for r in records if r.task.kind == "upload" and r.pace == UNLIMITED]
    return tuple(sorted({r.payload_bits // r.task.repetitions for r in unpaced}))
