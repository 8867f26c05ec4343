"""``joulesplit demo``: the whole loop on this machine, with a simulated sensor."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joulesplit.cli._number_range import COUNT
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
    """What the loop gave, as far as it went.

    Attributes:
        network_name: File name of the network.
        profile: What was measured.
        decision: What was chosen with it; None if nothing could be.
        validations: The choice, run; empty if it could not be.
        failure: What ended the loop before its end; None if nothing did.
    """

    network_name: str
    profile: DeviceProfile
    decision: Decision | None = None
    validations: tuple[SplitValidation[Candidate], ...] = ()
    failure: Exception | None = None

    @property
    def agrees(self) -> bool:
        """The run of the chosen split cost and gave what was predicted."""
        ran = bool(self.validations) and self.failure is None
        return ran and all(validation.passed for validation in self.validations)

    @property
    def document(self) -> dict[str, object]:
        """Everything, for JSON."""
        return {
            "simulated": True,
            "network": self.network_name,
            "profile": self.profile,
            "decision": self.decision,
            "validation": self.validations,
            "failure": None if self.failure is None else str(self.failure),
        }

    def page(self, wrote: Sequence[Path] = ()) -> Page:
        """Return what a person reads; what was kept is named in it."""
        from joulesplit.cli.report.terminal import demo_page

        failure = None if self.failure is None else str(self.failure)
        return demo_page(
            self.profile,
            self.decision,
            self.validations,
            self.network_name,
            wrote,
            failure=failure,
        )


@click.command("demo")
@click.option(
    "--seed",
    type=COUNT,
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
    """Measure, profile and split a real MobileNetV2 here, in about three minutes.

    Real: the network, its 20 sub-networks, the edge server, the uploads, the sampler process,
    the INA219 driver, the estimates. Simulated: the chip and the board whose power it measures,
    with costs that are known, so that the estimates can be held against the truth.
    """
    import secrets

    from joulesplit.cli._choices import SensorChoice
    from joulesplit.cli._exit_codes import ExitCode, exit_code_of
    from joulesplit.cli._output import emit_page
    from joulesplit.cli._resources import paper_network
    from joulesplit.cli.measuring import warn_of_load
    from joulesplit.drivers import SIMULATED

    choice = SensorChoice(kind=SIMULATED, seed=secrets.randbelow(10**6) if seed is None else seed)
    note(f"simulated world {choice.seed}; the network and the uploads are real")
    warn_of_load()
    with _directory(keep) as directory:
        result = run_loop(paper_network(), choice, directory.path)
        directory.stays = directory.stays or result.failure is not None
    kept = [directory.path / PROFILE_NAME] if directory.stays else []
    emit_page(shown, result.document, lambda: result.page(kept))
    if result.failure is not None:
        note(f"joulesplit: error: {result.failure}")
        return int(exit_code_of(result.failure) or ExitCode.INTERNAL)
    return int(ExitCode.OK if result.agrees else ExitCode.MEASUREMENT)


@dataclass(slots=True, kw_only=True)
class _Directory:
    """Where the demo keeps what it measures; ``stays``: also when it is over."""

    path: Path
    stays: bool


@contextmanager
def _directory(keep: Path | None) -> Iterator[_Directory]:
    """Give a directory; one of our own goes again unless something has failed."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield _Directory(path=keep, stays=True)
        return
    directory = _Directory(path=Path(tempfile.mkdtemp(prefix="joulesplit-demo-")), stays=False)
    try:
        yield directory
    except Exception:
        # What was measured until then is named in the error.
        directory.stays = any(directory.path.iterdir())
        raise
    finally:
        if not directory.stays:
            shutil.rmtree(directory.path, ignore_errors=True)


def _plan(instrument: Instrument) -> Plan:
    """Return the quick plan with the heads that a split may run, as the link carries it."""
    import msgspec

    from joulesplit.calibrate.campaign import QUICK
    from joulesplit.cli._plan_options import link_line

    # The simulated board is at rest once it has answered: it is not watched for seconds to see it.
    plan = msgspec.structs.replace(QUICK, name="demo", heads="candidates", whole=True, rests=0)
    plan, probe = instrument.fit_to_link(plan)
    note(link_line(probe, plan))
    return plan


def run_loop(model: Path, choice: SensorChoice, directory: Path) -> LoopResult:
    """Calibrate, decide and validate under one simulated sensor."""
    from joulesplit.calibrate.campaign import JournalFile
    from joulesplit.calibrate.instrument import EdgeAddress, Instrument
    from joulesplit.calibrate.journal import journal_beside
    from joulesplit.calibrate.profile import StoredProfile, save_profile
    from joulesplit.cli._device import device_of
    from joulesplit.cli._profiles import examined_profile
    from joulesplit.cli._server_process import loopback_server
    from joulesplit.cli.measuring import calibrate, keep_what_there_is

    path = directory / PROFILE_NAME
    journal = JournalFile(path=journal_beside(path))
    with (
        loopback_server(model) as url,
        Instrument(model, device_of(choice), EdgeAddress(url=url)) as instrument,
    ):
        try:
            measured = calibrate(instrument, _plan(instrument), journal)
        except Exception as error:
            keep_what_there_is(error, journal, path, resumable=False)
            raise
        save_profile(path, StoredProfile(profile=measured))
        # From here on only the file speaks, as it would on another day.
        return _as_far_as_it_goes(instrument, examined_profile(path))


def _as_far_as_it_goes(instrument: Instrument, profile: DeviceProfile) -> LoopResult:
    """Decide and validate; what fails takes nothing away from what was done before."""
    from joulesplit._deciding import with_input_forms
    from joulesplit.cli._exit_codes import exit_code_of
    from joulesplit.cli.measuring import validate
    from joulesplit.optimizer import Usage, decide

    network = instrument.network
    result = LoopResult(network_name=network.network.name, profile=profile)
    try:
        usage = with_input_forms(Usage(), network.network, profile)
        decision = decide(network.network, network.blocks, profile, account="net", usage=usage)
        result = replace(result, decision=decision)
        validations = validate(instrument, profile, (decision.best.block,))
        return replace(result, validations=validations)
    except Exception as error:
        if exit_code_of(error) is None:
            # A fault of the program is told with its traceback.
            raise
        return replace(result, failure=error)
