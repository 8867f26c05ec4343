from __future__ import annotations

import pytest

from joulesplit.calibrate.workloads import (
    BlockWorkload,
    BoardCosts,
    SimulatedBoard,
    SplitWorkload,
    UploadWorkload,
    truth_of,
)
from joulesplit.calibrate.workloads._synthetic import block_latency_s
from joulesplit.drivers.simulated import SimulatedClock


class World:
    """Adds up what a board announces."""

    def __init__(self) -> None:
        self.segments: list[tuple[int, int, float]] = []

    def announce(self, start_ns, end_ns, power_w):
        self.segments.append((start_ns, end_ns, power_w))

    @property
    def energy_j(self):
        return sum((end - start) * 1e-9 * power for start, end, power in self.segments)


@pytest.fixture
def blocks(make_block):
    return (make_block(1, 44_000_000, 1_600_000), make_block(2, 8_800_000, 160_000))


@pytest.fixture
def clock():
    return SimulatedClock()


def board_of(blocks, clock):
    world = World()
    return world, SimulatedBoard(BoardCosts(), blocks, world.announce, clock)


def test_an_inference_takes_the_boards_time_and_costs_its_energy(blocks, clock):
    world, board = board_of(blocks, clock)
    began_ns = clock.now_ns()

    for _ in range(10):
        with board.inference(1, 2):
            pass

    latency_s = 44e6 / 4.4e9 + 1.6e6 / 1.6e9 + 8.8e6 / 4.4e9 + 0.16e6 / 1.6e9
    assert (clock.now_ns() - began_ns) * 1e-9 == pytest.approx(10 * latency_s, rel=1e-6)
    assert world.energy_j == pytest.approx(10 * latency_s * 1.35, rel=1e-6)


def test_a_host_that_wakes_late_costs_no_energy_and_delays_nothing_for_good(blocks, clock):
    world, board = board_of(blocks, clock)
    began_ns = clock.now_ns()

    for _ in range(10):
        with board.inference(2, 2):
            clock.advance_ns(300_000)
        clock.advance_ns(200_000)

    latency_s = block_latency_s(BoardCosts(), blocks[1])
    assert world.energy_j == pytest.approx(10 * latency_s * 1.35, rel=1e-6)
    elapsed_s = (clock.now_ns() - began_ns) * 1e-9
    assert elapsed_s == pytest.approx(10 * latency_s + 200e-6, rel=1e-6)


def test_a_drift_of_the_link_raises_what_sending_costs_and_nothing_else(blocks, clock):
    world = World()
    board = SimulatedBoard(BoardCosts(air_drift_per_s=0.01), blocks, world.announce, clock)
    clock.advance_ns(20 * 10**9)

    board.on_air(1_000_000, 0.1)
    sent_j = world.energy_j
    with board.inference(1, 1):
        pass

    assert sent_j == pytest.approx(1.2 * (0.55 * 0.1 + 1.2e-8 * 1e6))
    assert world.energy_j - sent_j == pytest.approx(1.35 * block_latency_s(BoardCosts(), blocks[0]))


def test_e_d_of_the_truth_is_exact_at_full_local(blocks):
    truth = truth_of(BoardCosts(), blocks, 1e7)

    flop = sum(block.flop for block in blocks)
    assert flop / truth.e_d_flop_per_j["net"] == pytest.approx(sum(truth.block_energy_j))
    assert 1 / truth.e_c_bit_per_j["net"] == pytest.approx(0.55 / 1e7 + 1.2e-8)
    assert 1 / truth.e_c_bit_per_j["gross"] == pytest.approx((0.55 + 2.6) / 1e7 + 1.2e-8)


def test_a_block_workload_spends_the_window_cost_once_and_e_l_each_time(blocks, clock):
    world, board = board_of(blocks, clock)
    calls = []
    workload = BlockWorkload(
        name="b",
        first_block=2,
        last_block=2,
        invoke=lambda: calls.append(1),
        clock=clock,
        activity=board,
    )

    done = workload.run(7)

    truth = truth_of(BoardCosts(), blocks, 1e7)
    assert len(calls) == done.repetitions == 7
    assert world.energy_j == pytest.approx(4e-3 + 7 * truth.block_energy_j[1], rel=1e-6)


def test_an_upload_workload_reports_airtime_and_payload(blocks, clock):
    _, board = board_of(blocks, clock)

    def send(payload, rate):
        duration_s = 8 * len(payload) / rate
        board.on_air(8 * len(payload), duration_s)
        clock.advance_ns(round(duration_s * 1e9))
        return duration_s

    workload = UploadWorkload(
        name="u", payload=bytes(1000), rate_bit_per_s=1e6, send=send, clock=clock, activity=board
    )

    done = workload.run(3)

    assert done.payload_bits == 24_000
    assert done.airtime_s == pytest.approx(0.024)


@pytest.mark.parametrize(("has_head", "has_tail"), [(True, True), (True, False), (False, True)])
def test_a_split_workload_runs_only_the_sides_that_there_are(blocks, clock, has_head, has_tail):
    world, board = board_of(blocks, clock)
    steps: list[str] = []

    def offload():
        steps.append("offload")
        return 0.5

    workload = SplitWorkload(
        name="s",
        head_blocks=1 if has_head else 0,
        head=(lambda: steps.append("head")) if has_head else None,
        offload=offload if has_tail else None,
        payload_bits=800,
        clock=clock,
        activity=board,
    )

    done = workload.run(2)

    once = ["head"] * has_head + ["offload"] * has_tail
    assert steps == once * 2
    assert done.airtime_s == (1.0 if has_tail else 0.0)
    assert done.payload_bits == (1600 if has_tail else 0)
    truth = truth_of(BoardCosts(), blocks, 1e7)
    expected_j = 4e-3 + 2 * (truth.block_energy_j[0] * has_head + 5e-3 * has_tail)
    assert world.energy_j == pytest.approx(expected_j, rel=1e-6)


class Slow:
    """A governor that halves the speed from the second inference on, and remembers."""

    def __init__(self) -> None:
        self.asked = 0
        self.spent_until_ns = 0

    def speed_and_power(self, t_ns):
        self.asked += 1
        return (1.0, 1.0) if self.asked == 1 else (0.5, 0.4)

    def spent(self, end_ns, power_w):
        self.spent_until_ns = end_ns


def test_a_throttled_board_takes_longer_and_draws_less(blocks, clock):
    world, slow = World(), Slow()
    board = SimulatedBoard(BoardCosts(), blocks, world.announce, clock, governor=slow)
    began_ns = clock.now_ns()

    for _ in range(2):
        with board.inference(2, 2):
            pass

    latency_s = block_latency_s(BoardCosts(), blocks[1])
    assert (clock.now_ns() - began_ns) * 1e-9 == pytest.approx(3 * latency_s, rel=1e-6)
    assert world.energy_j == pytest.approx(1.35 * latency_s * (1 + 0.4 / 0.5), rel=1e-6)
    assert slow.spent_until_ns == clock.now_ns()


def test_the_truth_bills_sampler_and_leakage_to_idle_and_frames_sent_again_to_the_bits(blocks):
    costs = BoardCosts(sampler_power_w=0.03, retransmitted_share=0.1)

    truth, plain = truth_of(costs, blocks, 1e7, leakage_w=0.05), truth_of(BoardCosts(), blocks, 1e7)

    assert truth.idle_power_w == pytest.approx(2.6 + 0.03 + 0.05)
    assert truth.e_d_flop_per_j["net"] == plain.e_d_flop_per_j["net"]
    assert truth.e_d_flop_per_j["gross"] < plain.e_d_flop_per_j["gross"]
    assert 1 / truth.e_c_bit_per_j["net"] == pytest.approx(0.55 / 1e7 + 1.1 * 1.2e-8)
