"""Does the installed runtime run a network at all? One operator, and its result.

Importing a runtime tells little: one built for another numpy fails when an interpreter is made,
and one built for another processor ends the program when it computes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from joulesplit.partition._runtime import Runner
from joulesplit.partition._writing import joined, model_pieces
from joulesplit.partition.errors import InvocationError
from joulesplit.partition.schema import schema

WIDTH = 8
"""Numbers in and out; as many as the widest of a Pi's vector instructions take, twice over."""


def try_runtime() -> None:
    """Run a fully connected layer as networks are run, and compare with numpy.

    Raises:
        RuntimeMissingError: No usable runtime is installed.
        InvocationError: It refuses the layer, or computes something else.
    """
    weights = np.arange(WIDTH * WIDTH, dtype=np.float32).reshape(WIDTH, WIDTH) - 20
    given = np.arange(1, WIDTH + 1, dtype=np.float32).reshape(1, WIDTH)
    with Runner(_layer(weights)) as runner:
        (result,) = runner.run([given])
        # Whole numbers this small are exact in float32, whatever the order of adding.
        if not np.array_equal(result, given @ weights.T):
            raise InvocationError(
                "the TFLite runtime computes a fully connected layer wrongly; install another "
                "version of it"
            )


def _layer(weights: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    """Return a network of one fully connected layer."""
    made = schema()
    number = made.BuiltinOperator.FULLY_CONNECTED
    shapes = ((1, weights.shape[1]), weights.shape, (1, weights.shape[0]))
    tensors = [
        made.TensorT(shape=np.array(shape, np.int32), buffer=buffer, name=name)
        for shape, buffer, name in zip(shapes, (0, 1, 0), (b"x", b"w", b"y"), strict=True)
    ]
    operator = made.OperatorT(
        inputs=np.array([0, 1, -1], np.int32),
        outputs=np.array([2], np.int32),
        builtinOptionsType=made.BuiltinOptions.FullyConnectedOptions,
        builtinOptions=made.FullyConnectedOptionsT(),
    )
    graph = made.SubGraphT(
        tensors=tensors,
        operators=[operator],
        inputs=np.array([0], np.int32),
        outputs=np.array([2], np.int32),
    )
    model = made.ModelT(
        version=3,
        operatorCodes=[
            made.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=number, version=1)
        ],
        subgraphs=[graph],
        buffers=[made.BufferT(), made.BufferT(data=weights.view(np.uint8).ravel())],
    )
    return joined(model_pieces(model))
