"""The web app: takes trades in, journals each durably, publishes it, shows them live."""
