from ._chip_table import INA226 as INA226
from ._chip_table import Ina226Wiring as Ina226Wiring
from ._driver import Ina226 as Ina226
from ._registers import Ina226Configuration as Ina226Configuration
from ._registers import configuration_of as configuration_of
