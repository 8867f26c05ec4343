"""The worlds that the proof measures: clean ones, and ones with a fault that has to be named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from joulesplit._simulation import WorldSetup, draw_world, without_errors
from joulesplit.calibrate.workloads import BoardCosts
from joulesplit.drivers.simulated import Mishap, Pulses, RadioParameters, Visit
from joulesplit.drivers.simulated._thermal import ThermalParameters

ORIGIN_NS = 10**9

COSTS = BoardCosts(sampler_power_w=0.03, retransmitted_share=0.05)
"""Of every world: the sampler's own power and frames sent again."""

RADIO = RadioParameters(
    bit_energy_j=COSTS.bit_energy_j,
    retransmitted_share=COSTS.retransmitted_share,
    sleep_after_s=0.1,
    wake_s=0.005,
    wake_power_w=0.8,
    tail_s=0.1,
    tail_power_w=0.3,
)
"""Of every world: Wi-Fi that sleeps 100 ms after the last frame (mac80211's dynamic power save),
listens until then and has to wake up for the next one; the powers are assumptions."""

LINK_RATES_BIT_PER_S = (1e6, 2e6, 5e6, 10e6, 20e6)
"""What links take, by where the device stands: the rates of the rigorous plan."""

WARM_C = 55.0
"""About where the board settles while it is measured."""

WARM_UP_LEAVES_K = 2.0
"""The warm-up test leaves the board within so many kelvin of it."""

AMBIENT_C = 25.0

COOL_C = 48.0
"""Where the board settles without work."""

CYCLE_NS = 8_510_000 + 532_000
"""Of an INA219 that averages 16 samples of the current: SBOS448G, table 5, typical."""

CAMPAIGN_S = 92.0
"""How long a quick campaign lasts, its pauses included; drifts are stated over it. Three fifths of
it are windows."""

MakeWorld = Callable[[int], WorldSetup]


def clean_world(seed: int, costs: BoardCosts = COSTS) -> WorldSetup:
    """Return a board with heat, leakage, background load and Wi-Fi; chip as drawn."""
    random = np.random.default_rng([seed, 85])
    setup = draw_world(seed, ORIGIN_NS, costs=costs)
    start_c = WARM_C + float(random.uniform(-WARM_UP_LEAVES_K, WARM_UP_LEAVES_K))
    thermal = ThermalParameters(start_c=start_c, ambient_c=AMBIENT_C, reference_c=WARM_C)
    return replace(
        setup,
        load=replace(setup.load, thermal=thermal),
        radio=replace(
            RADIO,
            bit_energy_j=costs.bit_energy_j,
            retransmitted_share=costs.retransmitted_share,
        ),
    )


def ina226_world(seed: int) -> WorldSetup:
    """Return the clean world measured by an INA226 that is drawn from its data sheet."""
    return replace(clean_world(seed), ina226=draw_world(seed, ORIGIN_NS, chip="ina226").ina226)


def perfect_sensor_world(seed: int) -> WorldSetup:
    """Return the clean world measured by a chip without systematic error."""
    setup = clean_world(seed)
    return replace(setup, chip=without_errors(setup.chip))


def cool_world(seed: int) -> WorldSetup:
    """Return the world of a perfect sensor whose board begins as cool as it idles."""
    setup = perfect_sensor_world(seed)
    random = np.random.default_rng([seed, 48])
    start_c = COOL_C + float(random.uniform(-1.0, 1.0))
    thermal = ThermalParameters(start_c=start_c, ambient_c=AMBIENT_C, reference_c=WARM_C)
    return replace(setup, load=replace(setup.load, thermal=thermal))


def device_world(seed: int) -> WorldSetup:
    """Return a clean world with a board, a radio and a link of its own.

    Costs and background load are drawn evenly on a logarithmic scale, so that the network is best
    split at the input, in the middle or not at all, and now and then two splits are level. Blocks
    run up to 10 % slower inside a network than alone, and the radio wakes up and trails.
    """
    random = np.random.default_rng([seed, 41])

    def drawn(low: float, high: float) -> float:
        return float(low * (high / low) ** random.uniform())

    speed = drawn(0.5, 2.0)
    costs = replace(
        COSTS,
        flop_rate_per_s=speed * COSTS.flop_rate_per_s,
        memory_rate_bit_per_s=speed * COSTS.memory_rate_bit_per_s,
        compute_power_w=drawn(0.8, 2.0),
        air_power_w=drawn(0.25, 0.9),
        bit_energy_j=drawn(4e-9, 16e-9),
        upload_cost_j=drawn(2e-3, 10e-3),
        cold_share=float(random.uniform(0.0, 0.1)),
    )
    setup = clean_world(seed, costs)
    load = replace(setup.load, background_sd_w=drawn(4e-3, 24e-3))
    assert setup.radio is not None
    radio = replace(setup.radio, tail_s=drawn(0.02, 0.2), tail_power_w=drawn(0.1, 0.4))
    return replace(
        setup,
        load=load,
        radio=radio,
        link_rate_bit_per_s=float(random.choice(LINK_RATES_BIT_PER_S)),
    )


def idle_drift_world(seed: int) -> WorldSetup:
    """Return a clean world whose idle power moves by 4 to 8 % of itself during the campaign."""
    setup = clean_world(seed)
    relative = _signed(seed, 4e-2, 8e-2)
    drift_w_per_s = relative * setup.load.idle_power_w / CAMPAIGN_S
    return replace(setup, load=replace(setup.load, drift_w_per_s=drift_w_per_s))


def work_drift_world(seed: int) -> WorldSetup:
    """Return a clean world whose work costs 12 to 20 % more or less at the end of the campaign."""
    setup = clean_world(seed)
    relative = _signed(seed, 12e-2, 20e-2)
    return replace(setup, costs=replace(setup.costs, compute_drift_per_s=relative / CAMPAIGN_S))


def link_drift_world(seed: int) -> WorldSetup:
    """Return a clean world whose sending costs 12 to 20 % more or less at the campaign's end."""
    setup = clean_world(seed)
    relative = _signed(seed, 12e-2, 20e-2)
    return replace(setup, costs=replace(setup.costs, air_drift_per_s=relative / CAMPAIGN_S))


def throttling_world(seed: int) -> WorldSetup:
    """Return a clean world in surroundings so hot that the board reaches 80 °C while measured."""
    setup = clean_world(seed)
    start_c = float(np.random.default_rng([seed, 80]).uniform(75.0, 79.0))
    thermal = ThermalParameters(start_c=start_c, ambient_c=58.0, reference_c=WARM_C)
    return replace(setup, load=replace(setup.load, thermal=thermal))


def clipping_world(seed: int) -> WorldSetup:
    """Return a clean world whose work takes the current past the sensor's range."""
    setup = clean_world(seed)
    return replace(setup, costs=replace(setup.costs, compute_power_w=6.0))


def clipped_samples_world(seed: int) -> WorldSetup:
    """Return a clean world whose work comes in pulses past the range, in means well inside it."""
    setup = clean_world(seed)
    return replace(
        setup,
        costs=replace(setup.costs, compute_power_w=4.0),
        pulses=Pulses(period_ns=2_000_000, duty=0.4, more=1.2),
    )


def phase_locked_world(seed: int) -> WorldSetup:
    """Return a perfect sensor's world whose work comes in pulses of ±40 %, two to its cycle.

    Their period is within 0.3 % of half the cycle, so that whole windows have the same part of
    the pulses where the chip converts the voltage and does not see the current.
    """
    setup = perfect_sensor_world(seed)
    off = float(np.random.default_rng([seed, 61]).uniform(-0.003, 0.003))
    half_ns = 0.5 * setup.chip.conversion_time_scale * CYCLE_NS * (1 + off)
    return replace(setup, pulses=Pulses(period_ns=round(half_ns), duty=0.5, more=0.4))


def corrupt_words_world(seed: int) -> WorldSetup:
    """Return a clean world in which 0.3 % of the words arrive as all ones."""
    return replace(clean_world(seed), corrupt_share=0.003)


def held_bus_world(seed: int) -> WorldSetup:
    """Return a clean world in which another device has the bus for 40 of every 200 ms.

    In virtual time a sensor that is held up for longer would ask for load not yet announced.
    """
    return replace(clean_world(seed), bus_held_ms=(200, 40))


def busy_world(seed: int) -> WorldSetup:
    """Return a clean world with another program: a burst of 0.3 s every 2 s, half the speed."""
    return _visited(seed, every_s=2.0, lasts_s=0.3, power_w=0.4, speed=0.5)


def shared_link_world(seed: int) -> WorldSetup:
    """Return a clean world whose radio is also used by others: 0.1 s every 0.6 s."""
    return _visited(seed, every_s=0.6, lasts_s=0.1, power_w=0.25, speed=1.0)


def short_tail_world(seed: int) -> WorldSetup:
    """Return a clean world whose radio stays awake for 0.2 s; the quick plan waits 0.15 s."""
    return _with_tail(seed, tail_s=0.2, tail_power_w=RADIO.tail_power_w)


def long_tail_world(seed: int) -> WorldSetup:
    """Return a clean world whose radio half sleeps for 3 s, through windows that follow."""
    return _with_tail(seed, tail_s=3.0, tail_power_w=0.05)


def reset_world(seed: int) -> WorldSetup:
    """Return a clean world whose chip browns out, once at least within a window."""
    return _befallen(seed, *(Mishap(kind="reset", at_s=t) for t in _moments_s(seed)))


def foreign_writer_world(seed: int) -> WorldSetup:
    """Return a clean world in which another program configures the chip about every 3 s."""
    times_s = _random_times_s(seed, every_s=3.0)
    return _befallen(seed, *(Mishap(kind="foreign-write", at_s=t) for t in times_s))


def suspended_world(seed: int) -> WorldSetup:
    """Return a clean world whose reader's clock stands still for 4 ms now and then.

    That is not a whole cycle, and once at least it is within a window.
    """
    return _befallen(
        seed, *(Mishap(kind="clock-stood-still", at_s=t, lasts_s=4e-3) for t in _moments_s(seed))
    )


def held_up_world(seed: int) -> WorldSetup:
    """Return a clean world whose reader does not run for 40 ms about once a second."""
    times_s = _random_times_s(seed, every_s=1.0)
    return _befallen(seed, *(Mishap(kind="held-up", at_s=t, lasts_s=0.04) for t in times_s))


def stuck_world(seed: int) -> WorldSetup:
    """Return a clean world whose sensor shows the same results for 2 s.

    Where that makes a block's energy negative, the campaign ends with an error and no figures.
    """
    return _befallen(seed, Mishap(kind="stuck", at_s=_middle_s(seed), lasts_s=2.0))


def _befallen(seed: int, *mishaps: Mishap) -> WorldSetup:
    return replace(clean_world(seed), mishaps=mishaps)


def _with_tail(seed: int, *, tail_s: float, tail_power_w: float) -> WorldSetup:
    setup = clean_world(seed)
    assert setup.radio is not None
    radio = replace(setup.radio, tail_s=tail_s, tail_power_w=tail_power_w)
    return replace(setup, radio=radio)


def _visited(
    seed: int, *, every_s: float, lasts_s: float, power_w: float, speed: float
) -> WorldSetup:
    times_s = _random_times_s(seed, every_s=every_s)
    visits = (Visit(at_s=t, lasts_s=lasts_s, power_w=power_w, speed=speed) for t in times_s)
    return replace(clean_world(seed), visits=tuple(visits))


def _middle_s(seed: int) -> float:
    """Return a moment well inside a campaign, s."""
    return float(np.random.default_rng([seed, 51]).uniform(0.3, 0.7) * CAMPAIGN_S)


def _moments_s(seed: int) -> list[float]:
    """Return moments well inside a campaign, s; between windows lie all of them in one of 200."""
    return sorted(np.random.default_rng([seed, 53]).uniform(0.2, 0.8, 6) * CAMPAIGN_S)


def _random_times_s(seed: int, *, every_s: float) -> list[float]:
    """Return moments over a campaign that come at random, so far apart in the mean, s."""
    random = np.random.default_rng([seed, 52])
    count = int(random.poisson(CAMPAIGN_S / every_s))
    return sorted(random.uniform(0.0, CAMPAIGN_S, count).tolist())


def _signed(seed: int, low: float, high: float) -> float:
    random = np.random.default_rng([seed, 7])
    return float(random.uniform(low, high) * random.choice((-1, 1)))
