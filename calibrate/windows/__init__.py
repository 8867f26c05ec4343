"""Idle - work - idle windows: running one, its energy, and what the fits see of it."""
