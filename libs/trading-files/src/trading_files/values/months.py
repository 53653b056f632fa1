"""Names of months, by language, as data. A name that is two months in two languages is in none."""

_NAMES = """
    january    jan januar janv janvier januari jän jänner enero ene janeiro gennaio gen styczeń sty stycznia
    february   feb februar févr fév fev février februari febrero fevereiro febbraio luty lut lutego
    march      mar märz mär mrz mars maart mrt marzo março marzec marca
    april      apr avr avril abril abr aprile kwiecień kwi kwietnia
    may        mai mei maj mayo maio maggio mag maja
    june       jun juni juin junio junho giugno giu czerwiec cze czerwca
    july       jul juli juil juillet julio julho luglio lug lipiec lip lipca
    august     aug août aou agosto ago augusti augustus sierpień sie sierpnia
    september  sep sept septembre septiembre setembro set settembre wrzesień wrz września
    october    oct okt oktober octobre octubre outubro out ottobre ott październik paź października
    november   nov novembre noviembre novembro listopad lis listopada
    december   dec dez dezember déc décembre diciembre dic dezembro dicembre grudzień gru grudnia
"""

MONTHS = {name: number for number, line in enumerate(_NAMES.split("\n")[1:13], 1) for name in line.split()}
"""The number of a month, 1 to 12, by its name in lower case."""
