"""What this machine offers for measuring, and what to mend: findings, gathered read-only."""
