"""The INA219: registers, driver, accuracy, corrections."""
