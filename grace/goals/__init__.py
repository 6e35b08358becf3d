"""Goals: what is to be reached or kept by when, how it stands each day, and how it will end.

Rules only: the store, the day and the policy are parameters. What runs them is `tasks/goals.py`.
"""
