from ._reading import LoadedModel as LoadedModel
from ._reading import load_model as load_model
from ._reading import read_again as read_again
from ._reading import read_network as read_network
