from ._fit import SensorResponse as SensorResponse
from ._fit import fit_response as fit_response
from ._steps import LoadSteps as LoadSteps
from ._steps import is_known as is_known
from ._steps import keep_busy as keep_busy
from ._steps import observe_response as observe_response
from ._steps import take_steps as take_steps
