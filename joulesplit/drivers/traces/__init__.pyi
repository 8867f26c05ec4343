from ._files import open_trace_writer as open_trace_writer
from ._files import read_trace as read_trace
