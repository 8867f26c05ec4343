"""The page's part on campaigns that stop when the choice is certain. Pure."""

from __future__ import annotations

from proof.agreement import (
    REGRETTED_AT_MOST,
    SAME_AT_LEAST,
    STATED_REGRET,
    TIME_AT_MOST,
    Agreement,
    by_closeness,
    wilson,
)
from proof.markdown import percent, table

REGRETS = (0.001, 0.002, STATED_REGRET, 0.01)


def decision_part(found: Agreement) -> list[str]:
    """Return how the plan for the decision compares with the rigorous one, as Markdown."""
    return [
        "## Campaigns that stop when the choice is certain\n",
        _introduction(found),
        _by_closeness(found),
        _summary(found),
        _regrets(found),
        _disagreements(found),
    ]


def decision_claims() -> str:
    """Return what is claimed of the plan for the decision."""
    return (
        f"the plan for the decision chooses the rigorous plan's split in at least "
        f"{percent(SAME_AT_LEAST, 0)} of the worlds, in at most {percent(TIME_AT_MOST, 0)} of its "
        f"time (median), and costs more than it says in at most {percent(REGRETTED_AT_MOST, 0)}"
    )


def _introduction(found: Agreement) -> str:
    splits = ", ".join(f"l = {block} in {count}" for block, count in found.split_counts.items())
    return (
        f"{found.worlds} worlds, each with a board, a radio, a link rate, a background load and a "
        f"chip of its own. The best split truly is {splits}. Each is measured by `--rigorous` "
        "and, on another day (fresh noise, another order), by `--rigorous --for-decision`, which "
        f"stops once the split cannot cost {percent(STATED_REGRET, 1)} more than the best. Both "
        "choices are held against the truth: where two splits are nearly level, either plan may "
        "take the wrong one. Blocks run up to 10 % slower inside a network than alone, and each "
        "inference wakes the radio and pays for its tail.\n"
    )


def _by_closeness(found: Agreement) -> str:
    head = (
        *("two best splits apart by", "worlds", "same l* by both plans"),
        *("for the decision: truly best", "rigorous: truly best", "time, median", "time, 90 %"),
    )
    rows = [_row(name, group) for name, group in by_closeness(found).items()]
    return table(head, [*rows, _row("**all**", found)])


def _row(name: str, group: Agreement) -> tuple[str, ...]:
    return (
        *(name, str(group.worlds)),
        *(str(count) for count in (group.same, group.decided_best, group.rigorous_best)),
        *(percent(group.time_share(share), 1) for share in (0.5, 0.9)),
    )


def _summary(found: Agreement) -> str:
    low, high = wilson(found.same, found.worlds)
    return (
        f"\nTime is that of the windows over that of the rigorous plan's. Both plans choose the "
        f"same split in {percent(found.same / found.worlds, 1)} (Wilson's 95 % interval: "
        f"{percent(low, 1)} to {percent(high, 1)}), in {percent(found.time_share(0.5), 1)} of the "
        f"measuring time (median; 90 % of them in less than {percent(found.time_share(0.9), 1)}). "
        f"The plan for the decision became certain within its limits in {found.reached} of "
        f"{found.worlds}.\n"
    )


def _regrets(found: Agreement) -> str:
    head = ("what the chosen split truly costs above the best", "for the decision", "rigorous")
    decided = [choice.decided.regret for choice in found.choices]
    rigorous = [choice.rigorous.regret for choice in found.choices]

    def counted(name: str, above: float) -> tuple[str, ...]:
        return (name, *(str(sum(r > above for r in rs)) for rs in (decided, rigorous)))

    rows = [
        counted("anything", 0.0),
        *(counted(f"more than {percent(above, 1)}", above) for above in REGRETS),
        ("largest", *(percent(max(rs), 2) for rs in (decided, rigorous))),
    ]
    return table(head, rows)


def _disagreements(found: Agreement) -> str:
    lines = [
        f"- l* = {c.best} truly, {percent(c.gap, 2)} better than the next; for the decision "
        f"{c.decided.block} (costs {percent(c.decided.regret, 2)} more), rigorous "
        f"{c.rigorous.block} (costs {percent(c.rigorous.regret, 2)} more)"
        for c in found.choices
        if not c.same
    ]
    if not lines:
        return ""
    return "\n".join(["\nThe worlds in which they differ:\n", *lines, ""])
