"""A network as data: tensors, operators, cuts, blocks. Frozen; nothing here reads a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape

Shape = tuple[int, ...]
"""Of a tensor, at run time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """Affine quantisation of a tensor: real = scale · (stored − zero_point).

    Attributes:
        scales: One scale, or one per slice along ``axis``.
        zero_points: As many as ``scales``.
        axis: Quantised dimension when there are several scales.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of the network.

    Attributes:
        index: Position in the file's tensor list.
        name: Name in the file.
        shape: Dimensions as they are at run time.
        dtype: numpy name of the element type, e.g. ``float32``.
        bits: Size of the tensor's data, bit; a sparse constant as it is stored, with its indices.
            0 for what has no fixed size: strings, handles of variables and tables.
        is_constant: True if its value is stored in the file.
        quantization: Scale and zero point, if it is quantised.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    bits: int
    is_constant: bool
    quantization: Quantization | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator, in the file's execution order.

    Attributes:
        index: Position in execution order, from 0.
        kind: Operator name, e.g. ``CONV_2D``.
        inputs: Tensor indices (absent optional inputs left out).
        outputs: Tensor indices.
        flop: Work by convention ``tflite-2mac``, FLOP; None if there is no rule for ``kind``.
        mac_flop: The multiply-accumulate share of it (2 per MAC), FLOP.
        read_bytes: Least memory traffic in, bytes: every input once, stored ones too.
        written_bytes: Least memory traffic out, bytes: every output once.
        parameter_bytes: Share of ``read_bytes`` that is weights, in the form the operator reads.
        calls: Numbers of the file's other subgraphs that it runs (control flow).
        state: What it reads or changes that outlives an inference, by name: variables, tables.
            Operators with a name in common cannot be on different sides of a cut.
        remark: How its work was found, or why it is not known; empty where its kind says it.
        least_flop, most_flop: Bounds of the work where ``flop`` is None, FLOP; None is without
            limit.
    """

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    flop: int | None
    mac_flop: int
    read_bytes: int = 0
    written_bytes: int = 0
    parameter_bytes: int = 0
    calls: tuple[int, ...] = ()
    state: tuple[str, ...] = ()
    remark: str = ""
    least_flop: int = 0
    most_flop: int | None = None

    @property
    def bounds_flop(self) -> tuple[int, int | None]:
        """Least and most work, FLOP; both the same where it is known, None without limit."""
        known = self.flop
        return (self.least_flop, self.most_flop) if known is None else (known, known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A whole network.

    Attributes:
        sha256: Of the file, hexadecimal.
        name: File name without directory.
        tensors: All tensors by index.
        operators: In execution order.
        inputs: Tensor indices of the network's inputs.
        outputs: Tensor indices of the network's outputs.
        parameters: Number of stored constant elements that operators use as weights, those of
            subgraphs that they run among them; numbers stored once count once.
        parameter_bytes: Their size as stored, bytes.
        signature: Name of the file's signature that it is; empty if it has none.
        assumed_batch: True if the file leaves the batch open and it was taken as 1.
        notes: What a reader of the figures must know, one sentence each: shapes that were
            assumed, operators whose work is unknown, parts of the file left out.
    """

    sha256: str
    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    parameters: int
    parameter_bytes: int = 0
    signature: str = ""
    assumed_batch: bool = False
    notes: tuple[str, ...] = ()

    @property
    def flop(self) -> int:
        """Work of all operators with a rule, FLOP; see ``unknown_operators``."""
        return sum(operator.flop or 0 for operator in self.operators)

    @property
    def mac_flop(self) -> int:
        """Multiply-accumulate share of the work, FLOP."""
        return sum(operator.mac_flop for operator in self.operators)

    @property
    def unknown_operators(self) -> dict[str, int]:
        """Kinds of operator without a FLOP rule, and how many of each there are."""
        kinds = Counter(operator.kind for operator in self.operators if operator.flop is None)
        return dict(sorted(kinds.items()))

    @property
    def input_bits(self) -> int:
        """Size of the network's inputs as stored in their own dtypes, bit."""
        return sum(self.tensors[index].bits for index in self.inputs)

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """Shapes of the network's inputs by their names."""
        tensors = [self.tensors[index] for index in self.inputs]
        return {tensor.name: tensor.shape for tensor in tensors}

    def __repr__(self) -> str:
        return f"<Network {self.name!r}: {len(self.operators)} operators, {self.flop} FLOP>"

    def __str__(self) -> str:
        """Return name and size, and what is not known of its work."""
        unknown = ", ".join(f"{count} × {kind}" for kind, count in self.unknown_operators.items())
        return (
            f"{self.name}: {len(self.operators):,} operators, {self.flop:,} FLOP, "
            f"input {self.input_bits:,} bit, {self.parameters:,} parameters"
            f"{f'; without a FLOP rule: {unknown}' if unknown else ''}"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A prefix of the operators as head, and what crosses to the tail.

    Attributes:
        after_operator: Index of the head's last operator; -1 for an empty head.
        tensors: Indices of the tensors that cross: made (or received) by the head side and
            needed by the tail or as network outputs; never constants.
        bits: Their size, bit.
        obstacle: Why the network cannot be cut here; empty if it can.
    """

    after_operator: int
    tensors: tuple[int, ...]
    bits: int
    obstacle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What lies between two consecutive chosen cuts.

    Attributes:
        index: l, from 1.
        name: From the layer names in the file.
        first_operator: Index of its first operator.
        last_operator: Index of its last operator; the cut after the block is the cut after it.
        flop: N_l, FLOP (operators without a rule add nothing; the network lists them).
        mac_flop: The multiply-accumulate share of N_l, FLOP.
        output_bits: P_l: size of the tensors that cross after the block, bit.
        tensors: Names of the tensors that cross after the block.
    """

    index: int
    name: str
    first_operator: int
    last_operator: int
    flop: int
    mac_flop: int
    output_bits: int
    tensors: tuple[str, ...]
