from __future__ import annotations

import msgspec
import pytest

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import (
    bits_per_payload_bit,
    downlink_of,
    phase_energies,
    upload_tail,
)
from joulesplit.calibrate.windows import WindowRecord, WindowTask
from joulesplit.metrology import SystematicBudget
from window_records import window_record

EXACT = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
WINDOW_J = 0.004
MADE, MADE_LATER = (f"encoding int8+zlib at l = {block}" for block in (5, 12))
E_J = {"block 1": 0.010, "load": 0.3, MADE: 0.02, MADE_LATER: 0.03}
T_S = {key: energy_j / 1.5 for key, energy_j in E_J.items()}
KINDS = {"b": "compute", "l": "phase", "e": "phase"}
NOISE_J = (1e-5, -2e-5, 1.5e-5, -0.5e-5)


def run(subject: str, repetitions: int, noise_j: float = 0.0, **fields) -> WindowRecord:
    """A window with idle power 2 W and 1.5 W more while it works."""
    work_s = repetitions * T_S.get(subject, 0.01)
    net_j = WINDOW_J + repetitions * E_J.get(subject, 0.0) + noise_j
    block = int(subject[-1]) if subject[-1].isdigit() else 0
    plain = window_record(
        KINDS[subject[0]], subject=subject, block=block, repetitions=repetitions, net_j=net_j,
        work_s=work_s,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **fields)


def runs(*subjects: str, noise=NOISE_J) -> list[WindowRecord]:
    return [
        run(subject, 10 * (number + 1), noise_j)
        for subject in subjects
        for number, noise_j in enumerate(noise)
    ]


def test_without_windows_of_phases_there_are_none():
    assert phase_energies(runs("block 1"), EXACT) == ((), ())


def test_a_phase_that_stands_out_has_an_energy():
    (phase,), none = phase_energies(runs("block 1", "load"), EXACT)

    assert none == ()
    assert phase.name == "load"
    assert phase.energy_j.net.value == pytest.approx(0.3, rel=1e-3)
    assert phase.latency_s.value == pytest.approx(0.2)
    assert phase.energy_bound_j == phase.energy_j.net.ci95[1]


def test_making_what_goes_up_has_an_energy_of_its_encoding_and_block():
    (phase,), (made, later) = phase_energies(runs("block 1", "load", MADE, MADE_LATER), EXACT)

    assert phase.name == "load"
    assert (made.encoding, made.block) == ("int8+zlib", 5)
    assert (later.encoding, later.block) == ("int8+zlib", 12)
    assert later.energy_j.net.value == pytest.approx(0.03, rel=1e-3)
    assert made.energy_j.net.value == pytest.approx(0.02, rel=1e-3)
    assert made.energy_j.gross.value == pytest.approx(0.02 * 3.5 / 1.5, rel=1e-3)
    assert made.latency_s.value == pytest.approx(0.02 / 1.5)


def test_a_phase_that_does_not_stand_out_has_a_time_and_a_bound_and_no_energy():
    loud = [5.0, -5.0, 4.0, -4.0]
    records = [*runs("block 1"), *runs("load", noise=[n - 0.3 * 10 for n in loud])]

    (phase,), _ = phase_energies(records, EXACT)

    assert phase.energy_j is None
    assert phase.latency_s.value == pytest.approx(0.2)
    assert phase.energy_bound_j > 0


def transfer(kind: str, repetitions: int, bits: int, net_j: float, **fields) -> WindowRecord:
    task = WindowTask(kind=kind, subject=f"{kind} {bits}", block=0, repetitions=repetitions)
    airtime_s = repetitions * bits / 4e7
    return run(
        "block 1",
        1,
        task=task,
        airtime_s=airtime_s,
        work_s=airtime_s,
        payload_bits=repetitions * bits,
        net_j=net_j,
        gross_j=net_j + 2.0 * airtime_s,
        **fields,
    )


def test_the_tail_is_the_mean_over_upload_windows_with_its_scatter():
    tails = [0.010, 0.012, None, 0.014]
    records = [transfer("upload", 1, 1000, 0.1, tail_j=tail, settle_s=0.5) for tail in tails] + [
        run("block 1", 5, tail_j=9.0)
    ]

    tail = upload_tail(records, EXACT)

    assert tail.energy_j.value == pytest.approx(0.012)
    assert tail.energy_j.u_stat == pytest.approx(0.002 / 3**0.5)
    assert (tail.energy_j.n, tail.duration_s) == (3, 0.5)
    assert upload_tail(records[:1], EXACT) is None


def test_bits_elsewhere_are_per_payload_bit_over_the_windows_that_were_counted():
    records = [
        transfer("upload", 1, 1000, 0.1, interface_tx_bits=1100),
        transfer("upload", 1, 3000, 0.1, interface_tx_bits=3100),
        transfer("upload", 1, 9000, 0.1),
    ]

    def counted(record):
        return record.interface_tx_bits

    assert bits_per_payload_bit(records, "upload", counted) == pytest.approx(4200 / 4000)
    assert bits_per_payload_bit(records, "download", counted) is None


def downloads(bit_j: float) -> list[WindowRecord]:
    return [
        transfer("download", n, bits, 0.002 * n + bit_j * n * bits + noise_j)
        for n in (4, 8)
        for bits, noise_j in zip((1e5, 1e6, 1e7), NOISE_J, strict=False)
    ]


def test_receiving_costs_a_slope_per_bit_at_the_rate_that_was_reached():
    downlink = downlink_of([*runs("block 1"), *downloads(2e-8)], EXACT)

    assert downlink.rate_bit_per_s == pytest.approx(4e7)
    assert downlink.e_c_bit_per_j.net.value == pytest.approx(5e7, rel=1e-2)
    assert downlink.e_c_bit_per_j.gross.value == pytest.approx(1 / (2e-8 + 2 / 4e7), rel=1e-2)
    low, high = downlink.e_c_bit_per_j.net.ci95
    assert low <= 5e7 <= high


def test_waking_the_radio_once_per_window_is_no_part_of_what_a_bit_received_costs():
    once = downloads(2e-8)
    thrice = [
        transfer("download", 3 * r.task.repetitions, r.payload_bits / r.task.repetitions,
                 3 * r.net_j)
        for r in once
    ]  # fmt: skip
    woken = [msgspec.structs.replace(r, net_j=r.net_j + 0.03) for r in (*once, *thrice)]

    downlink = downlink_of([*runs("block 1"), *woken], EXACT)

    assert downlink.e_c_bit_per_j.net.value == pytest.approx(5e7, rel=1e-2)


AIR_W, BIT_J, DOWNLOAD_J, IDLE_W = 0.4, 1.2e-8, 0.002, 2.0


def received(rate_bit_per_s: float, name: str) -> list[WindowRecord]:
    """Downloads by E = E_0 n + P_air t + e_bit b, with noise that is no part of it."""
    records = []
    for n in (4, 8, 16):
        for bits, noise_j in zip((1e5, 1e6, 1e7), NOISE_J, strict=False):
            airtime_s = n * bits / rate_bit_per_s
            net_j = DOWNLOAD_J * n + AIR_W * airtime_s + BIT_J * n * bits + noise_j
            record = transfer("download", n, bits, net_j)
            task = msgspec.structs.replace(record.task, subject=f"download {bits:g} bit{name}")
            records.append(
                msgspec.structs.replace(
                    record, task=task, airtime_s=airtime_s, work_s=airtime_s,
                    gross_j=net_j + IDLE_W * airtime_s,
                )
            )  # fmt: skip
    return records


def test_receiving_at_several_rates_tells_airtime_from_bits():
    records = [
        *runs("block 1"),
        *received(2e6, " at 2e+06 bit/s"),
        *received(2e7, " at 2e+07 bit/s"),
        *received(6e7, ""),
    ]

    downlink = downlink_of(records, EXACT)

    assert downlink.rate_bit_per_s == pytest.approx(6e7)
    per_bit_j = BIT_J + AIR_W / 6e7
    assert downlink.e_c_bit_per_j.net.value == pytest.approx(1 / per_bit_j, rel=1e-2)
    gross_bit_j = per_bit_j + IDLE_W / 6e7
    assert downlink.e_c_bit_per_j.gross.value == pytest.approx(1 / gross_bit_j, rel=1e-2)
    assert [cost.rate_bit_per_s for cost in downlink.at_rates] == [2e6, 2e7]
    for cost in downlink.at_rates:
        at_rate_j = BIT_J + AIR_W / cost.rate_bit_per_s
        assert cost.e_c_bit_per_j.net.value == pytest.approx(1 / at_rate_j, rel=1e-2)


def test_receiving_at_one_rate_says_nothing_of_others():
    downlink = downlink_of([*runs("block 1"), *received(6e7, "")], EXACT)

    assert downlink.at_rates == ()
    per_bit_j = BIT_J + AIR_W / 6e7
    assert downlink.e_c_bit_per_j.net.value == pytest.approx(1 / per_bit_j, rel=1e-2)


def test_receiving_that_costs_nothing_is_an_error_and_not_a_figure():
    with pytest.raises(EstimateError, match="not above zero"):
        downlink_of([*runs("block 1"), *downloads(-1e-8)], EXACT)
    assert downlink_of(runs("block 1"), EXACT) is None
