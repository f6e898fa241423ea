"""Systems with a known capacity, under load: what the estimators are held against.

`queues` are single stations, `tiers` are networks of them; the two share nothing but the
load profiles and the form of what they return.
"""
