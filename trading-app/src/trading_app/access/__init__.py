"""Who calls, and what the caller may do.

Modules:

    gate           who may make which call, for both ways of a request
    call           a request, as far as access goes
    caller         who calls, once that is known
    sessions       browsers that signed in
    lease          how long a caller may go on
    id_provider    settings of an OpenID Connect provider
    id_tokens      checks ID tokens
    provider_keys  the provider's keys, fetched and kept
    rates          request rates as settings write them
    rate_limit     requests per caller
"""
