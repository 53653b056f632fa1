"""The journal on disk: one SQLite database in WAL mode, written by one connection, read by others.

Modules:

    store              the Store interface over the modules below
    journal            the one writer: answers, numbers, stores, commits
    reader             reads in short pages, and verifies each row's hash
    tables             the tables as SQL, and a row's checksum
    schema             how the database is made, opened and recognised
    upgrade            brings an earlier layout to the present one
    pending_commit     what one commit will hold (no I/O)
    key_deduplication  recognises repetitions by keys
    known_events       reads stored rows once to compare events with them
    key_index          which keys are known, in tables beside the journal
    key_rules          makes the keys again, by a later rule of the topic
    key_table          one table: hashes in a mapped file
    id_deduplication   recognises repetitions by a venue's ids
    request_keys       answers to requests that named themselves, for a day
    origins            who submitted which events, and by which way
    labels             lists the few events that have to be found again
    compression        how a row's events are stored
    checkpoints        when the write-ahead log is copied into the database
    lock_wait          waits for locks of other programs
    open_files         saves what was accepted when files were removed or replaced
    retention          removes the oldest rows
    integrity          checks everything a journal holds
    backup             copies a journal, and puts a copy back
    usage              the room it takes and has
"""
