"""Every named check that a profile or a measured command may hold. Plain data.

Those of a profile are in the order of a campaign.
"""

from __future__ import annotations

from joulesplit.calibrate.checks import _board_power as board_power
from joulesplit.calibrate.checks import _command_checks as runs
from joulesplit.calibrate.checks import _conditions as conditions
from joulesplit.calibrate.checks import _counts as counts
from joulesplit.calibrate.checks import _derived as derived
from joulesplit.calibrate.checks import _ending as ending
from joulesplit.calibrate.checks import _interval_widths as interval_widths
from joulesplit.calibrate.checks import _outlasting as outlasting
from joulesplit.calibrate.checks import _plausibility as plausibility
from joulesplit.calibrate.checks import _response as response
from joulesplit.calibrate.checks import _results as results
from joulesplit.calibrate.checks import _sampler_cost as sampler_cost
from joulesplit.calibrate.checks import _scatter as scatter
from joulesplit.calibrate.checks import _sensor as sensor
from joulesplit.calibrate.checks import _soundness as soundness
from joulesplit.calibrate.checks import _spoilt as spoilt
from joulesplit.calibrate.checks import _steadiness as steadiness
from joulesplit.calibrate.checks import _upload_scatter as upload_scatter
from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.profile import PROFILES_AGREE

CATALOGUE: dict[str, tuple[CheckSpec, ...]] = {
    "The sensor and its reading": (
        sensor.LOST_CONVERSIONS,
        sensor.CLIPPED_READINGS,
        sensor.HEADROOM,
        sensor.READINGS_IN_RANGE,
        sensor.CHIP_RESETS,
        sensor.FOREIGN_WRITER,
        sensor.CLOCK_STEPS,
        sensor.STUCK_READINGS,
        sensor.DOUBTFUL_WORDS,
        sensor.LATE_READER,
        sensor.EDGE_TERM,
        sampler_cost.SAMPLER_ALIKE,
        board_power.BOARD_POWER,
    ),
    "How the sensor follows a step of load": (
        response.STEP_SEEN,
        response.STEP_UNDERSTOOD,
        response.REFRESH_PERIOD,
        response.SENSOR_DELAY,
        response.STEP_RESPONSE,
    ),
    "The device from first to last window": (
        steadiness.IDLE_DRIFT,
        steadiness.CONTROL_REPEAT,
        steadiness.A_A_DIFFERENCE,
        steadiness.STEADY_PACE,
        steadiness.SUPPLY_VOLTAGE,
        steadiness.THROTTLING,
    ),
    "The machine over the campaign": (
        conditions.FREQUENCY_MOVED,
        conditions.TEMPERATURE_MOVED,
        conditions.TEMPERATURE,
        conditions.THROTTLED_DURING,
        conditions.SUPPLY_ALARM,
        conditions.POWER_SAVE_CHANGED,
        conditions.ROUTE_CHANGED,
        spoilt.SPOILT_WINDOWS,
        spoilt.SPOILT_RESTS,
        spoilt.PAGING,
        conditions.FOREIGN_CPU,
        conditions.FOREIGN_TRAFFIC,
    ),
    "The scatter of the windows": (
        scatter.OUTLYING_WINDOWS,
        scatter.AUTOCORRELATION,
        scatter.TWO_MODES,
    ),
    "The scatter of the uploads": (
        upload_scatter.OUTLYING_UPLOADS,
        upload_scatter.UPLOAD_DRIFT,
        upload_scatter.UPLOAD_AUTOCORRELATION,
        upload_scatter.UPLOAD_TWO_MODES,
        upload_scatter.UPLOADS_STRAIGHT,
        upload_scatter.UPLOAD_TIMES_STRAIGHT,
        upload_scatter.UPLOADS_ALIKE,
        upload_scatter.DISTURBED_UPLOADS,
        upload_scatter.UPLOADS_SENT_AGAIN,
    ),
    "What outlasts the work": (
        *outlasting.SETTLED.values(),
        *outlasting.LATE_WORK.values(),
        outlasting.BURST_TOLD,
    ),
    "The figures": (
        results.E_D_INTERVAL,
        results.E_C_INTERVAL,
        results.STATED_RATE,
        results.RATES_CARRIED,
        results.RATES_LEFT_OUT,
        results.LINK_ON_AIR,
        ending.DOWNLINK,
    ),
    "How the campaign went": (
        ending.COMPLETE,
        ending.STOP_RULE,
        ending.WARM_UP,
        ending.TEMPERATURE_BAND,
        ending.ONE_LAYOUT,
    ),
    "The runs of `joulesplit measure`": (
        runs.POWER_FOLLOWS,
        runs.REPEATED_RUNS,
        runs.RUN_LENGTH,
        runs.NET_ABOVE_ZERO,
        runs.NET_INTERVAL,
        runs.IDLE_SIDES,
    ),
    "Merged profiles": (PROFILES_AGREE,),
    "`joulesplit profile check`, over the file alone": (
        soundness.SOUND_INTERVALS,
        soundness.SOUND_NUMBERS,
        soundness.IN_ORDER,
        soundness.SOUND_COVARIANCES,
        soundness.COSTS_ABOVE_ZERO,
        plausibility.POSITIVE_ENERGIES,
        plausibility.GROSS_ABOVE_NET,
        *plausibility.RANGES.values(),
        derived.CONSISTENT_FIGURES,
        derived.GROSS_FOLLOWS,
        derived.SCATTER_FOLLOWS,
        interval_widths.INTERVALS_FOLLOW,
        counts.COUNTS_AGREE,
        counts.KNOWN_NAMES,
        plausibility.SENSOR_BUDGET,
        plausibility.SIMULATED_MARK,
        plausibility.LINK_MARK,
        plausibility.RECORDED_VERDICT,
        plausibility.WINDOWS_BESIDE,
    ),
}
"""By what they look at."""
