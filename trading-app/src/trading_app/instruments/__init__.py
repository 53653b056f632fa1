"""The file with instruments, and how it gets into the ledger.

Modules:

    entries          entries of the file, and what is wrong with several together (no I/O)
    file             reads config/instruments.yml to entries, with the line of each error (no I/O but the file)
    listing          what applies to each symbol and why, as text (no I/O)
    start            puts the file into the ledger at the app's start
    starting_point   which entries of the file the ledger does not know, and which differ from it (no I/O)
"""
