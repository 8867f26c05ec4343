"""Where a network can be cut, which cuts can win, and what makes a block."""
