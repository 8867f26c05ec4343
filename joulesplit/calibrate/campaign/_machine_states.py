"""The machine over a whole campaign: at both ends of each run, and after every window. Pure.

A run that was killed has no end; what is known of it last stands for one. The board that a run is
gone on with is compared with the one that the campaign began with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from joulesplit.calibrate.checks import condition_checks, state_checks, throttling_checks
from joulesplit.calibrate.environment import Conditions
from joulesplit.calibrate.journal import Run
from joulesplit.calibrate.profile import Check, Outcome

WORST_LAST: tuple[Outcome, ...] = ("pass", "warn", "fail")


def machine_checks(runs: Sequence[Run]) -> tuple[Check, ...]:
    """Return the checks of the machine's state over all runs: of each, the worst.

    Args:
        runs: In order of time.
    """
    return _worst((*_over_runs(runs), *_between_windows(runs), *_across_kills(runs)))


def _worst(checks: Iterable[Check]) -> tuple[Check, ...]:
    worst: dict[str, Check] = {}
    for check in checks:
        known = worst.get(check.name)
        if known is None or _badness(check) > _badness(known):
            worst[check.name] = check
    return tuple(worst.values())


def _badness(check: Check) -> tuple[int, float]:
    return WORST_LAST.index(check.outcome), check.value


def _over_runs(runs: Iterable[Run]) -> Iterator[Check]:
    """Compare the start and the end of each run; its counters too."""
    for run in runs:
        after, windows = _last_state(run)
        if run.begun.conditions is not None and after is not None:
            own_bytes = sum(kept.window.payload_bits for kept in run.kept[:windows]) // 8
            yield from condition_checks(run.begun.conditions, after, own_bytes=own_bytes)


def _last_state(run: Run) -> tuple[Conditions | None, int]:
    """Return what is known last of the machine, and how many windows had been run by then."""
    if run.ended is not None:
        return run.ended.conditions, len(run.kept)
    for windows in range(len(run.kept), 0, -1):
        state = run.kept[windows - 1].conditions
        if state is not None:
            return state, windows
    return None, 0


def _between_windows(runs: Iterable[Run]) -> Iterator[Check]:
    """Compare the campaign's first moment with every other one."""
    first: Conditions | None = None
    for state in _states(runs):
        if first is None:
            first = state
        else:
            yield from state_checks(first, state)


def _states(runs: Iterable[Run]) -> Iterator[Conditions]:
    for run in runs:
        ended = run.ended.conditions if run.ended else None
        found = (run.begun.conditions, *(kept.conditions for kept in run.kept), ended)
        yield from (state for state in found if state is not None)


def _across_kills(runs: Sequence[Run]) -> Iterator[Check]:
    """Ask the next run what a killed one could not tell: bits that stay set until the next boot."""
    for run, following in pairwise(runs):
        before, after = run.begun.conditions, following.begun.conditions
        boots = {run.begun.boot_id, following.begun.boot_id} - {None}
        if run.ended is None and before is not None and after is not None and len(boots) < 2:
            yield from throttling_checks(before, after)
