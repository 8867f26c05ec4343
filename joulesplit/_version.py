"""Which JouleSplit this is."""

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("joulesplit")
    except PackageNotFoundError:
        return "uninstalled source tree"


__version__ = _installed()
"""Of the installation that this is; a source tree that nobody installed has none."""
