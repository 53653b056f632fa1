"""One HTTP client for all tests: to make one loads the machine's certificates, which takes longer than a request."""

import httpx

HTTP = httpx.Client(trust_env=False, verify=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
"""Each request has a connection of its own, as with httpx.get. For any thread."""
