"""Which JouleSplit this is."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("joulesplit")
except PackageNotFoundError:
    __version__ = "uninstalled source tree"
