"""``joulesplit demo``: the whole loop on this machine, with a simulated sensor."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joulesplit.cli._output import note, shown_options

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import Plan, SplitValidation
    from joulesplit.calibrate.instrument import Instrument
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.cli._choices import SensorChoice
    from joulesplit.cli._output import Shown
    from joulesplit.cli.report import Page
    from joulesplit.optimizer import Candidate, Decision

PROFILE_NAME = "demo-profile.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopResult:
    """What the whole loop gave."""

    network_name: str
    profile: DeviceProfile
    decision: Decision
    validations: tuple[SplitValidation[Candidate], ...]

    @property
    def agrees(self) -> bool:
        """The run of the chosen split cost and gave what was predicted."""
        return all(validation.passed for validation in self.validations)

    @property
    def document(self) -> dict[str, object]:
        """Everything, for JSON."""
        return {
            "simulated": True,
            "network": self.network_name,
            "profile": self.profile,
            "decision": self.decision,
            "validation": self.validations,
        }

    def page(self, wrote: Sequence[Path] = ()) -> Page:
        """Return what a person reads; what was kept is named in it."""
        from joulesplit.cli.report.terminal import demo_page

        return demo_page(self.profile, self.decision, self.validations, self.network_name, wrote)


@click.command("demo")
@click.option(
    "--seed",
    type=int,
    default=None,
    help="Of the simulated world; a new one every time if not given.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to keep the profile and its windows in.",
)
@shown_options
def command(*, seed: int | None, keep: Path | None, shown: Shown) -> int:
    """Measure, profile and split a real MobileNetV2 here, in a minute or two.

    Real: the network, its 20 sub-networks, the edge server, the uploads, the sampler process,
    the INA219 driver, the estimates. Simulated: the chip and the board whose power it measures,
    with costs that are known, so that the estimates can be held against the truth.
    """
    import secrets

    from joulesplit.cli._choices import SensorChoice
    from joulesplit.cli._exit_codes import ExitCode
    from joulesplit.cli._output import emit_page
    from joulesplit.cli._resources import paper_network
    from joulesplit.cli.measuring import warn_of_load
    from joulesplit.drivers import SIMULATED

    choice = SensorChoice(kind=SIMULATED, seed=secrets.randbelow(10**6) if seed is None else seed)
    note(f"simulated world {choice.seed}; the network and the uploads are real")
    warn_of_load()
    with _directory(keep) as directory:
        result = run_loop(paper_network(), choice, directory)
    kept = [keep / PROFILE_NAME] if keep is not None else []
    emit_page(shown, result.document, lambda: result.page(kept))
    return int(ExitCode.OK if result.agrees else ExitCode.MEASUREMENT)


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="joulesplit-demo-") as name:
        yield Path(name)


def _plan() -> Plan:
    """Return the quick plan with the heads that a split may run."""
    import msgspec

    from joulesplit.calibrate.campaign import QUICK

    return msgspec.structs.replace(QUICK, name="demo", heads="candidates", whole=True)


def run_loop(model: Path, choice: SensorChoice, directory: Path) -> LoopResult:
    """Calibrate, decide and validate under one simulated sensor."""
    from joulesplit.calibrate.campaign import JournalFile
    from joulesplit.calibrate.instrument import EdgeAddress, Instrument
    from joulesplit.calibrate.journal import journal_beside
    from joulesplit.calibrate.profile import StoredProfile, load_profile, save_profile
    from joulesplit.cli._device import device_of
    from joulesplit.cli._server_process import loopback_server
    from joulesplit.cli.measuring import calibrate

    path = directory / PROFILE_NAME
    journal = JournalFile(path=journal_beside(path))
    with (
        loopback_server(model) as url,
        Instrument(model, device_of(choice), EdgeAddress(url=url)) as instrument,
    ):
        measured = calibrate(instrument, _plan(), journal)
        save_profile(path, StoredProfile(profile=measured))
        # From here on only the file speaks, as it would on another day.
        return _decided(instrument, load_profile(path).profile)


def _decided(instrument: Instrument, profile: DeviceProfile) -> LoopResult:
    from joulesplit.cli.measuring import validate
    from joulesplit.optimizer import decide

    network = instrument.network
    decision = decide(network.network, network.blocks, profile, account="net")
    return LoopResult(
        network_name=network.network.name,
        profile=profile,
        decision=decision,
        validations=validate(instrument, profile, (decision.best.block,)),
    )
