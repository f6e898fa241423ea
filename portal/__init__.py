"""The wiring of the portal. Whatever serves or manages it comes by here before polars is loaded."""

from portal import memory

memory.hand_back()
