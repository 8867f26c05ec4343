"""Simulated sensing hardware, written from the data sheet and independent of the drivers."""
