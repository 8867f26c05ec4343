"""The machine that is measured: its board, clocks, network and state; setting and restoring it."""
