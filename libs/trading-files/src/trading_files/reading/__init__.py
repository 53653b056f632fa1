"""Bytes as tables of text, whatever the file is. `read.read()` is the way in.

Modules:

    columns    names of columns: how they are compared, and made unique
    delimited  CSV and its relatives as records of cells
    dialect    how a delimited text is written: what separates and quotes its cells
    grid       records of cells as tables: headers, and the sections of a report
    limits     how much of a file is read at most
    read       recognises a file by its content and reads it
    tables     what reading gives: a document of tables of rows
    text       the text of a file as UTF-8, whatever its encoding
"""
