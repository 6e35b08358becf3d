"""Self-analysis: what the log says about the governed system over a window, with n and intervals.

Belongs here: figures as pure functions of frames, mergeable hourly tallies of them and the derived
table that keeps those, the one record of a window, and its page. Does not: proposing anything,
forecasts and goals, Prefect, or a figure that somebody bets on (that is `statistics`).
"""
