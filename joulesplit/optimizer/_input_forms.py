"""In which form full offload sends the input: one more choice, of the same energies.

Full offload in two forms differs in nothing but the bits that go up and the time of making them.
So the cheapest of all candidates, every form of l = 0 counted as one, is the cheapest of l = 0 … L
with the cheapest form at l = 0: the search stays exact, and what follows from it (P(best), regret,
intervals, limits) is of the form that is named.
"""

from __future__ import annotations

from dataclasses import replace

from joulesplit.optimizer._constraints import takes_longer
from joulesplit.optimizer._encoding import NO_TIME
from joulesplit.optimizer._link_time import KnownTime
from joulesplit.optimizer._privacy import leaking
from joulesplit.optimizer._result import PricedForm
from joulesplit.optimizer._solution import Problem
from joulesplit.optimizer._usage import InputForm


def with_cheapest_form(problem: Problem) -> tuple[Problem, tuple[PricedForm, ...]]:
    """Return a problem whose input has the cheapest form that may be taken, and all forms priced.

    Where no form keeps the limits it is the cheapest of those that may be taken at all.
    """
    usage = problem.prices.usage
    if usage.input_form is None:
        return problem, ()
    priced = tuple(_priced(problem, form) for form in usage.input_forms)
    taken = [
        (form, price)
        for form, price in zip(usage.input_forms, priced, strict=True)
        if form.is_lossless or usage.allow_lossy_input
    ]
    best, _ = min(taken, key=lambda pair: (pair[1].breaks_limits, pair[1].energy_j, pair[0].bits))
    return _in_form(problem, best), priced


def _in_form(problem: Problem, form: InputForm) -> Problem:
    others = tuple(one for one in problem.prices.usage.input_forms if one != form)
    usage = replace(problem.prices.usage, input_forms=(form, *others))
    return replace(problem, prices=replace(problem.prices, usage=usage))


def _priced(problem: Problem, form: InputForm) -> PricedForm:
    """Price full offload in one form, and hold it against the limits."""
    formed = _in_form(problem, form)
    energy_j = formed.energies(problem.prices.compute_model)[0].total_j
    return PricedForm(
        name=form.name,
        bits=form.bits,
        is_lossless=form.is_lossless,
        energy_j=energy_j,
        breaks_limits=breaks_limits(
            problem,
            form.bits,
            formed.makings[0].time,
            agrees=formed.prices.usage.agrees_at_least(0),
        ),
        made_by=formed.makings[0].by,
    )


def breaks_limits(
    problem: Problem, bits: int, own: KnownTime = NO_TIME, *, agrees: float = 1.0
) -> bool:
    """Say whether full offload of so many bits, made in so long, would break a limit.

    Args:
        problem: The candidates.
        bits: What goes up, bit.
        own: How long making it takes.
        agrees: So often at least the answer stays.
    """
    limits, period_s = problem.constraints, problem.prices.usage.period_s
    latency = problem.sent_latency(own, bits)
    leaks = 0 in leaking(problem.network, problem.blocks, limits.keep_local)
    broken = limits.violations(
        block=0,
        upload_bits=bits,
        latency_s=latency.limit_s(limits.latency_percentile),
        leaks=leaks,
        agrees=agrees,
    )
    too_slow = period_s is not None and takes_longer(latency.mean.value_s, period_s)
    return bool(broken) or (limits.in_period and too_slow)
