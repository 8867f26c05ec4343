"""Power sensors: talk to them, and say how good each reading is. Knows nothing of networks."""
