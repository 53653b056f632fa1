"""Picks the preset of a table: by its columns, and by values in its first rows where columns are not enough."""

from collections.abc import Sequence
from itertools import islice

from trading_files.mapping.around import Cells, Surroundings
from trading_files.mapping.conditions import compile_tests
from trading_files.mapping.model import Mapping, Shape
from trading_files.mapping.texts import one_of_texts
from trading_files.reading.tables import Table
from trading_files.readings import Choices, Question

FIRST_ROWS = 50
"""Rows in which the values of a shape are looked for."""

MAX_SHOWN = 30
"""Columns that a message names."""


def recognise(table: Table, presets: Sequence[Mapping]) -> Mapping | Question:
    """The preset of a table, or the question which it is; the table keeps all its rows.

    The shape with the most columns wins: a shape that asks for more is the more particular one.
    """
    rows = list(islice(table.rows, FIRST_ROWS))
    table.rows.put_back(rows)
    cells = [row.cells for row in rows]
    around = Surroundings(Choices(), table.columns)
    ranked: dict[int, list[Mapping]] = {}
    for each in presets:
        ranks = [_rank(shape) for shape in each.shapes if _fits(shape, table, around, cells)]
        if ranks:
            ranked.setdefault(max(ranks), []).append(each)
    if not ranked:
        return _unknown(table, presets, around)
    best = ranked[max(ranked)]
    return best[0] if len(best) == 1 else _tie(best)


def _rank(shape: Shape) -> int:
    return len(shape.columns) + len(shape.without) + len(shape.values)


def _fits(shape: Shape, table: Table, around: Surroundings, rows: Sequence[Cells]) -> bool:
    if not all(map(around.has, shape.columns)) or any(map(around.has, shape.without)):
        return False
    if shape.tables and not one_of_texts(shape.tables)(table.name):
        return False
    tests = [compile_tests((test,), around, lambda _column: str) for test in shape.values]
    return all(test is None or any(test(cells) for cells in rows) for test in tests)


def _unknown(table: Table, presets: Sequence[Mapping], around: Surroundings) -> Question:
    shown = ", ".join(table.columns[:MAX_SHOWN])
    if len(presets) != 1:
        said = f"no preset knows a table with these columns: {shown}. Name the source, or map the columns in a file"
        return Question("source", said, "--from", ())
    (only,) = presets
    absent = [[name for name in shape.columns if not around.has(name)] for shape in only.shapes]
    fewest = ", ".join(min(absent, key=len, default=[])[:MAX_SHOWN])
    difference = f"the table does not have {fewest}" if fewest else "the values of the table are others"
    return Question("source", f"this is not {only.title or only.name}: {difference}. It has {shown}", "--from", ())


def _tie(best: Sequence[Mapping]) -> Question:
    names = tuple(sorted(each.name for each in best))
    titles = " or ".join(each.title or each.name for each in best)
    return Question("source", f"the columns are those of {titles}: which is it?", "--from", names)
