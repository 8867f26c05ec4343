"""Files compiled for an accelerator: said for what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulesplit.partition import joined, model_pieces
from joulesplit.partition.errors import UnsupportedModelError
from joulesplit.partition.reading import read_network


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (b"edgetpu-custom-op", "the Edge TPU"),
        (b"ethos-u", "Arm's Ethos-U"),
        (b"DISPATCH_OP", "an NPU"),
    ],
)
def test_a_compiled_file_is_named_and_the_uncompiled_one_asked_for(
    code, what, model_of, tensor, operator
) -> None:
    root = model_of(
        [tensor("x", (1, 8)), tensor("y", (1, 2))], [operator("CUSTOM", ["x"], ["y"])], ["x"], ["y"]
    )
    root.operatorCodes[0].customCode = code
    path = Path("compiled.tflite")
    path.write_bytes(joined(model_pieces(root)))
    with pytest.raises(UnsupportedModelError, match=f"compiled for {what}") as caught:
        read_network(path)
    assert code.decode() in str(caught.value)
    assert "that it was compiled from" in str(caught.value)
