"""The mapping language as data: from a row's columns to the members of events.

A mapping has rules. The first rule whose conditions a row meets says what becomes of it: events, or a reason to skip
it. An event's members are values: a source, and what is done to its text.
"""

import msgspec

EVENT_KINDS = ("fill", "cash", "split", "opening", "instrument")
"""What a row can become."""


class Test(msgspec.Struct, frozen=True):
    """What one column must hold. Texts are compared without regard to case; `*` in them stands for any characters.

    `empty`: whether the column must be empty. `zero`: whether it has no number but 0, with a unit or without. `above`,
    `below`: bounds of its number, both excluded. `begins_with`: the column whose text must be at its start. `earlier`:
    what this column must have held in a row above.
    """

    columns: tuple[str, ...]
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    empty: bool | None = None
    zero: bool | None = None
    above: str = ""
    below: str = ""
    begins_with: str = ""
    earlier: tuple[str, ...] = ()


class Value(msgspec.Struct, frozen=True):
    """How a member gets its text: a source, then the changes in this order.

    | `source` | the text |
    |---|---|
    | column | the first of `columns` that is not empty |
    | value | `text` itself |
    | text | `text` with columns in braces |
    | units | `text` with columns in braces, of whose amounts only the units are taken |
    | unit_of | the letters of an amount such as 0.5DOGE |
    | sign_of | buy if the number is more than 0, sell if less |
    | list_of | the items of this list, with commas between them |
    | sum_of, product_of | of the numbers of `columns`, exact |
    | quotient_of | the first number over the product of the others; rounded if it has too many digits |
    | excess_of | by how much the first number is more than the product of the others, all without their signs |
    | size_of | units of one lot of this symbol: the user's answer, else by `words`, else asked |
    | size_from | the same: the first number over the product of the others, if that is a power of ten |
    | base_of, quote_of | a currency of this pair |
    | instant_of | the time in UTC, however it is written: an id where one time has one fill of a symbol and side |
    | preamble | what stands behind the label `text` above the header |
    | in_header | what `*` stands for in the name of a column of the form `text` |
    | ask | the user's answer to `text`: symbol or currency |
    | option | the OCC symbol of `option` |
    | option_of | the OCC symbol of the option that the text of the column names, if it names one |
    """

    source: str = "column"
    columns: tuple[str, ...] = ()
    text: str = ""
    option: "Option | None" = None

    when: tuple[Test, ...] = ()
    after: str = ""
    before: str = ""
    part: int = 0
    """The number of one of the words of the text, from 1; 0: the whole text."""

    remove: tuple[str, ...] = ()
    swap: str = ""
    """The sign between two parts that change their places: LTC-BTC of BTC-LTC."""

    words: tuple[tuple[str, str], ...] = ()
    """Texts and what they mean; `*` in a text stands for any characters; an empty meaning is no value."""

    proof: "Proof | None" = None
    """Of `size_of`: the profit that the row itself names."""

    with_unit: bool = False
    """A unit behind or before the number is dropped; without this it is an error."""

    negate: bool = False
    absolute: bool = False
    opposite: bool = False
    """Of a side: the other one."""

    thousandths: bool = False
    """Of `option_of`: a strike without a decimal point is in thousandths, however many digits it has."""

    zone: "Value | None" = None
    zone_default: str = ""
    """Of a time without a zone: what is assumed, with a warning."""

    order: str = ""
    form: str = ""
    otherwise: "Value | None" = None


class Proof(msgspec.Struct, frozen=True):
    """The profit of a row in the currency `currency`, and the columns of the lots, the entry and the exit price."""

    profit: str
    lots: str
    entry: str
    exit: str
    currency: Value


class Option(msgspec.Struct, frozen=True):
    """The parts of a listed option's symbol."""

    root: Value
    expiry: Value
    strike: Value
    right: Value


class Output(msgspec.Struct, frozen=True):
    """One event that a row becomes: its kind and its members by name.

    With `each`, the name of a list in the row, one for each of its items: `#` in columns stands for the item's number.
    """

    kind: str
    members: tuple[tuple[str, Value], ...]
    when: tuple[Test, ...] = ()
    each: str = ""


class Rule(msgspec.Struct, frozen=True):
    """What becomes of a row that meets all conditions: events, or the reason why it is skipped, or refused.

    `event` is the column that names the kind of an event whose members all other cells are: an export of this app.
    """

    when: tuple[Test, ...] = ()
    outputs: tuple[Output, ...] = ()
    skip: str = ""
    refuse: str = ""
    event: str = ""


class Shape(msgspec.Struct, frozen=True):
    """What a file of a preset looks like: these columns, none of those, and these values in its first rows."""

    columns: tuple[str, ...]
    without: tuple[str, ...] = ()
    values: tuple[Test, ...] = ()
    tables: tuple[str, ...] = ()
    """Names of tables, `*` for any characters; empty: any."""


class Group(msgspec.Struct, frozen=True):
    """Rows that are one trade together: each says how much of a currency was received, paid, or charged as a fee.

    Rows with the same texts in all of the columns `by` belong together, of those that meet `when`. `amount` of `coin`
    was received if it is more than 0, paid if it is less; in rows that meet `fees` it was charged. `fee` of the same
    coin was charged beside it. Each group is read as one row with the columns of `mapping.groups.COLUMNS`.

    Or each row is a trade, with a column for each coin: `amounts_in` and `fees_in` are the forms of their names, in
    which the first `*` is the coin. A fee that was charged is less than 0.
    """

    by: tuple[str, ...] = ()
    coin: Value = Value()
    amount: Value = Value()
    fee: Value | None = None
    fees: tuple[Test, ...] = ()
    when: tuple[Test, ...] = ()
    amounts_in: str = ""
    fees_in: str = ""


class Mapping(msgspec.Struct, frozen=True):
    """How rows of one kind become events. A user's mapping has no shapes; it is named by the user."""

    name: str
    rules: tuple[Rule, ...]
    title: str = ""
    verified: str = ""
    source: str = ""
    shapes: tuple[Shape, ...] = ()
    decimal: str = ""
    """The decimal sign, "." or ","; empty: as the numbers of the file show."""

    thousands: bool = False
    """Whether the other sign separates thousands."""

    fractions: bool = False
    """Whether an apostrophe stands before 32nds or eighths of a point: 110'16."""

    zone: str = ""
    unless: tuple[str, ...] = ()
    """Presets which, where the same document has a table of theirs, say the same as this one."""

    extra_rows: str = ""
    """Why rows with more cells than columns are skipped; empty: they are errors."""

    extra_cells: bool = False
    """Whether rows may have more cells than there are columns."""

    carry: tuple[str, ...] = ()
    """Columns in which an empty cell has what the row above has."""

    group: Group | None = None
    """Which rows are one trade together."""

    ignored: tuple[str, ...] | None = None
    """Columns that say nothing here; any other column that no member reads is said. None: it is not."""

    warning: str = ""
    """What the user should know about every file of this kind."""
