"""Recorded readings: CSV and Parquet files with the same columns and the same header."""
