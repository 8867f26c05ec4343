"""A calibration and a validation as the commands run them, on a network and a link made ready."""
