"""The rule that a plan stops by, as far as measuring alone can tell it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.campaign._precision import assess_e_d_and_e_c
from joulesplit.calibrate.campaign._stopping import StopRule, once, precision_rule
from joulesplit.calibrate.errors import PlanError

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign._circumstances import Circumstances
    from joulesplit.partition import Network

RuleMaker = Callable[[Plan, "Network", "Circumstances"], StopRule]
"""Makes a plan's stop rule, given the network that is measured and the campaign's circumstances."""


def rule_by_precision(plan: Plan, network: Network, around: Circumstances) -> StopRule:
    """Return the rule of a plan that runs once, or until E_d and E_c are known well enough.

    Args:
        plan: The plan.
        network: Not needed by these rules.
        around: Circumstances of the campaign.

    Raises:
        PlanError: The plan stops for a decision, which takes whoever decides.
    """
    del network
    if plan.stop.rule == "fixed":
        return once
    if plan.stop.rule == "precision":
        return precision_rule(plan.stop, assess_e_d_and_e_c(plan, len(around.blocks)))
    raise PlanError(
        f"plan '{plan.name}' stops when a decision is certain, and nobody decides here: hand in "
        "make_rule, or set stop.rule to fixed or precision"
    )
