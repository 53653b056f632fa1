"""The answers to POST /known and POST /known/events, as the app makes them and as an import reads them. No I/O."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Index = Annotated[int, Meta(ge=0, description="Place in the batch, from 0.")]
SequenceNumber = Annotated[int, Meta(ge=1)]
Pair = Annotated[list[int], Meta(min_length=2, max_length=2)]
"""Index and sequence. As a tuple it would have `prefixItems` in the schema, which not every reader of OpenAPI knows."""

Forms = Annotated[list[str], Meta(min_length=2, max_length=2)]
"""A symbol and another one of the same market."""

New = Annotated[int, Meta(ge=0, description="How many the ledger does not have.")]
InForce = Annotated[
    list[Pair], Meta(description="What the ledger has with the same content, in force: `[index, seq]`.")
]


class TakenBack(msgspec.Struct):
    """What the ledger has with the same content, but voided: by the event `void`, which names it or its import."""

    index: Index
    seq: SequenceNumber
    void: SequenceNumber
    import_id: str | None


class Difference(msgspec.Struct):
    """A field's value that was sent, and the stored one; null if there is none."""

    yours: Any
    stored: Any


class Different(msgspec.Struct):
    """What has the identity of a stored trade or event with other content: POST /trades or /events would answer 409.
    `fields` has what differs, for the first 100.
    """

    index: Index
    seq: SequenceNumber
    void: SequenceNumber | None
    fields: dict[str, Difference]


class KnownTrades(msgspec.Struct):
    """What the ledger has of trades. A trade that is not listed is new."""

    new: New
    known: InForce
    taken_back: list[TakenBack]
    different: list[Different]
    history: Annotated[
        int | None,
        Meta(
            description="With `similar=true`: up to which sequence the store of fills has the ledger; null without a"
            " store, and then nothing was looked for."
        ),
    ]
    similar: Annotated[
        list[Pair],
        Meta(
            description="New trades that the store has under another identity: the same account, market, side, price"
            " and quantity within a second. `[index, seq]`."
        ),
    ]
    forms: Annotated[
        list[Forms],
        Meta(
            description="With `similar=true`: symbols of new trades that name the same market as another symbol of"
            " their account in the store, and are positions of their own: `[symbol, other]`."
        ),
    ]


class KnownEvents(msgspec.Struct):
    """What the ledger has of events of other kinds. An event that is not listed is new."""

    new: New
    known: InForce
    taken_back: list[TakenBack]
    different: list[Different]
