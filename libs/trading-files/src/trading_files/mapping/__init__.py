"""The mapping language: how a row's columns become members of events. One for presets, users' files and webhooks.

Modules:

    around      a table's columns and the user's choices, for the functions of its rows; how these fail
    asking      the questions that only the user can answer
    clock       the times of a column, quickly
    columns     whether a table has the columns that a mapping reads
    compile     a mapping as functions of a row, and of many
    conditions  conditions as functions of a row
    evidence    how the numbers and dates of a table are written, where its mapping doesn't say it
    fills       rows as fills, one by one or together
    groups      rows that are one trade together, as one row
    load        a mapping from YAML, checked, with lines
    members     the members of events as functions of a row
    model       the language as data
    nodes       YAML nodes as values of known form; what is wrong, by line
    numeric     the numbers of a column
    parts       the members of an event, for one row or column by column for many
    sources     the sources of values as functions of a row
    standing    texts that are in the ledger's form already, many at once
    texts       texts compared without regard to case, with patterns
"""
