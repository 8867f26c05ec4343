from ._camera_picture import what_is_left_out as what_is_left_out
from ._link_bench import LinkBench as LinkBench
from ._network_bench import NetworkBench as NetworkBench
from ._network_bench import RuntimeChoice as RuntimeChoice
from ._network_bench import blocks_cut as blocks_cut
from ._phase_bench import PhaseBench as PhaseBench
from ._phase_bench import phase_count as phase_count
from ._runtimes import runtime_difference as runtime_difference
