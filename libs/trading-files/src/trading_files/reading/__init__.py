"""Bytes as tables of text, whatever the file is. `read.read()` is the way in.

Modules:

    archives      what zip and gzip hold, within bounds
    columns       names of columns: how they are compared, and made unique
    delimited     CSV and its relatives as records of cells
    dialect       how a delimited text is written: what separates and quotes its cells
    flat          JSON objects as cells, by dotted names
    grid          records of cells as tables: headers, and the sections of a report
    html_tables   rows of a web page's tables
    json_tables   JSON in any shape as tables
    limits        how much of a file is read at most
    read          recognises a file by its content and reads it
    safe_xml      a parser without entities, in the memory of one element
    signatures    what a file is by its first bytes, and what to do with one that is not read
    statement     a statement whose lines name their sections, as that of Interactive Brokers
    tables        what reading gives: a document of tables of rows
    text          the text of a file as UTF-8, whatever its encoding
    xlsx          sheets of an Excel workbook as records of cells
    xlsx_styles   which numbers of a workbook are dates
    xml_tables    XML as tables, as Flex queries write it
"""
