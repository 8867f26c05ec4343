"""What the device is asked to do inside a measuring window."""
