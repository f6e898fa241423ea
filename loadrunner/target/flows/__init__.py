"""The flows, one file each. `routes(service)` of each gives what it answers."""
