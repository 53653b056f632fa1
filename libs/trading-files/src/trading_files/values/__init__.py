"""The text of a cell as an exact value. Pure functions: nothing is guessed, what has two readings is `Ambiguous`.

Modules:

    ambiguous  what a text may mean, where only the user can say which
    amounts    "0.5DOGE" and "$420.10" as a number and its unit
    clocks     the time of day and the zone behind a date
    dates      the date at the start of a text
    marks      signs around a value that belong to a spreadsheet; words for "no value"
    months     names of months, by language, as data
    numbers    a number in any writing as canonical decimal text
    options    symbols of options listed in the United States, from their parts and from texts
    sides      words for buy and sell
    times      a time in any writing as RFC 3339 in UTC
    zones      local times as instants; hours that are missing or come twice
"""
