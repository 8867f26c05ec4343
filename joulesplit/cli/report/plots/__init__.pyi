from ._decision import decision_pictures as decision_pictures
from ._figure import Picture as Picture
from ._network import write_block_plot as write_block_plot
from ._profile import profile_pictures as profile_pictures
