from ._energy import MINIMUM_IDLE_READINGS as MINIMUM_IDLE_READINGS
from ._observation import Observation as Observation
from ._window import WindowKind as WindowKind
from ._window import WindowRecord as WindowRecord
from ._window import WindowTask as WindowTask
from ._window import WindowTiming as WindowTiming
from ._window import run_window as run_window
