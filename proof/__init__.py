"""Is what a calibration says true? Many campaigns in virtual time against worlds that are known."""
