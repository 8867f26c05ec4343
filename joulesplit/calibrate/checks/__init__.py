"""Named checks: may the windows, the machine and the profile be believed?"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
