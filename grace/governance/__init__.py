"""Who may change what: proposals, the policy, a person's answer, and the states in between.

Belongs here: rules and records. Does not: Prefect, or the levers that carry a change out.
"""
