"""Events that are not fills: taken through the API, held against the ledger, read back.

Modules:

    routes       POST /events, GET /events, GET /trades/{seq}
    schemas      what these take and answer, for the OpenAPI document (no I/O)
    known        which events the ledger has, by kind and id, and what differs
    intake       one request from bytes to its answer
    request      one request to checked events, member by member (no I/O)
    own_ids      whose the id of an event is
    corrections  holds requests against the ledger, and makes events of them
    earlier_trades  whether a position has trades before an opening
    event        one checked event, ready for the journal (no I/O)
    results      outcomes as answers and problems (no I/O)
    view         what the ledger says of an event: what corrects it, whether it is in force
    in_force     which events are in force at one moment, for those who read the whole ledger
    provenance   when an event came, by whom and by which way
    registry     the ledger's instruments and which events are voided, in memory
    story        a fill with its whole story, and pages of events, as JSON
"""
