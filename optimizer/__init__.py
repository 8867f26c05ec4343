"""Profile, network and constraints in; split out. Pure: no I/O, runs anywhere."""
