"""A durable, exactly-once event stream, and the nouns both apps share.

`types` and `trade` hold the nouns; `wire` the codec; `follower` the ordering decisions without I/O; `sqlite` and
`zeromq` adapt what they are named after; `embedded` joins them; `memory` is the same stream without either.
"""
