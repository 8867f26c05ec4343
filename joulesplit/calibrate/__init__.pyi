from ._files import OutputError as OutputError
from ._files import is_journal as is_journal
from ._files import require_writable as require_writable
from ._files import write_whole as write_whole
from ._meter import EnergyMeter as EnergyMeter
from ._meter_energy import MEAN_BLOCKS as MEAN_BLOCKS
