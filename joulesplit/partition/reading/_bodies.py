"""Work of the operators that run other subgraphs: loops, branches, calls, compositions.

What one run of a subgraph takes is known if the work of all its operators is, and if the shapes
in the file hold for the tensors that it is given. Then

    a call, or a composition    is one run of its subgraph;
    a branch                    is known if all its subgraphs take the same;
    a loop                      is known if its counters tell how often it runs: as many runs of
                                the body, and one more of the condition;
    an initialisation           is none: it runs once, before the first inference.

Whatever is not known says what is known of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joulesplit.partition._calls import subgraph_roles
from joulesplit.partition._network import Shape
from joulesplit.partition.flops import Work
from joulesplit.partition.reading._graphs import Graph
from joulesplit.partition.reading._loops import BODY, CONDITION, LoopFollower

MAX_FLOP = 10**21
"""Years of the largest machines; subgraphs that run subgraphs can claim numbers of any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What one run of a subgraph takes.

    Attributes:
        graph: The subgraph.
        inputs: Shapes of its inputs, for which this holds.
        work: Its work; None if that is not known.
        unknown: Why it is not known; empty if it is.
        least, most: Bounds of it if it is not known, FLOP; None is without limit.
        weight_bytes: Stored weights that it reads, bytes, those of subgraphs that it runs among
            them.
        states: What it keeps or shares beyond an inference.
    """

    graph: Graph
    inputs: tuple[Shape, ...] = ()
    work: Work | None = None
    unknown: str = ""
    least: int = 0
    most: int | None = None
    weight_bytes: int = 0
    states: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An operator that runs subgraphs.

    Attributes:
        caller: The subgraph it stands in.
        raw: The schema's ``OperatorT``.
        inputs: Its inputs, tensor indices; −1 for an absent one.
        shapes: Shapes of these; None for an absent one.
    """

    caller: Graph
    raw: Any
    inputs: tuple[int, ...]
    shapes: tuple[Shape | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyWork:
    """Work of an operator that runs subgraphs.

    Attributes:
        work: Its work; None if that is not known.
        remark: How it was found, or why it is not known and what is known of it.
        least, most: Bounds of it if it is not known, FLOP; None is without limit.
        weight_bytes: Stored weights that the subgraphs read, each once however often one runs;
            of branches those of the one with the least, bytes.
    """

    work: Work | None = None
    remark: str = ""
    least: int = 0
    most: int | None = None
    weight_bytes: int = 0

    @property
    def bounds(self) -> tuple[int, int | None]:
        """Least and most work, FLOP; both the same where it is known."""
        known = self.work
        return (self.least, self.most) if known is None else (known.flop, known.flop)


class CalledWork:
    """The work of operators that run subgraphs.

    Args:
        bodies: What the subgraphs take, by number; more may be added until they are asked for.
    """

    def __init__(self, bodies: Mapping[int, Body]) -> None:
        self._bodies = bodies
        self._follower = LoopFollower()
        self._rules: Mapping[str, Callable[[Call], BodyWork]] = {
            "CALL_ONCE": lambda _call: BodyWork(work=Work()),
            "CALL": self._single,
            "STABLEHLO_COMPOSITE": self._single,
            "IF": self._branch,
            "STABLEHLO_CASE": self._branch,
            "WHILE": self._loop,
            "STABLEHLO_WHILE": self._loop,
        }

    def has_rule(self, kind: str) -> bool:
        """Return whether an operator of a kind works by running its subgraphs."""
        return kind in self._rules

    def found(self, kind: str, call: Call) -> BodyWork:
        """Return the work of an operator of a kind that has a rule."""
        found = self._rules[kind](call)
        if found.work is None or found.work.flop <= MAX_FLOP:
            return found
        remark = "it would run its subgraphs more often than any machine can"
        return BodyWork(remark=remark, least=MAX_FLOP, weight_bytes=found.weight_bytes)

    def _single(self, call: Call) -> BodyWork:
        bodies = list(self._roles(call).values())
        if len(bodies) != 1:
            return BodyWork(remark=f"it runs {len(bodies)} subgraphs instead of one")
        return _run(bodies[0], call.shapes)

    def _branch(self, call: Call) -> BodyWork:
        # The first input says which branch runs; the others go into it.
        runs = [_run(body, call.shapes[1:]) for body in self._roles(call).values()]
        weight_bytes = min((run.weight_bytes for run in runs), default=0)
        works = [run.work for run in runs if run.work is not None]
        if works and len(works) == len(runs) and len(set(works)) == 1:
            return BodyWork(work=works[0], weight_bytes=weight_bytes)
        least, most = _either(runs)
        reasons = dict.fromkeys(run.remark for run in runs if run.remark)
        remark = "; ".join(reasons) or "it has no branches"
        if works and len(works) == len(runs):
            remark = f"the data decide which of its branches runs: {least:,} to {most:,} FLOP"
        return BodyWork(remark=remark, least=least, most=most, weight_bytes=weight_bytes)

    def _loop(self, call: Call) -> BodyWork:
        bodies = self._roles(call)
        if bodies.keys() != {CONDITION, BODY}:
            return BodyWork(remark="it lacks a condition or a body")
        asked, done = (_run(bodies[role], call.shapes) for role in (CONDITION, BODY))
        weight_bytes = asked.weight_bytes + done.weight_bytes
        if asked.work is None or done.work is None:
            remark = asked.remark or done.remark
            return BodyWork(remark=remark, least=asked.bounds[0], weight_bytes=weight_bytes)
        count = self._follower.trip_count(
            call.caller, call.inputs, bodies[CONDITION].graph, bodies[BODY].graph
        )
        if count is None:
            each = asked.work.flop + done.work.flop
            remark = f"the data decide how often it runs its body: {each:,} FLOP each time"
            return BodyWork(remark=remark, least=asked.work.flop, weight_bytes=weight_bytes)
        work = _sum((count + 1, asked.work), (count, done.work))
        remark = f"it runs its body {count:,} times"
        return BodyWork(work=work, remark=remark, weight_bytes=weight_bytes)

    def _roles(self, call: Call) -> dict[str, Body]:
        """Return the subgraphs that an operator runs by the schema's name for each."""
        return {
            name if len(numbers) == 1 else f"{name} {number}": self._bodies[number]
            for name, numbers in subgraph_roles(call.raw).items()
            for number in numbers
        }


def _run(body: Body, shapes: Sequence[Shape | None]) -> BodyWork:
    """Return one run of a subgraph on inputs of some shapes."""
    remark, fits = body.unknown, tuple(shapes) == body.inputs
    if not remark and not fits:
        remark = f"the shapes in subgraph {body.graph.number} are not those that it is given"
    if not remark:
        return BodyWork(work=body.work, weight_bytes=body.weight_bytes)
    # Of other shapes than these nothing is known.
    least, most = (body.least, body.most) if fits else (0, None)
    return BodyWork(remark=remark, least=least, most=most, weight_bytes=body.weight_bytes)


def _either(runs: Sequence[BodyWork]) -> tuple[int, int | None]:
    """Return the bounds of the work where one of some runs is made."""
    least = min((run.bounds[0] for run in runs), default=0)
    limits = [run.bounds[1] for run in runs]
    known = [limit for limit in limits if limit is not None]
    return least, max(known) if known and len(known) == len(limits) else None


def _sum(*runs: tuple[int, Work]) -> Work:
    return Work(
        mac_flop=sum(count * work.mac_flop for count, work in runs),
        other_flop=sum(count * work.other_flop for count, work in runs),
    )
