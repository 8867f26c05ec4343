"""The proof as a page of tables (Markdown). Pure."""

from __future__ import annotations

from proof.decision_part import decision_claims, decision_part
from proof.intervals_part import intervals_part
from proof.markdown import percent, table
from proof.run import (
    BIAS_LIMIT,
    CALLED_AT_LEAST,
    COVERAGE,
    FALSELY_AT_MOST,
    FIGURES,
    Proof,
    methods_of,
)
from proof.tally import Score, Verdicts, worst_block_bias
from proof.worlds import COSTS, RADIO

INTRODUCTION = f"""\
# Proof: does the truth lie where a calibration says?

Whole campaigns in virtual time: the real plan, procedure, driver and estimates on a simulated
chip and board whose costs are known. Every world of every table has a board that warms and leaks
(90 s, 8 mW/K), background load that is correlated over 50 ms, a sampler that takes
{COSTS.sampler_power_w * 1e3:.0f} mW, a chip with noise, quantisation, dead time and a conversion
time of its own, and a window order of its own. Its Wi-Fi saves power: it sleeps
{RADIO.sleep_after_s * 1e3:.0f} ms after the last frame, wakes up in {RADIO.wake_s * 1e3:.0f} ms at
{RADIO.wake_power_w} W, stays awake for a tail of {RADIO.tail_s * 1e3:.0f} ms at
{RADIO.tail_power_w} W, and sends {RADIO.retransmitted_share:.0%} of its frames again. What a table
changes of that is said above it.

Heat is billed to idle: net figures are without it, gross ones hold at the windows' mean idle power.
A bias is a mean relative error ± its standard uncertainty; a scatter is one standard deviation.
E_window is what a window costs once, E_0 what an upload costs once, E_burst what the radio's
waking and tail cost once per window; P_air and e_bit are the rest of the uplink's fit.
"""

COLUMNS = ("figure", "bias", "scatter", "95 % intervals that held the truth")


def proof_page(proof: Proof, *, command: str, took_s: float, where: str) -> str:
    """Return the page.

    Args:
        proof: What was counted.
        command: How to get it again.
        took_s: How long it took, s.
        where: On what.
    """
    plan = proof.plan
    parts = [
        INTRODUCTION,
        f"```sh\n{command}\n```\n",
        (
            f"The plan is `quick`: {proof.quick_windows:.0f} windows in {proof.quick_s:.0f} s of "
            f"measuring. Seeds from {plan.first_seed}, other ones for every kind of campaign; "
            f"{took_s / 60:.0f} min on {where}.\n"
        ),
        *_statistics(proof),
        *_combined(proof),
        *_classes(proof),
        *_verdict_tables(proof),
        *_tools(proof),
        *_stopping(proof),
        *_outcome(proof),
    ]
    return "\n".join(parts)


def _statistics(proof: Proof) -> list[str]:
    worst = worst_block_bias(proof.perfect)
    return [
        "## With a perfect sensor: the statistics alone\n",
        f"{proof.plan.campaigns} campaigns; the chip has no systematic error.\n",
        table(COLUMNS, [_row(proof.perfect[name]) for name in FIGURES]),
        f"\nThe largest bias of a single block is that of {worst.name}: {_bias(worst)}.\n",
        (
            "Other methods on the same windows (`compute.views`, `link.uplink.views`, and the "
            "`views` of all blocks together):\n"
        ),
        table(("figure and method", *COLUMNS[1:]), map(_row, methods_of(proof.perfect))),
        "",
    ]


def _combined(proof: Proof) -> list[str]:
    return [
        "## With sensors drawn anywhere inside their bounds: type A and type B together\n",
        (
            f"{proof.plan.drawn} campaigns; every term of an INA219B's budget is drawn between "
            "its bounds: shunt, sense taps, temperature, self-heating, gains, offsets.\n"
        ),
        table(COLUMNS, [_row(proof.drawn[name]) for name in FIGURES]),
        (
            "\nThe scatter of a joule is that of the chips, several times that of the "
            "statistics. The bounds are rectangular, which the intervals count with: 1.96 u would "
            "hold 96 to 98 %. In E_d/E_c the scale cancels, and its scatter is that of a perfect "
            "sensor.\n"
        ),
    ]


def _classes(proof: Proof) -> list[str]:
    if not proof.classes:
        return []
    return [
        "## Costs by class of operator\n",
        (
            f"{proof.plan.classes} campaigns with a perfect sensor on a board that takes three "
            "times as long for a FLOP of depthwise convolution as for any other and no time for "
            "memory, so that costs by class are true of it. The other classes are in too few "
            "blocks of this network to be told from convolution, and cost the same.\n"
        ),
        table(COLUMNS, map(_row, proof.classes.values())),
        (
            "\nA block is predicted from all the others to "
            f"{percent(proof.leave_one_out_rms, 2)} (root mean square, mean over campaigns).\n"
        ),
    ]


def _verdict_tables(proof: Proof) -> list[str]:
    clean = proof.clean
    rows = [
        (
            name,
            str(v.campaigns),
            percent(v.called, 1),
            percent(v.by_right_check / v.campaigns, 1),
            _alarms(v),
        )
        for name, v in proof.faults.items()
    ]
    rows.insert(0, ("clean", str(clean.campaigns), percent(clean.called, 1), "–", _alarms(clean)))
    head = ("world", "campaigns", "suspect or rejected", "by the right check", "checks")
    return [
        "## Is a spoilt campaign called so?\n",
        (
            "The clean ones are those of the first two tables; the others have drawn sensors "
            "and one fault each.\n"
        ),
        table(head, rows),
        "",
    ]


def _alarms(found: Verdicts) -> str:
    ordered = sorted(found.alarms.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"


def _tools(proof: Proof) -> list[str]:
    ours = proof.cool["E_d net"]
    rows = [_row(found) for found in proof.tools.values()]
    rows.append(("**JouleSplit** (E_d net)", _bias(ours), percent(ours.scatter, 3), _cover(ours)))
    return [
        "## What common estimators say of the same worlds\n",
        (
            f"{proof.plan.tools} sessions. Marginal net energy of an inference of the whole "
            "network on a board that begins as cool as it idles, by a perfect sensor. The "
            "estimators get every reading: windows of 1 to 6 s in rising order after 5 s of idle. "
            "Their interval is mean ± t·s/√n over the windows, or that of the slope. JouleSplit's "
            "campaigns begin as cool, too.\n"
        ),
        table(("estimator", *COLUMNS[1:]), rows),
        "",
    ]


def _stopping(proof: Proof) -> list[str]:
    parts = []
    if proof.stopped:
        parts = [
            "## Campaigns that stop when enough is known\n",
            (
                f"{proof.plan.stopped} campaigns with a perfect sensor, in rounds until E_d and "
                f"E_c are known to 0.6 %: {proof.rounds_windows:.0f} windows on average. The "
                "intervals are the usual ones, whatever round they stopped in.\n"
            ),
            table(COLUMNS, [_row(proof.stopped[name]) for name in FIGURES]),
            "",
        ]
    if proof.agreement is not None:
        parts += decision_part(proof.agreement)
    if proof.decided:
        parts += intervals_part(proof.decided)
    return parts


def _outcome(proof: Proof) -> list[str]:
    broken = proof.broken_claims()
    claims = (
        f"bias of every figure below {percent(BIAS_LIMIT, 1)}; intervals of every figure, method "
        f"and kind of sensor that hold the truth in {percent(COVERAGE[0], 0)} to "
        f"{percent(COVERAGE[1], 0)} (of both, two standard errors of chance allowed, binomial ones "
        f"for the intervals: 1.4 % at 1000 campaigns, 3.1 % at 200); faults named in at least "
        f"{percent(CALLED_AT_LEAST, 0)}, clean "
        f"campaigns called suspect in at most {percent(FALSELY_AT_MOST, 0)}"
    )
    if proof.agreement is not None:
        claims += f"; {decision_claims()}"
    if not broken:
        return ["## Claims\n", f"All hold: {claims}.\n"]
    listed = "\n".join(f"- {line}" for line in broken)
    return ["## Claims\n", f"Not all hold ({claims}):\n", listed, ""]


def _row(found: Score) -> tuple[str, ...]:
    return found.name, _bias(found), percent(found.scatter, 3), _cover(found)


def _bias(found: Score) -> str:
    digits = 3 if abs(found.bias) < 0.01 else 2
    return f"{percent(found.bias, digits, sign=True)} ± {percent(found.bias_u, digits)}"


def _cover(found: Score) -> str:
    return percent(found.coverage, 1)
