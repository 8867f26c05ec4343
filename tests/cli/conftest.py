"""A profile of the bundled network with known figures, and reports as text."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rich.console import Console

from joulesplit.calibrate.profile import (
    CONNECTION_PHASE,
    BlockEnergy,
    BudgetTerm,
    Check,
    Compute,
    Device,
    DeviceProfile,
    Downlink,
    GrossNet,
    HeadEnergy,
    Idle,
    Link,
    LinkFit,
    ModelIdentity,
    PhaseEnergy,
    Quality,
    Quantity,
    Runtime,
    Sampling,
    Sensor,
    SimulatedTruth,
    StoredProfile,
    Tool,
    Uplink,
    UploadTail,
    WindowTerm,
    degrees_of_freedom_of,
    save_profile,
    with_interval,
)
from joulesplit.cli import run
from joulesplit.cli._resources import paper_network
from joulesplit.drivers.readings import AccuracyTerm, SensorDescription
from joulesplit.metrology import Estimate
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network

GOLDEN = Path(__file__).parent.parent / "golden"
IDLE_W, LOAD_W = 2.6, 3.1
RATE_BIT_PER_S = 20e6
BIT_J = 4e-8
U_REL = 0.006


def quantity(value, unit, u_rel=U_REL, n=60):
    u = abs(value) * u_rel
    return Quantity(
        value=value, unit=unit, ci95=(value - 2 * u, value + 2 * u), u_stat=0.6 * u, u_sys=0.8 * u,
        n=n,
    )  # fmt: skip


def both(net, gross, unit):
    return GrossNet(net=quantity(net, unit), gross=quantity(gross, unit))


def block_energy(block):
    """Depthwise-heavy early blocks cost more than the average per FLOP, late ones less."""
    factor = 1.4 - 0.05 * block.index
    net_j = block.flop / 1.5e9 * factor
    latency_s = net_j / (LOAD_W - IDLE_W)
    return BlockEnergy(
        index=block.index,
        name=block.name,
        last_operator=block.last_operator,
        flop=block.flop,
        output_bits=block.output_bits,
        energy_j=both(net_j, net_j + IDLE_W * latency_s, "J"),
        latency_s=quantity(latency_s, "s", 0.001),
    )


@pytest.fixture(scope="session")
def block_energies():
    """Return a maker of the energies of any network's blocks."""
    return lambda blocks: tuple(block_energy(block) for block in blocks)


HEADS = {2: 0.9, 3: 0.93, 5: 0.95, 8: 0.97, 15: 1.02, 20: 1.04}
"""Net energy of blocks 1 … l as one network, over the sum of these blocks."""


def head_energy(energies, last, factor):
    net_j = factor * sum(block.energy_j.net.value for block in energies[:last])
    latency_s = net_j / (LOAD_W - IDLE_W)
    return HeadEnergy(
        last_block=last,
        energy_j=both(net_j, net_j + IDLE_W * latency_s, "J"),
        latency_s=quantity(latency_s, "s", 0.001),
        net_over_blocks=factor,
        net_over_blocks_u=0.004,
    )


def phases():
    """A start, an input and a connection; reading the file does not stand out."""
    first = GrossNet(net=quantity(0.19, "J"), gross=quantity(0.9, "J"))
    connection = GrossNet(net=quantity(0.006, "J"), gross=quantity(0.03, "J"))
    return (
        PhaseEnergy(
            name=CONNECTION_PHASE, latency_s=quantity(0.011, "s"), energy_j=connection,
            energy_bound_j=0.0061,
        ),
        PhaseEnergy(
            name="first inference", latency_s=quantity(0.27, "s"), energy_j=first,
            energy_bound_j=0.192,
        ),
        PhaseEnergy(
            name="model file: read it from the cache of the system",
            latency_s=quantity(0.0012, "s"), energy_j=None, energy_bound_j=0.0004,
        ),
    )  # fmt: skip


FIT_COVARIANCE = (1e-10, 9e-6, 8e-21, 4e-10)
"""Of E_0, P_air, e_bit and E_burst: its diagonal."""


def fitted(value, unit, variance):
    """A coefficient of the fit, with the scatter that the covariance gives it."""
    plain = quantity(value, unit)
    scatter = Estimate(
        value=value,
        u_stat=variance**0.5,
        degrees_of_freedom=degrees_of_freedom_of(plain),
        n=plain.n,
    )
    return with_interval(scatter, unit, plain.u_sys)


def link_fit(upload_j, air_w, burst_j):
    values, units = (upload_j, air_w, 1.5e-8, burst_j), ("J", "W", "J/bit", "J")
    figures = [fitted(*one) for one in zip(values, units, FIT_COVARIANCE, strict=True)]
    return LinkFit(
        upload_cost_j=figures[0],
        air_power_w=figures[1],
        bit_energy_j=figures[2],
        burst_cost_j=figures[3],
        covariance=tuple(
            tuple(variance if column == row else 0.0 for column in range(4))
            for row, variance in enumerate(FIT_COVARIANCE)
        ),
        rates_bit_per_s=(5e6, 10e6, 20e6),
        payload_bits=(32000, 802816, 4816896),
    )


@pytest.fixture(scope="session")
def network():
    return read_network(paper_network())


@pytest.fixture(scope="session")
def blocks(network):
    return residual_blocks(network)


@pytest.fixture(scope="session")
def make_profile(network, blocks):
    """Return a maker of profiles; the arguments replace top-level fields."""
    energies = tuple(block_energy(block) for block in blocks)
    net_j = sum(block.energy_j.net.value for block in energies)
    gross_j = sum(block.energy_j.gross.value for block in energies)
    gross_bit_j = BIT_J + IDLE_W / RATE_BIT_PER_S
    fields = {
        "created": "2026-11-22T12:00:00+00:00",
        "tool": Tool(name="joulesplit", version="0.1.0"),
        "source": "measured",
        "device": Device(
            board="Raspberry Pi 4 Model B Rev 1.4", machine="aarch64", kernel="6.6.31",
            python="3.11.2", cpu_count=4, memory_bytes=4 * 10**9, governor="performance",
            wifi_power_save="off", userland_bits=64,
        ),
        "sensor": Sensor(
            kind="ina219", name="INA219 at 0x40 on bus 1", rail="5 V supply",
            includes="everything behind the shunt", simulated=False, modelled=False,
            cycle_s=0.009, observed_fraction=0.94, scale_u_rel=0.0065, offset_u_w=0.003,
            budget=(
                BudgetTerm(name="shunt tolerance", kind="scale", standard_uncertainty=0.0058,
                           source="maker's tolerance"),
                BudgetTerm(name="current gain", kind="scale", standard_uncertainty=0.0017,
                           source="TI SBOS448G"),
                BudgetTerm(name="shunt self-heating", kind="scale", standard_uncertainty=0.0008,
                           source="0.14 W at 1.2 A", correlation="load-dependent"),
                BudgetTerm(name="shunt offset", kind="offset", standard_uncertainty=0.0022,
                           source="TI SBOS448G"),
            ),
            settings={"shunt_ohm": 0.1},
            window_budget=(
                WindowTerm(name="window edges", standard_uncertainty=0.0011,
                           treatment="in-scatter", source="d·T/√6 over the work"),
                WindowTerm(name="sampler overhead", standard_uncertainty=0.0,
                           treatment="in-idle", source="part of P_0", correlation="common"),
            ),
            load_u_rel=0.0008,
        ),
        "sampling": Sampling(readings=48213, lost=3, clipped=0, cpu_fraction=0.06),
        "idle": Idle(power_w=quantity(IDLE_W, "W")),
        "compute": Compute(
            model=ModelIdentity(
                name=network.name, sha256=network.sha256, input_bits=network.input_bits
            ),
            runtime=Runtime(name="ai-edge-litert", version="2.3.0", threads=1, xnnpack=True),
            flop_convention="tflite-2mac",
            e_d_flop_per_j=both(network.flop / net_j, network.flop / gross_j, "FLOP/J"),
            blocks=energies,
            window_cost_j=quantity(0.001, "J"),
            heads=tuple(head_energy(energies, last, share) for last, share in HEADS.items()),
            phases=phases(),
        ),
        "link": Link(interface="wlan0", loopback=False, downlink=Downlink(
            rate_bit_per_s=30e6, e_c_bit_per_j=both(9e7, 9.6e6, "bit/J"),
        ), uplink=Uplink(
            rate_bit_per_s=RATE_BIT_PER_S,
            e_c_bit_per_j=both(1 / BIT_J, 1 / gross_bit_j, "bit/J"),
            fit=link_fit(0.004, 0.5, 0.009),
            fit_gross=link_fit(0.004 + IDLE_W * 0.01, 0.5 + IDLE_W, 0.009 + IDLE_W * 0.002),
            tail=UploadTail(energy_j=quantity(0.005, "J"), duration_s=0.5),
            interface_bits_per_payload_bit=1.06,
        )),
        "quality": Quality(verdict="valid", checks=(
            Check(name="lost-conversions", value=6.2e-5, limit=0.01, unit="1", outcome="pass"),
            Check(name="supply-voltage", value=4.94, limit=4.63, unit="V", outcome="pass"),
        )),
        "simulated": False,
    }  # fmt: skip
    return lambda **changes: DeviceProfile(**{**fields, **changes})


@pytest.fixture(scope="session")
def measured(make_profile):
    return make_profile()


@pytest.fixture(scope="session")
def simulated(make_profile, measured):
    """A simulated profile whose intervals hold the truth but for block 3 and E_c gross."""
    compute, uplink = measured.compute, measured.link.uplink
    return make_profile(
        source="simulated",
        simulated=True,
        sensor=_simulated_sensor(measured.sensor),
        truth=SimulatedTruth(
            idle_power_w=2.61,
            e_d_flop_per_j={
                "net": compute.e_d_flop_per_j.net.value * 1.005,
                "gross": compute.e_d_flop_per_j.gross.value * 0.995,
            },
            e_c_bit_per_j={
                "net": uplink.e_c_bit_per_j.net.value * 1.001,
                "gross": uplink.e_c_bit_per_j.gross.value * 1.1,
            },
            block_energy_j=tuple(
                block.energy_j.net.value * (1.1 if block.index == 3 else 1.004)
                for block in compute.blocks
            ),
            head_energy_j=tuple(
                HEADS.get(last, 1.0) * sum(b.energy_j.net.value for b in compute.blocks[:last])
                for last in range(1, len(compute.blocks) + 1)
            ),
        ),
        quality=Quality(
            verdict="suspect",
            checks=(
                Check(
                    name="lost-conversions", value=0.031, limit=0.01, unit="1", outcome="warn",
                    advice="free a processor for the sampler",
                ),
            ),
        ),
    )  # fmt: skip


def _simulated_sensor(sensor):
    fields = {name: getattr(sensor, name) for name in sensor.__struct_fields__}
    return Sensor(**{**fields, "kind": "simulated", "simulated": True})


@pytest.fixture
def saved(tmp_path):
    """Return a function that stores a profile and returns its path."""

    def save(profile, name="profile.json"):
        path = tmp_path / name
        save_profile(path, StoredProfile(profile=profile))
        return path

    return save


def as_text(renderable, width, *, ascii_only=False):
    """Return what a terminal of that width without colour would show."""
    encoding = "ascii" if ascii_only else "utf-8"
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    console = Console(
        file=stream, width=width, no_color=True, highlight=False, legacy_windows=False
    )
    console.print(renderable)
    stream.seek(0)
    return "".join(line.rstrip() + "\n" for line in stream)


@pytest.fixture(scope="session")
def text_of():
    return as_text


@pytest.fixture
def golden():
    """Compare with a stored text; JOULESPLIT_UPDATE_GOLDEN=1 pytest … stores it instead."""

    def compare(name, text):
        path = GOLDEN / name
        if os.environ.get("JOULESPLIT_UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(scope="session")
def with_unknown(network):
    """The network with one operator that has no FLOP rule."""
    strange = replace(network.operators[0], kind="CUSTOM:Strange", flop=None, mac_flop=0)
    return replace(network, operators=(strange, *network.operators[1:]))


@pytest.fixture(scope="session")
def description():
    """What the simulated sensor says of itself."""
    return SensorDescription(
        kind="simulated",
        name="simulated INA219",
        rail="5 V supply",
        includes="everything behind the shunt",
        simulated=True,
        modelled=False,
        cycle_s=0.009,
        observed_fraction=0.94,
        voltage_resolution_v=0.004,
        current_resolution_a=0.0001,
        full_scale_a=1.6,
        accuracy=(
            AccuracyTerm(
                name="shunt tolerance",
                kind="scale",
                half_width=0.01 * 3**0.5,
                distribution="rectangular",
                source="assumed",
            ),
        ),
    )


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self):
        assert self.out.count("\n") == 1, "exactly one line on stdout"
        return json.loads(self.out)


@pytest.fixture
def joulesplit(capfd):
    """Run the command line here."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def model():
    return paper_network()
