"""Networks and profiles made of plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest

from joulesplit.calibrate.profile import (
    CONNECTION_PHASE,
    BlockEnergy,
    CampaignError,
    ClassFit,
    Compute,
    Device,
    DeviceProfile,
    Downlink,
    EncodingEnergy,
    GrossNet,
    HeadEnergy,
    Idle,
    Link,
    LinkFit,
    ModelIdentity,
    PhaseEnergy,
    Quality,
    Quantity,
    Sensor,
    Tool,
    Uplink,
)
from joulesplit.optimizer import Constraints, Problem, Usage, prices_from_profile
from joulesplit.partition import Block, Network, Operator, Tensor

# Facts: MobileNetV2 1.0 at 224 × 224 as TFLite (batch norm folded), 20 blocks.
PAPER_FLOP = (
    21_676_032, 20_070_400, 58_404_864, 51_555_840, 30_933_504, 22_002_176, 22_002_176,
    15_128_064, 20_634_880, 20_634_880, 20_634_880, 25_439_232, 45_403_008, 45_403_008,
    31_215_744, 30_960_160, 30_960_160, 46_005_120, 40_140_800, 2_562_280,
)  # fmt: skip
PAPER_BITS = (
    12_845_056, 6_422_528, 2_408_448, 2_408_448, 802_816, 802_816, 802_816, 401_408, 401_408,
    401_408, 401_408, 602_112, 602_112, 602_112, 250_880, 250_880, 250_880, 501_760, 2_007_040,
    32_000,
)  # fmt: skip
SHA = "ab" * 32


def quantity(value, u_stat=0.0, u_sys=0.0, unit="1"):
    return Quantity(value=value, unit=unit, ci95=None, u_stat=u_stat, u_sys=u_sys, n=12)


def both(net, gross=None):
    return GrossNet(gross=net if gross is None else gross, net=net)


def network_of(flop, bits, input_elements=1000, dtype="float32", unknown=0):
    width = {"float32": 32, "int8": 8, "uint8": 8}[dtype]
    elements = (input_elements, *(size // width for size in bits))
    tensors = tuple(
        Tensor(index=i, name=f"t{i}", shape=(n,), dtype=dtype, bits=n * width, is_constant=False)
        for i, n in enumerate(elements)
    )
    operators = tuple(
        Operator(index=i, kind="CONV_2D", inputs=(i,), outputs=(i + 1,), mac_flop=n,
                 flop=None if i < unknown else n)
        for i, n in enumerate(flop)
    )  # fmt: skip
    network = Network(
        sha256=SHA, name="net.tflite", tensors=tensors, operators=operators, inputs=(0,),
        outputs=(len(flop),), parameters=0,
    )  # fmt: skip
    blocks = tuple(
        Block(index=i + 1, name=f"block_{i + 1}", first_operator=i, last_operator=i, flop=n,
              mac_flop=n, output_bits=tensors[i + 1].bits, tensors=(f"t{i + 1}",))
        for i, n in enumerate(flop)
    )  # fmt: skip
    return network, blocks


@dataclass
class World:
    """What a device costs; every field may be changed before ``profile`` is called."""

    flop: tuple = (100, 200, 400)
    block_j: tuple = (1.0, 2.0, 4.0)
    gross_factor: float = 2.0
    bit_j: float = 0.001
    upload_cost_j: float = 0.0
    rate: float = 1000.0
    u_rel: float = 0.0
    offset_rel: float = 0.0
    scale_u_rel: float = 0.0
    covariance: tuple | None = None
    block_covariance: tuple = ()
    scale: float = 1.0
    head_j: tuple = ()
    head_covariance: tuple = ()
    burst_j: float | None = None
    answer_bit_j: float | None = None
    answer_rate: float = 500.0
    connection_j: float | None = None
    idle_w: float | None = None
    idle_u_w: float = 0.0
    gross_fit: bool = False
    constant_u_rel: float | None = None
    compute_campaign: float | None = None
    upload_campaign: float | None = None
    idle_u_sys_w: float = 0.0
    idle_campaign_w: float | None = None
    made: tuple = ()

    def _energy(self, energy_j, u_rel=None, campaign=None):
        u_rel = self.u_rel if u_rel is None else u_rel

        def one(value):
            u_sys = value * math.hypot(self.offset_rel, self.scale_u_rel, campaign or 0.0)
            return quantity(value, value * u_rel, u_sys, "J")

        net = energy_j * self.scale
        return both(one(net), one(net * self.gross_factor))

    def _per_joule(self, amount, energy_j, campaign=None):
        energy = self._energy(energy_j, campaign=campaign)

        def one(q):
            value = amount / q.value
            return quantity(value, value * q.u_stat / q.value, value * q.u_sys / q.value)

        return both(one(energy.net), one(energy.gross))

    def _fit(self, account="net"):
        if self.covariance is None or (account == "gross" and not self.gross_fit):
            return None
        factor = self.scale**2
        burst = (
            None if self.burst_j is None else self._energy(self.burst_j, 0.0, self.upload_campaign)
        )
        return LinkFit(
            upload_cost_j=getattr(
                self._energy(self.upload_cost_j, 0.0, self.upload_campaign), account
            ),
            burst_cost_j=getattr(burst, account) if burst else None,
            air_power_w=quantity(self.scale * self.bit_j * self.rate, unit="W"),
            bit_energy_j=quantity(0.0, unit="J/bit"),
            covariance=tuple(tuple(c * factor for c in row) for row in self.covariance),
            rates_bit_per_s=(self.rate / 2, self.rate * 2),
            payload_bits=(1000, 10000),
        )

    def _heads(self):
        return tuple(
            HeadEnergy(last_block=last, net_over_blocks=1.0,
                       energy_j=self._energy(e, campaign=self.compute_campaign),
                       latency_s=quantity(0.08 * last, unit="s"))
            for last, e in self.head_j
        )  # fmt: skip

    def _phases(self):
        if self.connection_j is None:
            return ()
        return (
            PhaseEnergy(name=CONNECTION_PHASE, latency_s=quantity(0.05, unit="s"),
                        energy_j=self._energy(self.connection_j) if self.connection_j else None,
                        energy_bound_j=0.07),
        )  # fmt: skip

    def _encodings(self):
        return tuple(
            EncodingEnergy(encoding=name, block=block,
                           energy_j=self._energy(e, campaign=self.compute_campaign),
                           latency_s=quantity(time_s, 0.01 * time_s, unit="s"))
            for name, block, e, time_s in self.made
        )  # fmt: skip

    def _classes(self):
        if self.constant_u_rel is None:
            return None
        return ClassFit(classes=(), leave_one_out_rms=0.0, leave_one_out_worst=0.0, worst_block=1,
                        constant_e_d_rms=self.constant_u_rel)  # fmt: skip

    def _downlink(self):
        if self.answer_bit_j is None:
            return None
        return Downlink(
            rate_bit_per_s=self.answer_rate, e_c_bit_per_j=self._per_joule(1.0, self.answer_bit_j)
        )

    def _idle(self):
        if self.idle_w is None:
            return None
        power_w = quantity(self.idle_w * self.scale, self.idle_u_w, self.idle_u_sys_w, unit="W")
        return Idle(power_w=power_w, campaign_u_w=self.idle_campaign_w)

    def _campaign(self, net_u_rel):
        if net_u_rel is None:
            return None
        return CampaignError(net_u_rel=net_u_rel, gross_u_rel=net_u_rel / 2)

    def profile(self, **changes):
        blocks = tuple(
            BlockEnergy(
                index=i + 1, name=f"block_{i + 1}", last_operator=i, flop=n, output_bits=0,
                energy_j=self._energy(e, campaign=self.compute_campaign),
                latency_s=quantity(0.1 * (i + 1), unit="s"),
            )
            for i, (n, e) in enumerate(zip(self.flop, self.block_j, strict=True))
        )  # fmt: skip
        fields = {
            "created": "2026-11-22T12:00:00+00:00",
            "tool": Tool(name="joulesplit", version="0"),
            "source": "measured",
            "device": Device(board=None, machine="x", kernel="x", python="x", cpu_count=1,
                             memory_bytes=None, governor=None, wifi_power_save=None),
            "sensor": Sensor(kind="x", name="x", rail="x", includes="x", simulated=False,
                             modelled=False, cycle_s=1.0, observed_fraction=1.0,
                             scale_u_rel=self.scale_u_rel, offset_u_w=0.0, budget=(),
                             settings={}),
            "idle": self._idle(),
            "compute": Compute(
                model=ModelIdentity(name="net.tflite", sha256=SHA, input_bits=32000),
                runtime=None, flop_convention="tflite-2mac",
                e_d_flop_per_j=self._per_joule(sum(self.flop), sum(self.block_j),
                                               self.compute_campaign),
                campaign=self._campaign(self.compute_campaign), blocks=blocks,
                covariance_j2=self.block_covariance, heads=self._heads(),
                head_covariance_j2=self.head_covariance, phases=self._phases(),
                encodings=self._encodings(),
                classes=self._classes(),
            ),
            "link": Link(interface="wlan0", loopback=False, uplink=Uplink(
                rate_bit_per_s=self.rate,
                e_c_bit_per_j=self._per_joule(1.0, self.bit_j, self.upload_campaign),
                campaign=self._campaign(self.upload_campaign), fit=self._fit(),
                fit_gross=self._fit("gross")),
                downlink=self._downlink()),
            "quality": Quality(verdict="valid", checks=()),
            "simulated": False,
        }  # fmt: skip
        return DeviceProfile(**{**fields, **changes})


@pytest.fixture(scope="session")
def world():
    return World


@pytest.fixture(scope="session")
def make_network():
    return network_of


@pytest.fixture(scope="session")
def make_quantity():
    return quantity


@pytest.fixture(scope="session")
def mobilenet():
    return network_of(PAPER_FLOP, PAPER_BITS, input_elements=224 * 224 * 3)


def candidates_of(*, block_energy_j, output_bits, input_bits, bit_energy_j, upload_cost_j):
    """Price the candidates of a network of blocks without heads, answers or bursts."""
    count = len(block_energy_j)
    network, blocks = network_of((1,) * count, (32,) * count)
    blocks = [replace(b, output_bits=bits) for b, bits in zip(blocks, output_bits, strict=True)]
    device = World(
        flop=(1,) * count, block_j=tuple(block_energy_j), bit_j=bit_energy_j,
        upload_cost_j=upload_cost_j, covariance=((0.0,) * 3,) * 3,
    )  # fmt: skip
    prices = prices_from_profile(
        network, blocks, device.profile(), usage=Usage(input_bits=input_bits)
    )
    problem = Problem(
        network=network, blocks=tuple(blocks), prices=prices, constraints=Constraints()
    )
    return problem.energies("blocks")


@pytest.fixture(scope="session")
def candidates():
    return candidates_of
