"""Bytes as tables of text, whatever the file is. `read.read()` is the way in.

Modules:

    columns    names of columns: how they are compared, and made unique
    delimited  CSV and its relatives as tables
    limits     how much of a file is read at most
    read       recognises a file by its content and reads it
    tables     what reading gives: a document of tables of rows
"""
