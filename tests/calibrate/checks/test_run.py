from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import t as student_t

from joulesplit.calibrate.checks import CATALOGUE, Evidence, judge
from joulesplit.calibrate.checks._outlasting import lingering_share, unsettled_share
from joulesplit.calibrate.checks._scatter import TWO_MODES_LIMIT, two_group_share
from joulesplit.calibrate.profile import Check, Quantity
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord, WindowTask
from joulesplit.drivers.readings import SensorDescription
from window_records import probed, rested, window_record

QUANTITY = Quantity(value=1e9, unit="FLOP/J", ci95=(0.99e9, 1.01e9), u_stat=1e6, u_sys=5e6, n=9)


RATE_BIT_PER_S = 2e7
NOISE = np.random.default_rng(1).standard_normal(120)


def record(number: int, kind: str = "control", **fields) -> WindowRecord:
    plain = {"net_j": 0.6, "work_s": 0.5, "idle_s": 0.3, "readings": 50}
    return window_record(
        kind, subject="block 1", block=1, repetitions=5, number=number, **(plain | fields)
    )


def compute_windows(
    *, noise_j=None, pace=lambda _: 1.0, share=lambda _: 1.0, count: int = 8
) -> list[WindowRecord]:
    """Windows of four blocks at three lengths, ``count`` times, in order of time."""
    random = np.random.default_rng(2)
    windows = []
    for number in range(12 * count):
        block, repetitions = number % 4 + 1, (4, 8, 16)[number // 4 % 3]
        work_s = (0.01 + 0.05 * block * repetitions) * pace(number)
        error_j = noise_j(number) if noise_j else 1e-3 * random.standard_normal()
        windows.append(
            record(
                number,
                kind="compute",
                task=WindowTask(
                    kind="compute",
                    subject=f"block {block}",
                    block=block,
                    repetitions=repetitions,
                ),
                work_s=work_s,
                net_j=(0.01 + 0.06 * block * repetitions) * share(number) + error_j,
            )
        )
    return windows


def upload_windows(
    *lengths_s: float, step_w: float = 0.0, kind: str = "upload"
) -> list[WindowRecord]:
    """Windows of transfers of three sizes at two rates, as long as asked for, in order of time."""
    windows = []
    for bits in (32_000, 600_000, 6_000_000):
        for rate in (5e6, RATE_BIT_PER_S):
            for length_s in lengths_s:
                number, airtime_s = len(windows), bits / rate
                uploads = max(1, round(length_s / (airtime_s + 0.01)))
                windows.append(
                    record(
                        number,
                        kind=kind,
                        task=WindowTask(
                            kind=kind, subject=f"{bits} {rate}", block=0, repetitions=uploads
                        ),
                        work_s=uploads * (airtime_s + 0.01),
                        airtime_s=uploads * airtime_s,
                        payload_bits=uploads * bits,
                        net_j=uploads * (5e-3 + 0.6 * airtime_s + 1e-8 * bits)
                        + 1e-4 * (number % 7),
                        idle_step_w=step_w + 2e-3 * NOISE[number],
                    )
                )
    return windows


def once_with(records: list[WindowRecord], **fields) -> list[WindowRecord]:
    """Return the windows, the last of which has other fields."""
    return [*records[:-1], msgspec.structs.replace(records[-1], **fields)]


def sending_windows(
    cost: Callable[[int], float] = lambda _: 1.0, *, noise: float = 0.01, count: int = 60
) -> list[WindowRecord]:
    """Uploads in an order of chance, whose sending costs so many times the usual by number."""
    random = np.random.default_rng(4)
    kinds = upload_windows(0.3, 0.9)
    windows = []
    for number in range(count):
        usual = kinds[int(random.integers(len(kinds)))]
        sending_j = 0.6 * usual.airtime_s + 1e-8 * usual.payload_bits
        error_j = noise * random.standard_normal() * usual.net_j
        windows.append(
            msgspec.structs.replace(
                usual,
                started_ns=number * 10**9,
                net_j=usual.net_j + (cost(number) - 1) * sending_j + error_j,
                idle_step_w=2e-3 * NOISE[number],
            )
        )
    return windows


def moving_uploads(share: float) -> list[WindowRecord]:
    """Uploads whose sending costs more or less through six windows at a time."""
    return sending_windows(lambda n: 1.0 + share * sum(NOISE[n : n + 6]), noise=3e-3)


SENSOR = SensorDescription(
    kind="test",
    name="test",
    rail="5 V",
    includes="all",
    simulated=False,
    modelled=False,
    cycle_s=9e-3,
    observed_fraction=0.94,
    voltage_resolution_v=4e-3,
    current_resolution_a=1e-4,
    full_scale_a=1.6,
    accuracy=(),
)


def evidence(**fields) -> Evidence:
    plain = {
        "records": [record(n) for n in range(10)],
        "sampling": SamplerStatistics(readings=500, lost=0, clipped=0, cpu_fraction=0.02),
        "throttled_bits": 0,
        "e_d": QUANTITY,
        "e_c": QUANTITY,
        "stated_rate_bit_per_s": RATE_BIT_PER_S,
        "rates_left_out_bit_per_s": (),
        "loopback": False,
        "simulated": False,
    }
    return Evidence(**(plain | fields))


def test_a_clean_campaign_is_valid():
    quality = judge(evidence())

    assert quality.verdict == "valid"
    assert {check.outcome for check in quality.checks} == {"pass"}


SAMPLING = SamplerStatistics(readings=500, lost=0, clipped=0, cpu_fraction=None)
WIDE = msgspec.structs.replace(QUANTITY, ci95=(0.9e9, 1.1e9))


@pytest.mark.parametrize(
    ("name", "verdict", "fields"),
    [
        ("lost-conversions", "suspect", {"sampling": replace(SAMPLING, lost=6)}),
        ("clipped-readings", "rejected", {"sampling": replace(SAMPLING, clipped=1)}),
        ("chip-resets", "rejected", {"records": [record(1), record(2, resets=1), record(3)]}),
        ("clock-steps", "rejected", {"records": [record(1), record(2, clock_steps=1), record(3)]}),
        ("stuck-readings", "rejected", {"sampling": replace(SAMPLING, stuck=1)}),
        (
            "idle-drift",
            "suspect",
            {"records": [record(n, idle_power_w=2.0 + 0.01 * n) for n in range(10)]},
        ),
        (
            "control-repeat",
            "suspect",
            {"records": [record(n, net_j=0.6 + 0.005 * n) for n in range(10)]},
        ),
        (
            "supply-voltage",
            "suspect",
            {"records": [record(1), record(2, minimum_voltage_v=4.6), record(3)]},
        ),
        ("throttling", "rejected", {"throttled_bits": 0x4}),
        ("e_d-interval", "suspect", {"e_d": WIDE}),
        ("e_c-interval", "suspect", {"e_c": WIDE}),
        ("link-on-air", "suspect", {"loopback": True}),
        ("rates-left-out", "suspect", {"rates_left_out_bit_per_s": (2e6, 2e7)}),
        (
            "a-a-difference",
            "suspect",
            {"records": [record(n, net_j=0.6 + 0.003 * (n % 2) + 1e-5 * n) for n in range(10)]},
        ),
        (
            "steady-pace",
            "suspect",
            {"records": compute_windows(pace=lambda n: 1.4 if 40 < n < 60 else 1.0)},
        ),
        (
            "outlying-windows",
            "suspect",
            {"records": compute_windows(noise_j=lambda n: 0.05 if n == 7 else 1e-3 * NOISE[n])},
        ),
        (
            "spoilt-windows",
            "suspect",
            {"records": [record(n, foreign_cpu=0.5 if n == 2 else 0.1) for n in range(1, 11)]},
        ),
        (
            "paging",
            "suspect",
            {"records": [record(n, paging=6 if n == 2 else 5) for n in range(1, 11)]},
        ),
        (
            "autocorrelation",
            "suspect",
            {"records": compute_windows(noise_j=lambda n: 1e-3 * sum(NOISE[n : n + 8]))},
        ),
        (
            "two-modes",
            "suspect",
            {"records": compute_windows(share=lambda n: 1.0 + 0.05 * (NOISE[n] > 0))},
        ),
        (
            "settled-after-compute",
            "suspect",
            {
                "records": [
                    msgspec.structs.replace(window, idle_step_w=0.02 + 2e-3 * NOISE[n])
                    for n, window in enumerate(compute_windows())
                ]
            },
        ),
        (
            "settled-after-upload",
            "suspect",
            {"records": upload_windows(0.3, 0.9, step_w=0.05)},
        ),
        (
            "settled-after-download",
            "suspect",
            {"records": upload_windows(0.3, 0.9, step_w=0.05, kind="download")},
        ),
        (
            "late-work",
            "suspect",
            {"records": [record(n, kind="compute", rest=rested(0.02)) for n in range(3)]},
        ),
        (
            "late-uploads",
            "suspect",
            {"records": once_with(upload_windows(0.3, 0.9), rest=rested(0.02))},
        ),
        (
            "late-downloads",
            "suspect",
            {"records": once_with(upload_windows(0.3, 0.9, kind="download"), rest=rested(0.02))},
        ),
        (
            "sampler-alike",
            "suspect",
            {"records": [record(n, kind="compute", rest=probed(0.045, 0.005)) for n in range(3)]},
        ),
        (
            "spoilt-rests",
            "suspect",
            {"records": once_with(upload_windows(0.3, 0.9), spoilt_rests=3)},
        ),
        ("burst-told", "suspect", {"records": upload_windows(0.6)}),
        (
            "outlying-uploads",
            "suspect",
            {"records": sending_windows(lambda n: 1.5 if n == 7 else 1.0)},
        ),
        (
            "upload-drift",
            "suspect",
            {"records": sending_windows(lambda n: 1.0 + 0.16 * n / 59, noise=0.03)},
        ),
        (
            "upload-autocorrelation",
            "suspect",
            {"records": moving_uploads(0.02)},
        ),
        (
            "upload-two-modes",
            "suspect",
            {"records": sending_windows(lambda n: 1.0 + 0.1 * (NOISE[n] > 0))},
        ),
        (
            "stated-rate",
            "suspect",
            {"records": upload_windows(0.3, 0.9), "stated_rate_bit_per_s": RATE_BIT_PER_S / 0.94},
        ),
        (
            "edge-term",
            "suspect",
            {
                "records": compute_windows(),
                "sensor": replace(SENSOR, cycle_s=0.068, observed_fraction=0.5),
            },
        ),
        (
            "made-elsewhere",
            "suspect",
            {
                "extra": [
                    Check(
                        name="made-elsewhere",
                        value=2.0,
                        limit=1.0,
                        unit="1",
                        outcome="warn",
                        advice="do",
                    )
                ]
            },
        ),
    ],
)
def test_each_fault_fails_its_own_check_and_says_what_to_do(name, verdict, fields):
    quality = judge(evidence(**fields))

    troubled = [check for check in quality.checks if check.outcome != "pass"]
    assert [check.name for check in troubled] == [name]
    assert troubled[0].advice
    assert quality.verdict == verdict


def test_memory_that_was_short_is_told_with_its_window_and_a_few_pages_are_let_pass():
    """Five of a millisecond are a hundredth of half a second; untold, nothing is said."""

    def found(*pages):
        records = [record(n, paging=count) for n, count in enumerate(pages)]
        return [c for c in judge(evidence(records=records)).checks if c.name == "paging"]

    (few,) = found(0, 5, None)
    assert (few.value, few.outcome) == (0, "pass")
    (many,) = found(0, 6, 900, None)
    assert (many.value, many.outcome) == (2 / 3, "warn")
    assert many.advice.startswith("memory was short in 2 of 3 windows (block 1 at 2 s: 900 pages)")
    assert found(None, None) == []
    # A file that is read for the first time, in one window of twenty.
    (first,) = found(900, *([0] * 19))
    assert (first.value, first.outcome) == (0.05, "pass")


def test_an_outlying_window_is_told_with_its_time_and_what_ran_beside_it():
    records = compute_windows(noise_j=lambda n: 0.05 if n == 7 else 1e-3 * NOISE[n])
    records[7] = msgspec.structs.replace(
        records[7], foreign_cpu=0.48, foreign_programs="cc1plus 48%"
    )
    after_s = (records[7].started_ns - records[0].started_ns) * 1e-9

    (check,) = [c for c in judge(evidence(records=records)).checks if c.name == "outlying-windows"]

    named = f"{records[7].task.subject} at {after_s:.0f} s, beside cc1plus 48%"
    assert check.advice.startswith(f"{named}: far off the fit")


def test_clean_compute_windows_pass_and_their_scatter_was_looked_at():
    quality = judge(evidence(records=compute_windows(), sensor=SENSOR))

    names = {check.name for check in quality.checks}
    assert quality.verdict == "valid"
    scatter = {"outlying-windows", "autocorrelation", "two-modes"}
    assert {"steady-pace", "edge-term"} | scatter <= names


def test_clean_uploads_pass_and_their_scatter_was_looked_at():
    quality = judge(evidence(records=sending_windows()))

    names = {check.name for check in quality.checks}
    assert quality.verdict == "valid"
    # Of windows that say neither how they were paced nor what became of their segments.
    scatter = {spec.name for spec in CATALOGUE["The scatter of the uploads"]}
    untold = {"uploads-straight", "uploads-alike", "disturbed-uploads", "uploads-sent-again"}
    untold |= {"upload-times-straight"}
    assert scatter - untold <= names


def test_few_uploads_tell_of_outliers_and_drift_alone():
    checks = judge(evidence(records=sending_windows(count=19))).checks

    found = {check.name for check in checks if "upload" in check.name}
    assert found == {"settled-after-upload", "outlying-uploads", "upload-drift"}


def upload_drift(windows: list[WindowRecord]) -> Check:
    (check,) = (c for c in judge(evidence(records=windows)).checks if c.name == "upload-drift")
    return check


@pytest.mark.parametrize("drift", [0.16, -0.16])
def test_the_drift_of_what_sending_costs_is_found_as_it_is(drift):
    """From 1 − δ/2 to 1 + δ/2, so that the mean over the campaign stays; either way."""
    windows = sending_windows(lambda n: 1 + drift * (n / 59 - 0.5), noise=1e-3)

    check = upload_drift(windows)

    assert check.value == pytest.approx(0.16, rel=0.05)
    assert (check.limit, check.outcome) == (pytest.approx(0.03), "warn")


def test_a_drift_that_hardly_moves_e_c_is_let_pass_however_well_it_is_known():
    check = upload_drift(sending_windows(lambda n: 1 + 0.02 * (n / 59 - 0.5), noise=1e-4))

    assert check.value == pytest.approx(0.02, rel=0.05)
    assert check.outcome == "pass"


def test_a_drift_that_chance_explains_is_let_pass_however_large():
    checks = [upload_drift(sending_windows(noise=0.2, count=count)) for count in range(20, 60, 4)]

    assert max(check.value for check in checks) > 0.03
    assert {check.outcome for check in checks} == {"pass"}


def test_uploads_that_cost_more_by_turns_are_no_independent_repeats():
    windows = sending_windows(lambda n: 1.0 + 0.12 * (n % 2))

    names = {c.name for c in judge(evidence(records=windows)).checks if c.outcome != "pass"}

    assert names == {"upload-autocorrelation", "upload-two-modes"}


def test_uploads_that_cost_more_from_half_way_are_called_a_drift():
    windows = sending_windows(lambda n: 1.0 + 0.12 * (n >= 30))

    assert upload_drift(windows).outcome == "warn"


@pytest.mark.parametrize("count", [20, 30, 60, 120])
def test_two_groups_of_normal_uploads_hardly_ever_reach_the_limit(count):
    random = np.random.default_rng(count)
    limit = 2 / np.pi + 1.25 / count**0.5

    reached = sum(two_group_share(random.standard_normal(count)) > limit for _ in range(4000))

    # One in ten thousand; more than four happen by chance in one of 16 000 such tests.
    assert reached <= 4


def test_clean_upload_windows_of_two_lengths_pass_and_their_ends_were_looked_at():
    quality = judge(evidence(records=upload_windows(0.3, 0.9)))

    assert quality.verdict == "valid"
    looked_at = {"settled-after-upload", "burst-told", "stated-rate"}
    assert looked_at <= {check.name for check in quality.checks}


def test_the_rates_without_e_c_are_named():
    checks = judge(evidence(rates_left_out_bit_per_s=(2e6, 2e7))).checks

    (advice,) = (check.advice for check in checks if check.name == "rates-left-out")
    assert "2e+06 bit/s, 2e+07 bit/s" in advice


def test_a_rate_that_is_missed_by_less_than_a_twentieth_counts_as_reached():
    windows = upload_windows(0.3, 0.9)

    quality = judge(evidence(records=windows, stated_rate_bit_per_s=RATE_BIT_PER_S / 0.96))

    assert quality.verdict == "valid"


def test_steps_that_chance_explains_leave_nothing_unsettled():
    windows = upload_windows(0.3, 0.9)
    share = 0.02 / (sum(w.net_j for w in windows) / sum(w.work_s for w in windows))

    assert unsettled_share(windows) == 0.0
    for step_w in (0.04, -0.04):
        found = unsettled_share(upload_windows(0.3, 0.9, step_w=step_w))
        assert found == pytest.approx(share, rel=0.2)


def carried_over(lasts: int, fall_w: float, kind: str = "upload") -> list[WindowRecord]:
    """Windows of work, every sixth a transfer; the next ``lasts`` have an idle so much higher."""
    since = [(number - 1) % 6 for number in range(60)]
    return [
        record(
            number,
            kind=kind if number % 6 == 0 else "compute",
            idle_power_w=2.0 + 2e-3 * NOISE[number] + fall_w * (since[number] < lasts),
        )
        for number in range(60)
    ]


@pytest.mark.parametrize("kind", ["upload", "download"])
@pytest.mark.parametrize("lasts", range(1, 6))
def test_what_outlasts_whole_windows_is_told_from_the_idle_power_of_the_others(kind, lasts):
    """Transfers take 1.2 W; 60 mW are left, and no window sees a step of them."""
    share = lingering_share(carried_over(lasts, 0.06, kind), kind)

    assert share == pytest.approx(0.05, rel=0.1)
    # Idle that is lower soon after a transfer is as little that of the others.
    lower = lingering_share(carried_over(lasts, -0.06, kind), kind)
    assert lower == pytest.approx(0.05, rel=0.1)
    assert lingering_share(carried_over(6, 0.06, kind), kind) == 0.0, "nothing to compare with"


def test_idle_power_that_drifts_or_scatters_lasts_no_transfer():
    drifting = [
        msgspec.structs.replace(window, idle_power_w=window.idle_power_w - 0.002 * number)
        for number, window in enumerate(carried_over(3, 0.0))
    ]

    assert lingering_share(carried_over(3, 0.0), "upload") == 0.0
    assert lingering_share(drifting, "upload") == 0.0


def test_a_window_without_energy_leaves_the_modes_countable():
    """A sensor that was stuck through it; a share of nought would be no number."""
    windows = compute_windows()
    windows[5] = msgspec.structs.replace(windows[5], net_j=0.0)

    (modes,) = (c for c in judge(evidence(records=windows)).checks if c.name == "two-modes")

    assert 0 <= modes.value <= 1


def test_half_of_a_normal_sample_is_no_second_mode():
    shares = [two_group_share(np.random.default_rng(k).standard_normal(60)) for k in range(200)]

    # Two halves of a normal distribution explain 2/π of its variance.
    assert np.mean(shares) == pytest.approx(2 / np.pi, abs=0.03)
    assert max(shares) < TWO_MODES_LIMIT


def test_throttling_in_the_past_does_not_spoil_a_campaign():
    assert judge(evidence(throttled_bits=0x50000)).verdict == "valid"


def test_what_cannot_be_known_is_not_checked():
    names = {check.name for check in judge(evidence(throttled_bits=None, simulated=True)).checks}

    assert "throttling" not in names
    assert "link-on-air" not in names


def drifting(share: float) -> list[WindowRecord]:
    return [record(n, idle_power_w=2.0 * (1 + share * (n / 9 - 0.5))) for n in range(10)]


def with_steps(kind: str, watt: float) -> list[WindowRecord]:
    """Windows at 1.2 W above idle whose idle power steps up by so much, exactly."""
    air = {"airtime_s": 0.1, "payload_bits": 10**6}
    return [record(n, kind=kind, idle_step_w=watt, **air) for n in range(10)]


def alternating(share: float) -> list[WindowRecord]:
    """Controls of which every second one takes so much more; each five scatter by ±1 mJ."""
    return [
        record(n, net_j=0.6 * (1 + share * (n % 2 - 0.5)) + 1e-3 * (n // 2 - 2)) for n in range(10)
    ]


# Means of two samples of five; the standard deviation of −2, −1, 0, 1, 2 mJ is √2.5 mJ.
A_A_LIMIT = student_t.ppf(0.999, 8) * np.sqrt(2.5e-6 * 2 / 5) / 0.6

LIMITS = {
    "lost-conversions": lambda x: {
        "sampling": replace(SAMPLING, readings=10**6 - round(1e6 * x), lost=round(1e6 * x))
    },
    "edge-term": lambda x: {
        "records": [record(n, kind="compute") for n in range(3)],
        "sensor": replace(SENSOR, observed_fraction=0.0, cycle_s=x * 6**0.5 * 0.5),
    },
    "idle-drift": lambda x: {"records": drifting(x)},
    "control-repeat": lambda x: {"records": [record(n, net_j=1 + x * (n > 4)) for n in range(10)]},
    "a-a-difference": lambda x: {"records": alternating(x)},
    "supply-voltage": lambda x: {
        "records": [record(n, minimum_voltage_v=x + 0.1 * n) for n in range(3)]
    },
    "steady-pace": lambda x: {
        "records": compute_windows(pace=lambda n: 1 + x * (n % 5 == 0)),
    },
    "autocorrelation": lambda x: {
        "records": compute_windows(
            noise_j=lambda n: 1e-3 * (NOISE[n] + x * sum(NOISE[n + 1 : n + 8]))
        )
    },
    "two-modes": lambda x: {
        "records": compute_windows(share=lambda n: 1 + x * (NOISE[n] > 0), count=4)
    },
    "upload-drift": lambda x: {"records": sending_windows(lambda n: 1 + x * n / 59, noise=1e-4)},
    "upload-autocorrelation": lambda x: {"records": moving_uploads(x)},
    "upload-two-modes": lambda x: {
        "records": sending_windows(lambda n: 1 + x * (NOISE[n] > 0), noise=0.02)
    },
    "settled-after-compute": lambda x: {"records": with_steps("compute", 2 * 1.2 * x)},
    "settled-after-upload": lambda x: {"records": with_steps("upload", 2 * 1.2 * x)},
    "settled-after-download": lambda x: {"records": with_steps("download", 2 * 1.2 * x)},
    "late-work": lambda x: {
        "records": [record(n, kind="compute", rest=rested(x, noise_w=1e-6)) for n in range(3)]
    },
    "e_d-interval": lambda x: {"e_d": wide(x)},
    "e_c-interval": lambda x: {"e_c": wide(x)},
}
"""Evidence in which a check finds x; where it finds something else, that rises with x."""


def wide(share: float) -> Quantity:
    return msgspec.structs.replace(QUANTITY, ci95=(1e9 * (1 - share), 1e9 * (1 + share)))


STATED = {
    "lost-conversions": 0.01,
    "edge-term": 0.005,
    "idle-drift": 0.02,
    "control-repeat": 0.03,
    "a-a-difference": A_A_LIMIT,
    "supply-voltage": 4.63,
    "steady-pace": 0.05,
    "autocorrelation": 3.3,
    "two-modes": 0.85,
    "upload-drift": 0.03,
    "upload-autocorrelation": 3.89,
    "upload-two-modes": 2 / np.pi + 1.25 / 60**0.5,
    "settled-after-compute": 0.005,
    "settled-after-upload": 0.005,
    "settled-after-download": 0.005,
    "late-work": 0.005,
    "e_d-interval": 0.05,
    "e_c-interval": 0.05,
}
"""What the checks are held to, written down a second time."""

FOUND_INDIRECTLY = {
    "steady-pace": (0.01, 0.5),
    "autocorrelation": (0, 1),
    "two-modes": (0, 0.2),
    "upload-drift": (0, 0.2),
    "upload-autocorrelation": (0.002, 0.05),
    "upload-two-modes": (0.05, 0.3),
}
"""Checks that find something else than x, and the range of x that their limit lies in."""


def outcome(name: str, x: float) -> Check:
    (check,) = (c for c in judge(evidence(**LIMITS[name](x))).checks if c.name == name)
    return check


def x_that_gives(name: str, value: float) -> float:
    if name not in FOUND_INDIRECTLY:
        return value
    found: float = brentq(lambda x: outcome(name, x).value - value, *FOUND_INDIRECTLY[name])
    return found


@pytest.mark.parametrize("name", LIMITS)
def test_just_inside_its_limit_a_check_passes_and_just_outside_it_does_not(name):
    limit, step = STATED[name], 0.001 if name == "supply-voltage" else 0.02
    inside, outside = (1 + step, 1 - step) if name == "supply-voltage" else (1 - step, 1 + step)

    passed = outcome(name, x_that_gives(name, inside * limit))
    warned = outcome(name, x_that_gives(name, outside * limit))

    assert passed.value == pytest.approx(inside * limit, rel=1e-3)
    assert warned.value == pytest.approx(outside * limit, rel=1e-3)
    assert (passed.outcome, warned.outcome) == ("pass", "warn")


@pytest.mark.parametrize("bits", [0x1, 0x2, 0x4, 0x8])
def test_any_bit_that_holds_is_throttling(bits):
    (check,) = (c for c in judge(evidence(throttled_bits=bits)).checks if c.name == "throttling")
    assert check.outcome == "fail"
