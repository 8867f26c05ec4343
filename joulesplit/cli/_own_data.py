"""Inputs of a user's own use, with their labels where these are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from joulesplit.cli._errors import CommandError
from joulesplit.cli._input_files import input_files, read_archive, read_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.partition import Network, TensorSpec

LABELS = "labels"
"""Name in a `.npz` file of what is no input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnData:
    """What a network is run on.

    Attributes:
        inputs: Its inputs, once or more.
        labels: The right answer of each; None if they are not known.
    """

    inputs: Sequence[Sequence[NDArray[Any]]]
    labels: tuple[int, ...] | None


def read_data(path: Path, network: Network) -> OwnData:
    """Return inputs of a network from a file or a folder.

    A `.npz` file holds one array per input, with a first axis more for as many inputs as there
    are, and ``labels`` or not; a `.npy` file the only input so. A folder holds a file for each,
    as ``run --input`` takes them; where the files are in folders with numbers for names, these
    are the labels.

    Raises:
        CommandError: There is nothing to run, or labels do not fit.
        InputError: A file cannot be read, or what is in it does not fit.
    """
    from joulesplit.partition.errors import InputError

    try:
        return _read(path, network)
    except InputError as error:
        named = str(error).startswith(str(path))
        raise InputError(f"--data {'' if named else f'{path}: '}{error}") from error


def _read(path: Path, network: Network) -> OwnData:
    from joulesplit.partition import tensor_specs

    specs = tensor_specs(network, network.inputs)
    if path.is_dir():
        return _folder(path, network, specs)
    if path.suffix.lower() == ".npz":
        return _archive(path, specs)
    if path.suffix.lower() == ".npy":
        from joulesplit.partition import read_array, samples

        return OwnData(inputs=samples([read_array(path)], specs), labels=None)
    raise CommandError(f"--data {path}: give a .npz or .npy file, or a folder of inputs")


def _archive(path: Path, specs: Sequence[TensorSpec]) -> OwnData:
    from joulesplit.partition import in_order, samples

    arrays = read_archive(path)
    labels = arrays.pop(LABELS, None)
    alone = len(specs) == len(arrays) == 1
    ordered = list(arrays.values()) if alone else in_order(arrays, specs)
    inputs = samples(ordered, specs)
    return OwnData(inputs=inputs, labels=None if labels is None else _labels(path, labels, inputs))


def _labels(path: Path, labels: NDArray[Any], inputs: Sequence[object]) -> tuple[int, ...]:
    if labels.dtype.kind not in "iu" or labels.shape != (len(inputs),):
        raise CommandError(
            f"--data {path}: its labels are {labels.dtype} of shape {labels.shape}; give one "
            f"integer for each of {len(inputs)} inputs"
        )
    return tuple(int(label) for label in labels)


def _folder(path: Path, network: Network, specs: Sequence[TensorSpec]) -> OwnData:
    inside = sorted(each for each in path.iterdir() if each.is_dir())
    if not inside:
        return OwnData(inputs=_Files([*input_files([path], "--data")], network, specs), labels=None)
    unnumbered = [each.name for each in inside if not each.name.isdecimal()]
    if unnumbered:
        raise CommandError(
            f"--data {path}: its folder {unnumbered[0]} is no label; name the folders by the "
            "numbers of the network's answers, or put the files side by side"
        )
    labelled = [(file, int(each.name)) for each in inside for file in input_files([each], "--data")]
    files, labels = zip(*labelled, strict=True)
    return OwnData(inputs=_Files(files, network, specs), labels=labels)


class _Files(Sequence["Sequence[NDArray[Any]]"]):
    """Inputs that are read from their files when they are asked for.

    Args:
        files: One for each.
        network: That takes them.
        specs: What its inputs take.
    """

    def __init__(
        self, files: Sequence[Path], network: Network, specs: Sequence[TensorSpec]
    ) -> None:
        self._files, self._network, self._specs = files, network, specs

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> Sequence[NDArray[Any]]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[NDArray[Any]]]: ...

    def __getitem__(
        self, index: int | slice
    ) -> Sequence[NDArray[Any]] | Sequence[Sequence[NDArray[Any]]]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        from joulesplit.partition import in_order, samples

        path = self._files[index]
        found = samples(in_order(read_inputs(path, self._network), self._specs), self._specs)
        if len(found) != 1:
            raise CommandError(f"--data: {path} holds {len(found)} inputs; give a file for each")
        return found[0]
