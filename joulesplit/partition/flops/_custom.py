"""Work of the custom operators that LiteRT itself has, and bounds where the data decide.

The options of custom operators are a FlexBuffer; ``_custom_operators.py`` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, log2, prod

from joulesplit.partition._custom_operators import CEPSTRUM, DETECTIONS, SPECTROGRAM
from joulesplit.partition.flops._facts import OperatorFacts, Rule, Work


def spectrogram(facts: OperatorFacts) -> Work:
    """Count per frame 1 per sample of the window, 2.5 · N · log₂ N for N points, 3 per frequency.

    N is the next power of two above the window; the output has N/2 + 1 frequencies, each the sum
    of two squares.
    """
    channels, frames, frequencies = facts.outputs[0]
    points = max(2 * (frequencies - 1), 1)
    each = facts.number("window_size") + round(2.5 * points * log2(points)) + 3 * frequencies
    return Work(other_flop=channels * frames * each)


def cepstrum(facts: OperatorFacts) -> Work:
    """Count per frame 5 per frequency, 1 per filter, 2 per filter and coefficient.

    Each frequency's root is divided between two filters; the logarithm of each filter's sum goes
    through a cosine transform. Frequencies outside the filters count like those inside.
    """
    *frames, frequencies = facts.input_shape(0)
    *_, coefficients = facts.outputs[0]
    filters, times = facts.number("filterbank_channel_count"), prod(frames)
    return Work(
        mac_flop=2 * times * filters * coefficients,
        other_flop=times * (5 * frequencies + filters),
    )


LITERT_RULES: Mapping[str, Rule] = {SPECTROGRAM: spectrogram, CEPSTRUM: cepstrum}

DECODING_FLOP = 18
"""Of one box: 2 centres at 3, 2 half sides at 4 (quotient, exponential, 2 products), 4 sums."""
OVERLAP_FLOP = 19
"""Of two boxes: 4 comparisons, 2 differences, 2 limits and a product for what they share, 3 for
each area, 2 for what they cover together, a quotient and a comparison."""


def detections(facts: OperatorFacts) -> tuple[int, int]:
    """Count 18 per box, 1 per box and class; at most a sort and 19 per pair compared."""
    boxes, _ = facts.input_shape(0)[-2:]
    classes = facts.input_shape(1)[-1]
    least = boxes * (DECODING_FLOP + classes)
    regular = bool(facts.options.get("use_regular_nms"))
    runs = classes if regular else 1
    kept = facts.number("detections_per_class" if regular else "max_detections")
    return least, least + runs * _suppression(boxes, kept)


def suppression(facts: OperatorFacts) -> tuple[int, int]:
    """Count 1 per box; at most a sort and 19 per pair compared."""
    boxes = facts.input_shape(0)[-2]
    kept = facts.outputs[0][-1] if facts.outputs[0] else boxes
    return boxes, boxes + _suppression(boxes, kept)


def _suppression(boxes: int, kept: int) -> int:
    """Return the most that sorting boxes and comparing all with each that is kept can take."""
    sort = ceil(boxes * log2(boxes)) if boxes > 1 else 0
    return sort + OVERLAP_FLOP * min(max(kept, 0), boxes) * boxes


Bounds = Callable[[OperatorFacts], tuple[int, int]]
"""Least and most work of an operator, FLOP."""
BOUNDED: Mapping[str, Bounds] = {
    DETECTIONS: detections,
    "NON_MAX_SUPPRESSION_V4": suppression,
    "NON_MAX_SUPPRESSION_V5": suppression,
}
"""Operators whose work the data decide, within bounds that the file tells."""
