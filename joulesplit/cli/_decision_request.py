"""What ``joulesplit optimize`` is asked. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joulesplit.calibrate.profile import Account
    from joulesplit.cli._options import InputShapes
    from joulesplit.optimizer import ComputeModel


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRequest:
    """What a user says of the use of a network on a device; None for what was not given.

    Attributes:
        account: Energy above idle or all of it.
        compute_model: What computing is priced by.
        uploads_per_burst: Uploads that share waking the radio.
        uploads_per_connection: Uploads before the connection is made anew.
        rate_bit_per_s: Rate of the link, payload bit/s.
        server_wait_s: From the last bit sent to the first of the answer, s.
        input_bits: Size of the input if everything is offloaded, bit.
        inputs: `.npy` files to measure the encoding on, one per input.
        data: Inputs of the user's own use, on which it is counted how often the answer stays.
        input_shapes: Shapes of inputs by name, where they are not what the file says.
        granularity: ``residual``, ``every-cut`` or a number of blocks.
        at: Names of tensors after which blocks end; replaces the granularity.
        battery_j: Energy of the battery, J.
        period_s: From one inference to the next, s.
        back_to_back: The next inference begins when one ends.
        model_error: What blocks may be off by inside a network, relative standard uncertainty.
        runtime: Name of the runtime that it will be run with.
        threads: Its threads.
        max_latency_s: Longest time on the device and on the air, s.
        latency_percentile: So many of a hundred inferences keep that; None for the usual one.
        min_block: At least so many blocks stay on the device.
        max_block: At most so many blocks run on the device.
        min_agreement: Least probability that the answer stays.
        keep_local: Names of tensors whose values must not leave the device.
        allow_rejected: Use a profile that was rejected.
    """

    account: Account | None
    compute_model: ComputeModel | None
    uploads_per_burst: float
    uploads_per_connection: float | None
    rate_bit_per_s: float | None
    server_wait_s: float | None
    input_bits: int | None
    inputs: tuple[Path, ...]
    data: Path | None
    input_shapes: InputShapes
    granularity: str | None
    at: tuple[str, ...]
    battery_j: float | None
    period_s: float | None
    back_to_back: bool
    model_error: float | None
    runtime: str | None
    threads: int | None
    max_latency_s: float | None
    latency_percentile: str | None
    min_block: int | None
    max_block: int | None
    min_agreement: float | None
    keep_local: tuple[str, ...]
    allow_rejected: bool
