"""What a message would have to have more, so that its fill could be read. No I/O."""

from trading_app.hooks.message import Record
from trading_app.hooks.preset import Preset
from trading_files.mapping.around import Surroundings
from trading_files.mapping.conditions import compile_tests
from trading_files.mapping.load import REQUIRED
from trading_files.mapping.model import Mapping, Rule
from trading_files.readings import Choices

REQUIRED_OF_FILL = (*REQUIRED["fill"], "ts")


def advice(preset: Preset, mapping: Mapping, record: Record) -> str:
    """What to add to the sender's template; empty if nothing is missing."""
    names = _missing(preset, mapping, record)
    if not names:
        return ""
    return "add to the template: " + ", ".join(f'"{name}": "{preset.template.get(name, "…")}"' for name in names)


def _missing(preset: Preset, mapping: Mapping, record: Record) -> list[str]:
    around = Surroundings(Choices(), tuple(record))
    needed = [name for name in preset.needed if not around.has(name)]
    for rule in mapping.rules:
        meets = compile_tests(rule.when, around, lambda _label: lambda text: text)
        if meets is None or meets(dict(record)):
            return list(dict.fromkeys([*needed, *_missing_of(rule, around)]))
    return needed if preset.needed[:1] == tuple(needed[:1]) else []


def _missing_of(rule: Rule, around: Surroundings) -> list[str]:
    """The first column of each member that a fill must have and that has none of its columns."""
    members = [dict(output.members) for output in rule.outputs if output.kind == "fill"]
    columns = [one[name].columns for one in members for name in REQUIRED_OF_FILL if name in one]
    return [each[0] for each in columns if each and not any(around.has(column) for column in each)]
