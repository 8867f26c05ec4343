from ._sheet import Ending as Ending
from ._sheet import Page as Page
from ._sheet import Section as Section
from ._sheet import origin_of as origin_of
from ._sheet import paragraph as paragraph
