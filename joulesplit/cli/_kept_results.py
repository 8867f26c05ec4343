"""Results of inferences on the disk: each as it ends, so that no way to stop loses one."""

from __future__ import annotations

from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from joulesplit.cli._output import note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.cooperate import Inference


class KeptResults:
    """What is written of inferences; use inside ``with``.

    A record is a line of JSON that is on the disk when the next inference begins. The arrays are
    one file, which is written on leaving, whatever it is left for.

    Args:
        records: File of the records; None for none. What was there goes with the first record.
        npz: File of the arrays, named FILE/OUTPUT, with the folder where two files have one name;
            None for none.

    Raises:
        OutputError: A file could not be written; this is found out before anything is run.
    """

    def __init__(self, *, records: Path | None, npz: Path | None) -> None:
        from joulesplit.calibrate import require_writable

        for path in (records, npz):
            if path is not None:
                require_writable(path)
        self._records, self._npz = records, npz
        self._lines: BinaryIO | None = None
        self._arrays: dict[str, NDArray[Any]] = {}
        self._named: set[str] = set()

    def add(self, source: str, inference: Inference) -> None:
        """Take in an inference that ended.

        Raises:
            OutputError: Its record cannot be written.
        """
        if self._records is not None:
            self._write_record(self._records, source, inference)
        if self._npz is not None:
            name = self._free_name(source)
            self._named.add(name)
            self._arrays |= {f"{name}/{k}": array for k, array in inference.outputs.items()}

    def _free_name(self, source: str) -> str:
        """Return the name of a source's file; where that is taken the whole path, then numbered."""
        names = chain((Path(source).name, source), (f"{source}#{n}" for n in count(2)))
        return next(name for name in names if name not in self._named)

    def _write_record(self, path: Path, source: str, inference: Inference) -> None:
        import msgspec

        from joulesplit.calibrate import OutputError

        line = msgspec.json.encode({"source": source, "record": inference.record})
        try:
            if self._lines is None:
                self._lines = path.open("wb", buffering=0)
            self._lines.write(line + b"\n")
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from error

    def __enter__(self) -> Self:
        """Return it; nothing is written yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the arrays, and say what is kept where the inferences did not all end.

        Raises:
            OutputError: They cannot be written.
        """
        if self._lines is not None:
            self._lines.close()
        if self._npz is not None and self._arrays:
            self._write_arrays(self._npz)
        if kind is not None:
            written = (self._records if self._lines else None, self._npz if self._arrays else None)
            for path in filter(None, written):
                note(f"what was done is in {path}")

    def _write_arrays(self, path: Path) -> None:
        import numpy as np

        from joulesplit.calibrate import write_whole

        content = BytesIO()
        save: Any = np.savez_compressed  # its names of arrays are open, which its types are not
        save(content, **self._arrays)
        write_whole(path, content.getvalue())
