from ._energy import MINIMUM_IDLE_READINGS as MINIMUM_IDLE_READINGS
from ._observation import Observation as Observation
from ._record import WindowKind as WindowKind
from ._record import WindowRecord as WindowRecord
from ._record import WindowTask as WindowTask
from ._timing import WindowTiming as WindowTiming
from ._window import run_window as run_window
