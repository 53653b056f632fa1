"""Follows an account at an exchange: asks for its trades again and again, and sends what is new to the app.

ask (ccxt_source) → page (windows) → read (reader) → record (follower, with trading_client) → remember (position)

Modules:

    source       what is asked of an exchange, and the errors of asking
    ccxt_source  an exchange through ccxt
    credentials  keys from the environment
    windows      which spans of time are asked for, until nothing new comes
    reader       ccxt's unified trades and funding in the ledger's terms
    position     how far an account has been followed, in a file
    follower     one round over all symbols
"""
