"""Inputs of a network from a user's files: pictures, arrays, folders of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulesplit.cli._errors import CommandError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.partition import Network

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
ARRAYS = {".npy", ".npz"}


def input_files(sources: Iterable[Path], option: str = "--input") -> Iterator[Path]:
    """Yield the files that can be run, those of a folder in the order of their names.

    Args:
        sources: Files and folders.
        option: That names them.

    Raises:
        CommandError: There is none, or one is of another kind.
    """
    known = PICTURES | ARRAYS
    for source in sources:
        inside = sorted(source.iterdir()) if source.is_dir() else [source]
        found = [path for path in inside if path.suffix.lower() in known]
        if not found:
            raise CommandError(
                f"{option} {source}: nothing to run there; give pictures "
                f"({', '.join(sorted(PICTURES))}) or arrays ({', '.join(sorted(ARRAYS))})"
            )
        yield from found


def read_inputs(path: Path, network: Network) -> Any:
    """Return a network's inputs from a file.

    Raises:
        CommandError: A picture for a network that takes none, or without Pillow.
        InputError: The file cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        from joulesplit.partition import read_array

        return [read_array(path)]
    if suffix == ".npz":
        return read_archive(path)
    return [_picture(path, network)]


def read_archive(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a `.npz` file by their names; one with Python objects in it is refused.

    Raises:
        InputError: It cannot be read, or is no such file.
    """
    import zipfile

    import numpy as np

    from joulesplit.partition.errors import InputError

    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); give the path of a .npz file"
        ) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: is no .npz file of numbers ({error}); write one with numpy.savez"
        ) from error


def _picture(path: Path, network: Network) -> NDArray[Any]:
    from joulesplit.calibrate.instrument import as_network_takes, can_decode, decoded, picture_input

    spec = picture_input(network)
    if spec is None:
        raise CommandError(f"{network.name} takes no pictures: give its inputs as .npy or .npz")
    if not can_decode():
        raise CommandError("pictures need Pillow: pip install 'joulesplit[image]'")
    try:
        pixels = decoded(path, spec)
    except OSError as error:
        raise CommandError(f"{path} is no picture that can be read: {error}") from error
    return pixels if spec.dtype == "uint8" else as_network_takes(pixels, spec.dtype)
