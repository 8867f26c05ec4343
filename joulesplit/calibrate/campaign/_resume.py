"""May a journal be gone on with here? Only with the same plan, network, sensor and tool. Pure.

How long it goes on is no part of what is measured: a campaign that missed its goal may go on with
a plan that looks more often, takes longer or asks for less.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.campaign._procedure import EarlierRun
from joulesplit.calibrate.errors import OtherCampaignError
from joulesplit.calibrate.journal import Header, JournalContents
from joulesplit.calibrate.profile import ModelIdentity
from joulesplit.drivers.readings import SensorDescription
from joulesplit.partition import Network

TIMED_SETTINGS = frozenset({"transaction_s"})
"""Settings that a sensor times anew whenever it is opened."""

HOW_LONG = ("name", "stop", "limits")
"""Parts of a plan that windows do not follow from, one by one."""

IDENTITY = ("hostname", "revision")
"""Facts that tell two boards of one kind apart."""

TOLD = 4
"""Differences that a message names; it counts the others."""


def require_same(path: Path, journal: Header, now: Header) -> None:
    """Check that a campaign can go on as it began.

    Args:
        path: Of the journal, for the message.
        journal: Its header.
        now: The header that a new campaign would have.

    Raises:
        OtherCampaignError: Something differs; the message names it.
    """
    found = list(differences(journal, now))
    if found:
        more = len(found) - TOLD
        told = [*found[:TOLD], *([f"{more} more differences"] if more > 0 else [])]
        raise _another(path, told)


def require_same_network(path: Path, before: ModelIdentity, now: Network) -> None:
    """Check that a campaign is gone on with for its own network, before anything is prepared.

    Args:
        path: Of the journal, for the message.
        before: The network that it was begun with.
        now: As it was read.

    Raises:
        OtherCampaignError: It is another one.
    """
    if before.sha256 != now.sha256:
        raise _another(path, [_other_network(before, now)])


def _another(path: Path, told: Sequence[str]) -> OtherCampaignError:
    return OtherCampaignError(
        f"cannot go on with {path}: {'; '.join(told)}; give what the journal was made with, "
        "or start a new one with another --output"
    )


def require_same_subjects(path: Path, before: Collection[str], now: Collection[str]) -> None:
    """Check that what a campaign measures is still what there is to measure.

    The same plan gives other subjects where a library has come or gone that one of them needs.

    Args:
        path: Of the journal, for the message.
        before: Keys of the subjects, as the first run timed them.
        now: Keys of the subjects at hand.

    Raises:
        OtherCampaignError: They differ; the message names them.
    """
    gone = [f"'{key}' was measured and cannot be now" for key in sorted(set(before) - set(now))]
    new = [f"'{key}' can be measured and could not then" for key in sorted(set(now) - set(before))]
    if gone or new:
        raise OtherCampaignError(
            f"cannot go on with {path}: {'; '.join([*gone, *new][:TOLD])}; go on with the "
            "libraries of then, or start a new one with another --output"
        )


def differences(journal: Header, now: Header) -> Iterator[str]:
    """Name what differs between two headers so that their windows must not be mixed."""
    before, after = journal.around, now.around
    if before.model.sha256 != after.model.sha256:
        # Blocks and energies that differ because of it would only hide the reason.
        yield _other_network(before.model, after.model)
        return
    other = before.model.other_inputs(after.model.input_shapes)
    if other is not None:
        yield f"the network was {other}"
        return
    yield from _between("plan", _measured(journal.plan), _measured(now.plan))
    yield from _between("runtime", _plain(before.runtime), _plain(after.runtime))
    yield from _between("sensor", _sensor(before.sensor), _sensor(after.sensor))
    yield from _between("tool", _plain(before.tool), _plain(after.tool))
    facts: tuple[str, ...] = ("board", "machine", "kernel", "governor", "wifi_power_save")
    # Journals of before these were recorded do not tell whose they are.
    facts += tuple(name for name in IDENTITY if getattr(before.device, name) is not None)
    yield from _between("device", _some(before.device, facts), _some(after.device, facts))
    yield from _between("link", _link(journal), _link(now))
    yield from _between("simulated world", _plain(before.truth), _plain(after.truth))
    if _plain(before.blocks) != _plain(after.blocks):
        yield "the blocks are cut elsewhere"


def _measured(plan: Plan) -> dict[str, Any]:
    return {name: value for name, value in _plain(plan).items() if name not in HOW_LONG}


def _link(header: Header) -> dict[str, Any]:
    return {"interface": header.around.interface, "kind": header.link_kind}


def _other_network(before: ModelIdentity, after: ModelIdentity | Network) -> str:
    return f"the network was {_named(before)} and is {_named(after)}"


def _named(model: ModelIdentity | Network) -> str:
    return f"{model.name} (sha256 {model.sha256[:8]}…)"


def _plain(value: object) -> Any:
    # Through JSON and back, as the journal's own went: tuples and lists are the same there.
    return msgspec.json.decode(msgspec.json.encode(value))


def _some(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _plain(getattr(value, name, None)) for name in names}


def _sensor(sensor: SensorDescription) -> dict[str, Any]:
    """Return what stays the same when one and the same sensor is opened again."""
    facts = ("kind", "name", "rail", "simulated", "modelled", "full_scale_a")
    settings = {k: v for k, v in sensor.settings.items() if k not in TIMED_SETTINGS}
    return {**_some(sensor, facts), **_plain(settings)}


def _between(what: str, before: Any, after: Any) -> Iterator[str]:
    """Name the innermost settings that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _between(f"{what} {key}", before.get(key), after.get(key))
    elif before != after:
        yield f"{what} was {_short(before)} and is {_short(after)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else text[:37] + "..."


def is_left(contents: JournalContents, plan: Plan) -> bool:
    """Return whether there is something to measure, or to decide anew.

    Args:
        contents: What there is.
        plan: What is to be kept to from now on.
    """
    kept_to = contents.plan
    return not contents.finished or (plan.stop, plan.limits) != (kept_to.stop, kept_to.limits)


def past_of(contents: JournalContents) -> EarlierRun:
    """Return what the earlier runs of a campaign left."""
    return EarlierRun(start=contents.start, records=contents.records)
