"""Windows, readings and blocks made by hand, with known energies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulesplit.calibrate.environment import Machine
from joulesplit.calibrate.estimates import (
    Estimate,
    quantity,
    with_interval,
)
from joulesplit.calibrate.estimates._uncertainty import reciprocal
from joulesplit.calibrate.profile import (
    BlockEnergy,
    BudgetTerm,
    Check,
    Compute,
    Device,
    DeviceProfile,
    GrossNet,
    Idle,
    Link,
    LinkFit,
    ModelIdentity,
    Quality,
    Quantity,
    Runtime,
    Sampling,
    Sensor,
    Tool,
    Uplink,
)
from joulesplit.calibrate.sampling import Trace
from joulesplit.calibrate.sampling._trace import RECORD
from joulesplit.calibrate.windows import Observation
from joulesplit.metrology import SystematicBudget
from joulesplit.partition import Block

CYCLE_NS = 9_000_000
VOLTAGE_V = 5.0


@pytest.fixture
def make_trace() -> Callable[..., Trace]:
    """Return a maker of traces from a power per reading, W, at a 9 ms cycle."""

    def make(power_w: list[float], *, start_ns: int = 0, cycle_ns: int = CYCLE_NS) -> Trace:
        records = np.zeros(len(power_w), dtype=RECORD)
        records["t_ns"] = start_ns + cycle_ns * np.arange(1, len(power_w) + 1)
        records["voltage_v"] = VOLTAGE_V
        records["current_a"] = np.array(power_w) / VOLTAGE_V
        return Trace(start_ns=start_ns, records=records)

    return make


@pytest.fixture
def make_block() -> Callable[..., Block]:
    """Return a maker of blocks."""

    def make(index: int, flop: int, output_bits: int) -> Block:
        return Block(
            index=index,
            name=f"block_{index}",
            first_operator=index - 1,
            last_operator=index - 1,
            flop=flop,
            mac_flop=flop,
            output_bits=output_bits,
            tensors=(f"t{index}",),
        )

    return make


@pytest.fixture
def make_observation() -> Callable[..., Observation]:
    """Return a maker of observations with idle power 2 W."""

    def make(
        block: int,
        repetitions: int,
        net_j: float,
        *,
        work_s: float = 1.0,
        airtime_s: float = 0.0,
        payload_bits: int = 0,
    ) -> Observation:
        return Observation(
            block=block,
            repetitions=repetitions,
            airtime_s=airtime_s,
            payload_bits=payload_bits,
            gross_j=net_j + 2.0 * work_s,
            net_j=net_j,
            work_s=work_s,
            settle_s=0.0,
            idle_s=0.5,
        )

    return make


MACHINES = Path(__file__).parent / "machines"


@pytest.fixture
def machine_of(machine_from: Callable[[str, str], Machine]) -> Callable[[str], Machine]:
    """Return a maker of machines from the listings in ``machines``."""
    return lambda board: machine_from(
        board, (MACHINES / f"{board}.txt").read_text(encoding="utf-8")
    )


@pytest.fixture
def machine_from(tmp_path: Path) -> Callable[[str, str], Machine]:
    """Return a maker of machines from a name of their own and a listing."""

    def make(name: str, listing: str) -> Machine:
        root = tmp_path / name
        printed: dict[tuple[str, ...], str] = {}
        for entry in _entries(listing):
            (kind, _, what), lines = entry[0].partition(" "), entry[1:]
            content = "".join(line.removeprefix("| ") + "\n" for line in lines)
            if kind == "command":
                printed[tuple(what.split())] = content
            else:
                _place(root, kind, what, content)
        return Machine(root=root, run=printed.get)

    return make


def _entries(listing: str) -> list[list[str]]:
    entries: list[list[str]] = []
    for line in listing.splitlines():
        if line.startswith("| "):
            entries[-1].append(line)
        elif not line.startswith("#"):
            entries.append([line])
    return entries


def _place(root: Path, kind: str, what: str, content: str) -> None:
    name, _, argument = what.partition(" ")
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        path.write_text(content, encoding="utf-8")
    elif kind == "bytes":
        path.write_bytes(bytes.fromhex(argument))
    elif kind == "link":
        path.symlink_to(argument)
    else:
        path.mkdir(exist_ok=True)


@pytest.fixture(scope="session")
def make_measured() -> Callable[..., DeviceProfile]:
    """Return a maker of measured profiles whose figures follow from given energies.

    Every energy gets the relative statistical uncertainty ``u_rel`` on ``dof`` degrees of
    freedom, and the sensor's scale; E_d and E_c follow by their definitions.
    """
    return _measured


def _measured(
    *,
    block_j: Sequence[float] = (0.02, 0.03),
    idle_w: float = 2.6,
    air_w: float = 0.5,
    bit_j: float = 1.5e-8,
    u_rel: float = 0.002,
    dof: int = 20,
    scale_u: float = 0.005,
    rate_bit_per_s: float = 20e6,
    **changes: Any,
) -> DeviceProfile:
    budget = SystematicBudget(
        terms=(
            BudgetTerm(name="shunt", kind="scale", standard_uncertainty=scale_u, source="maker"),
            BudgetTerm(name="offset", kind="offset", standard_uncertainty=0.003, source="maker"),
        ),
        scale_u_rel=scale_u,
        offset_u_w=0.003,
    )

    def energy(value: float, unit: str, u_stat: float, offset: float = 0.0) -> Quantity:
        estimate = Estimate(value=value, u_stat=u_stat, degrees_of_freedom=dof, n=dof + 2)
        return quantity(estimate, unit, budget, offset_duration=offset)

    flop = (4_000_000, 6_000_000)[: len(block_j)]
    latency_s = (0.04, 0.06)[: len(block_j)]
    gross_j = [net + idle_w * time for net, time in zip(block_j, latency_s, strict=True)]
    bit = air_w / rate_bit_per_s + bit_j
    gross_bit = bit + idle_w / rate_bit_per_s
    fields: dict[str, Any] = {
        "created": "2026-11-22T12:00:00+00:00",
        "tool": Tool(name="joulesplit", version="0.1.0"),
        "source": "measured",
        "device": Device(
            board="Raspberry Pi 4 Model B Rev 1.4", machine="aarch64", kernel="6.6.31",
            python="3.11.2", cpu_count=4, memory_bytes=4 * 10**9, governor="performance",
            wifi_power_save="off", hostname="shed-pi",
        ),
        "sensor": Sensor(
            kind="ina219", name="INA219 at 0x40 on bus 1", rail="5 V supply", includes="all",
            simulated=False, modelled=False, cycle_s=0.009, observed_fraction=0.94,
            scale_u_rel=scale_u, offset_u_w=0.003, budget=budget.terms,
            settings={"shunt_ohm": 0.1, "transaction_s": 1e-4},
        ),
        "sampling": Sampling(readings=1000, lost=1, clipped=0, cpu_fraction=0.06),
        "idle": Idle(power_w=energy(idle_w, "W", idle_w * u_rel, 1.0)),
        "compute": Compute(
            model=ModelIdentity(name="net.tflite", sha256="ab" * 32, input_bits=1000),
            runtime=Runtime(name="litert", version="2.3.0", threads=1, xnnpack=True),
            flop_convention="tflite-2mac",
            e_d_flop_per_j=GrossNet(
                gross=reciprocal(
                    sum(flop),
                    energy(sum(gross_j), "J", u_rel * hypot(*gross_j), sum(latency_s)),
                    "FLOP/J",
                ),
                net=reciprocal(
                    sum(flop), energy(sum(block_j), "J", u_rel * hypot(*block_j)), "FLOP/J"
                ),
            ),
            blocks=tuple(
                BlockEnergy(
                    index=index + 1, name=f"block_{index + 1}", last_operator=index,
                    flop=flop[index], output_bits=1000,
                    energy_j=GrossNet(
                        gross=energy(
                            gross_j[index], "J", u_rel * gross_j[index], latency_s[index]
                        ),
                        net=energy(block_j[index], "J", u_rel * block_j[index]),
                    ),
                    latency_s=with_interval(
                        Estimate(value=latency_s[index], u_stat=1e-4 * latency_s[index],
                                 degrees_of_freedom=dof, n=dof + 2), "s", 0.0),
                )
                for index in range(len(block_j))
            ),
            window_cost_j=energy(0.001, "J", 1e-4),
            covariance_j2=((u_rel * block_j[0]) ** 2, 0.0, (u_rel * block_j[1]) ** 2),
        ),
        "link": Link(
            interface="wlan0", loopback=False, kind="wifi",
            uplink=Uplink(
                rate_bit_per_s=rate_bit_per_s,
                e_c_bit_per_j=GrossNet(
                    gross=reciprocal(
                        1, energy(gross_bit, "J/bit", u_rel * gross_bit, 1 / rate_bit_per_s),
                        "bit/J",
                    ),
                    net=reciprocal(1, energy(bit, "J/bit", u_rel * bit), "bit/J"),
                ),
                fit=LinkFit(
                    upload_cost_j=energy(0.004, "J", 1e-5),
                    air_power_w=energy(air_w, "W", u_rel * air_w),
                    bit_energy_j=energy(bit_j, "J/bit", u_rel * bit_j),
                    covariance=(
                        (1e-10, 0.0, 0.0),
                        (0.0, (u_rel * air_w) ** 2, 0.0),
                        (0.0, 0.0, (u_rel * bit_j) ** 2),
                    ),
                    rates_bit_per_s=(5e6, 20e6),
                    payload_bits=(32_000, 800_000),
                ),
                interface_bits_per_payload_bit=1.06,
            ),
        ),
        "quality": Quality(
            verdict="valid",
            checks=(Check(name="lost", value=0.001, limit=0.01, unit="1", outcome="pass"),),
        ),
        "simulated": False,
    }  # fmt: skip
    return DeviceProfile(**{**fields, **changes})
