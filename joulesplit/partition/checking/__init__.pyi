from ._answer_counts import answer_counts as answer_counts
from ._encoded_cuts import encoded_cuts as encoded_cuts
from ._encoded_cuts import encoded_input as encoded_input
from ._encoded_cuts import encoding_time_s as encoding_time_s
from ._encoding_effects import EncodingEffect as EncodingEffect
from ._encoding_effects import encoding_effects as encoding_effects
from ._verify import SplitComparison as SplitComparison
from ._verify import compare_split as compare_split
