"""The proof as a page of tables (Markdown). Pure."""

from __future__ import annotations

from joulesplit.proving.decision_part import decision_claims, decision_part
from joulesplit.proving.markdown import percent, table
from joulesplit.proving.run import BIAS_LIMIT, CALLED_AT_LEAST, FALSELY_AT_MOST, HEADLINES, Proof
from joulesplit.proving.tally import Score, Verdicts, worst_block_bias

INTRODUCTION = """\
# Proof: does the truth lie where a calibration says?

Whole campaigns in virtual time: the real plan, procedure, driver and estimates on a simulated
chip and board whose costs are known. Every world has a board that warms and leaks (90 s, 8 mW/K,
billed to idle), background load that is correlated over 50 ms, a sampler that takes 30 mW,
5 % of the frames sent again, a chip with noise, quantisation, dead time and a conversion time of
its own, and a window order of its own. The plan is `quick`: 47 s of measuring.
Heat is billed to idle: net figures are without it, gross ones hold at the windows' mean idle power.
A bias is a mean relative error ± its standard uncertainty; a scatter is one standard deviation.
"""


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
            f"{plan.campaigns} campaigns with a perfect sensor, {plan.drawn} with drawn sensors, "
            f"{plan.faulty} per fault, {plan.tools} with {plan.tools} sessions of the common "
            f"tools; seeds from {plan.first_seed}; {took_s / 60:.0f} min on {where}.\n"
        ),
        *_statistics(proof),
        *_combined(proof),
        *_verdict_tables(proof),
        *_tools(proof),
        *_stopping(proof),
        *_outcome(proof),
    ]
    return "\n".join(parts)


def _statistics(proof: Proof) -> list[str]:
    worst = worst_block_bias(proof.perfect)
    names = [*HEADLINES, "P_0", "e_l"]
    methods = [name for name in proof.perfect if ", " in name]
    return [
        "## With a perfect sensor: the statistics alone\n",
        table(
            ("figure", "bias", "scatter", "95 % intervals that held the truth"),
            [_row(proof.perfect[name]) for name in names],
        ),
        f"\nThe largest bias of a single block is that of {worst.name}: {_bias(worst)}.\n",
        "Other methods on the same windows (`compute.views`):\n",
        table(
            ("figure and method", "bias", "scatter", "95 % intervals that held the truth"),
            [_row(proof.perfect[name]) for name in methods],
        ),
        "",
    ]


def _combined(proof: Proof) -> list[str]:
    return [
        "## With sensors drawn anywhere inside their bounds: type A and type B together\n",
        table(
            ("figure", "bias", "scatter", "95 % intervals that held the truth"),
            [_row(proof.drawn[name]) for name in [*HEADLINES, "P_0", "e_l"]],
        ),
        (
            "\nThe scatter in joules is that of the chips: several times that of the "
            "statistics. In E_d/E_c the scale cancels, and its scatter is that of a perfect "
            "sensor. These are the first of the worlds above with another chip, so chance has "
            "dealt them the same statistics, not new ones.\n"
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
    return ["## Is a spoilt campaign called so?\n", table(head, rows), ""]


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
            "Marginal net energy of an inference of the whole network on a board that begins as "
            "cool as it idles, by a perfect sensor. The estimators get every reading: windows of "
            "1 to 6 s in rising order after 5 s of idle. Their interval is mean ± t·s/√n over the "
            "windows, or that of the slope. JouleSplit's campaigns begin as cool, too.\n"
        ),
        table(("estimator", "bias", "scatter", "95 % intervals that held the truth"), rows),
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
            table(
                ("figure", "bias", "scatter", "95 % intervals that held the truth"),
                [_row(proof.stopped[name]) for name in [*HEADLINES, "e_l"]],
            ),
            "",
        ]
    if proof.agreement is not None:
        parts += decision_part(proof.agreement)
    return parts


def _outcome(proof: Proof) -> list[str]:
    broken = proof.broken_claims()
    claims = (
        f"bias below {percent(BIAS_LIMIT, 1)}, intervals that hold the truth in 93–97 % (two "
        f"standard errors of chance allowed), faults named in at least "
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
