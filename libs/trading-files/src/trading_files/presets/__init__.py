"""What is shipped about each source: one file a source, in the mapping language.

Modules:

    recognise  picks the preset of a table
    shelf      the presets by name
"""
