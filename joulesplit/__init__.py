"""The commands, the composition root and the reports."""
