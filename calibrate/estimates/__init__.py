"""From windows to figures with uncertainties. Pure."""
