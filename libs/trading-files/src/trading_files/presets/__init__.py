"""What is shipped about each source: one file a source, in the mapping language, in `exchanges`, `brokers` and
`platforms` (programs that trade, and formats of several sources).

Modules:

    recognise  picks the preset of a table
    shelf      the presets by name
"""
