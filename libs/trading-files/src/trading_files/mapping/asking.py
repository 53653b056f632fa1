"""The questions that only the user can answer."""

from trading_files.mapping.around import shown
from trading_files.readings import Question
from trading_files.values.ambiguous import Ambiguous


def decimal_question(label: str, text: str) -> Question:
    """Which sign is the decimal sign."""
    return Question(
        "decimal", f"{label} has {shown(text)}: is the decimal sign the point or the comma?", "--decimal", (".", ",")
    )


def size_question(label: str, symbol: str) -> Question:
    """How much one lot is."""
    said = f"{label} has {shown(symbol)}, counted in lots or contracts: how many units is one?"
    return Question("contract_size", said, "--contract-size", (f"{symbol}=1",))


def ambiguous_question(label: str, found: Ambiguous) -> Question:
    """What a text means that has several readings."""
    text = shown(found.text)
    match found.choice:
        case "decimal":
            return decimal_question(label, found.text)
        case "zone":
            said = f"{label} has times without a time zone, such as {text}: in which zone are they?"
            return Question("timezone", said, "--timezone")
        case "date order":
            said = f"{label} has dates such as {text}: does the day come first, or the month?"
            return Question("date_order", said, "--date-order", ("dmy", "mdy"))
    readings = " or ".join(found.readings)
    return Question(found.choice.replace(" ", "_"), f"{label} has {text}: is it {readings}?", "--map")


def doubtful_size_question(label: str, symbol: str, size: str, profit: str) -> Question:
    """Whether one lot is as much as usual."""
    said = (
        f"{label} has {shown(symbol)}: with {size} units in a lot, as usual, the profit would not be the {profit}"
        " of the file: how many units is one lot?"
    )
    return Question("contract_size", said, "--contract-size", (f"{symbol}={size}",))


def missing_question(what: str) -> Question:
    """What the file does not say."""
    return Question(what, f"the file names no {what}: which is it?", f"--{what}")
