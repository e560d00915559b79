"""Vendors and sources as a loopback server: for the demo, the tests, training and rehearsing faults."""
