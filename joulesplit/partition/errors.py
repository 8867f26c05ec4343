"""Errors of the network layer.

PartitionError
├── ModelNotFoundError (FileNotFoundError)     no such file, or not a file
├── NotATfliteModelError (ValueError)          the file is something else
├── TruncatedModelError (ValueError)           a `.tflite` file, but cut short or damaged
├── UnsupportedModelError (ValueError)         a whole model this toolkit cannot split
├── CutError (ValueError)                      no such cut, block or range of operators
│   └── UnknownWorkError                       the unknown work of an operator decides
├── InputError (ValueError)                    arrays that do not fit a network's inputs
│   └── NoSuchNameError (LookupError)          no input or signature goes by that name
├── InvocationError (RuntimeError)             the runtime refused or failed
├── EncodingError (ValueError)                 a tensor that cannot be encoded or decoded so
├── BundleError (ValueError)                   a directory that is no bundle, or a damaged one
├── RuntimeMissingError (ImportError)          no usable TFLite runtime or schema installed
└── SplitWriteError (OSError)                  the files of a split could not be written
    └── ForeignFilesError (FileExistsError)    they would replace files of something else
"""

from __future__ import annotations


class PartitionError(Exception):
    """Root of every error the network layer raises."""


class ModelNotFoundError(PartitionError, FileNotFoundError):
    """A caller named a model file that does not exist or cannot be read."""


class NotATfliteModelError(PartitionError, ValueError):
    """The file does not carry the identifier of a `.tflite` model."""


class TruncatedModelError(PartitionError, ValueError):
    """The file starts as a `.tflite` model but is incomplete or damaged."""


class UnsupportedModelError(PartitionError, ValueError):
    """The model uses something that cannot be split, e.g. leaves the shape of an input open."""


class CutError(PartitionError, ValueError):
    """A caller asked for a cut or range of operators that the network does not have."""


class UnknownWorkError(CutError):
    """Which cut is the best hangs on the work of an operator, which is unknown."""


class InputError(PartitionError, ValueError):
    """Arrays given to a network differ from its inputs in number, shape or type."""


class NoSuchNameError(InputError, LookupError):
    """A caller named an input or a signature that the network does not have."""


class InvocationError(PartitionError, RuntimeError):
    """The TFLite runtime could not prepare or run a network."""


class RuntimeMissingError(PartitionError, ImportError):
    """No usable TFLite runtime (or its schema) is installed."""


class SplitWriteError(PartitionError, OSError):
    """The files of a split could not be written."""


class ForeignFilesError(SplitWriteError, FileExistsError):
    """Files of a split would replace, or remove, what is of no earlier one."""


class EncodingError(PartitionError, ValueError):
    """A tensor cannot be encoded this way, or what arrived is not such a tensor."""


class BundleError(PartitionError, ValueError):
    """A directory is no bundle, or a file in it is not what its manifest says."""
