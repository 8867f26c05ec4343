"""Measure a device and produce its profile."""
