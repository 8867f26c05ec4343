from ._facts import OperatorFacts as OperatorFacts
from ._facts import Work as Work
from ._rules import CONVENTION as CONVENTION
from ._rules import bounds as bounds
from ._rules import work as work
from ._traffic import Traffic as Traffic
from ._traffic import traffic as traffic
