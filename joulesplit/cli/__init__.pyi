from ._main import run as run
