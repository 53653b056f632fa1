"""Who may call: API tokens and their scopes, own host names, and slowing down those who guess."""
