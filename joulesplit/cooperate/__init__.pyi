from ._breaker import CircuitBreaker as CircuitBreaker
from ._link_estimate import LinkEstimate as LinkEstimate
from ._records import Fallback as Fallback
from ._records import Inference as Inference
from ._records import InferenceRecord as InferenceRecord
from ._records import SessionCounts as SessionCounts
from ._session import SessionOptions as SessionOptions
from ._session import SplitSession as SplitSession
