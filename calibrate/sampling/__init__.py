"""Reading a sensor all the time, in a process of its own or in virtual time."""
