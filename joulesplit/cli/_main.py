"""The command line: finds the command, and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from joulesplit.cli._exit_codes import ExitCode, exit_code_of
from joulesplit.cli._output import plain, write_error

COMMANDS = {
    "init": "Begin: find sensor and server, try both, remember them.",
    "doctor": "Look: what this machine offers, and what to mend.",
    "monitor": "Watch: live power, voltage, current.",
    "measure": "Price: what any command costs in joules, net and gross.",
    "sensor": "Trust: zero and span of a sensor, its records, boards.",
    "serve": "Serve: take uploads and run tails on the edge server.",
    "partition": "Cut: a network as blocks, FLOPs, bits; write head and tail.",
    "calibrate": "Measure: run the blocks under the sensor, write the profile.",
    "optimize": "Decide: the best split, how sure, what would change it.",
    "run": "Use: inference split as the link allows, head here, tail there.",
    "validate": "Check: run chosen splits end to end, measured beside predicted.",
    "report": "Read: a profile as a terminal report.",
    "profile": "Keep: show, check, diff, merge, redact, upgrade profiles.",
    "config": "Remember: what is remembered of your bench, and from where.",
    "tune": "Prepare: set governor and Wi-Fi power save, and set them back.",
    "paper": "Study: the paper's figures and claims, recomputed.",
    "demo": "Try: the whole loop here, with a simulated sensor.",
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a user meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"joulesplit.cli.commands._{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 internal, 2 usage, 3 file, 4 sensor, 5 edge server, "
    "6 measurement, 7 decision, 130 interrupted. JOULESPLIT_DEBUG=1 shows tracebacks.",
)
@click.version_option(package_name="joulesplit", prog_name="joulesplit")
@click.option("--bench", metavar="NAME", help="Of the benches in joulesplit.toml this one.")
@click.pass_context
def cli(context: click.Context, bench: str | None) -> None:
    """Measure joules per FLOP and per bit, and decide where to split a neural network."""
    from joulesplit.cli._bench import BENCH_COMMANDS, load_bench

    if context.invoked_subcommand in (*BENCH_COMMANDS, "sensor"):
        context.default_map = load_bench(Path.cwd(), name=bench).defaults()


def run(arguments: Sequence[str]) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name.

    Returns:
        The exit code, see ``joulesplit.cli._exit_codes``.
    """
    as_json = "--json" in _options(arguments) and not _is_anothers(arguments)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        result = cli.main(
            list(arguments), prog_name="joulesplit", standalone_mode=False, obj=tuple(arguments)
        )
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _interrupted(as_json=as_json)
    except click.ClickException as error:
        _show(error)
        if as_json:
            write_error(ExitCode.USAGE, type(error).__name__, error.format_message())
        return int(ExitCode.USAGE)
    except BrokenPipeError:
        # The reader of the pipe has left, as `head` does: nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)
    except Exception as error:  # noqa: BLE001  (the last line of defence)
        return _failed(error, as_json=as_json and not _is_full(error))
    return int(result) if isinstance(result, int) else int(ExitCode.OK)


def _show(error: click.ClickException) -> None:
    """Print what click says of a command line, without what a terminal would obey in it."""
    said = io.StringIO()
    error.show(file=said)
    sys.stderr.write(plain(said.getvalue()))


def _options(arguments: Sequence[str]) -> Sequence[str]:
    """Return what is said to us: behind ``--`` stands another command's own line."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _is_anothers(arguments: Sequence[str]) -> bool:
    """Say whether ``--json`` stands behind the first word of a command that ``measure`` runs."""
    group = click.Context(cli)
    command = cli.get_command(group, "measure") if "measure" in arguments else None
    if command is None:
        return False
    typed = list(_options(arguments))[arguments.index("measure") + 1 :]
    context = click.Context(command, parent=group, allow_interspersed_args=False)
    try:
        found, _, _ = command.make_parser(context).parse_args(typed)
    except click.UsageError:
        # What cannot be understood is all ours.
        return False
    return "as_json" not in found


def _interrupted(*, as_json: bool) -> int:
    if as_json:
        write_error(ExitCode.INTERRUPTED, KeyboardInterrupt.__name__, "interrupted")
    sys.stderr.write("\ninterrupted\n")
    return int(ExitCode.INTERRUPTED)


def _is_full(error: Exception) -> bool:
    """Say whether there is no room for what is printed: nothing more goes to the same place."""
    if not (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _failed(error: Exception, *, as_json: bool) -> int:
    code = exit_code_of(error)
    message = " ".join(str(error).split())
    if code is None and isinstance(error, OSError) and error.errno == errno.ENOSPC:
        code, message = ExitCode.FILE, "no space is left where the result goes: make some"
    elif code is None:
        code, message = ExitCode.INTERNAL, f"{type(error).__name__}: {message}"
    if os.environ.get("JOULESPLIT_DEBUG"):
        traceback.print_exception(error)
    if as_json:
        write_error(code, type(error).__name__, message)
    sys.stderr.write(f"joulesplit: error: {plain(message)}\n")
    return int(code)
