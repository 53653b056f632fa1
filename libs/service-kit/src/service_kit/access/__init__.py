"""Who may call: API tokens and their scopes, own host names, and a throttle for wrong tokens.

Modules:

    gate            the decision, in one sequence: 403, 401, 429
    hosts           host names that count as this program (against DNS rebinding)
    token_throttle  limits wrong tokens per network and minute
    tokens          entries of a token setting, their scopes and digests
"""
