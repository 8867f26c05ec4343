"""Running a calibration: plan, order, warm-up, stopping, journal, resuming."""
