"""The names the synthetic people are made of: what a Swiss or German club register really looks like.

Invariant: the tables are append-only, because `person(seed, i)` picks from them by position and a recorded
rehearsal names people by their seed. Each entry carries the spelling used in an address beside the written one.
"""

import unicodedata
from typing import NamedTuple


class Name(NamedTuple):
    """One given or family name as written, and folded to what stands before the `@`."""

    written: str
    folded: str


class Culture(NamedTuple):
    """Names that occur together: nobody is called "Urs Ferrari-Dupont" in every second row."""

    language: str
    men: tuple[Name, ...]
    women: tuple[Name, ...]
    families: tuple[Name, ...]
    towns: tuple[tuple[str, str], ...]


_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def fold(written: str) -> str:
    """`written` as people put it into an address: umlauts spelled out, accents dropped, letters only."""
    spelled = unicodedata.normalize("NFD", written.translate(_SPELLED_OUT))
    return "".join(letter for letter in spelled.lower() if "a" <= letter <= "z")


def _names(words: str) -> tuple[Name, ...]:
    return tuple(Name(word.replace("_", " "), fold(word)) for word in words.split())


GERMAN = Culture(
    "de",
    _names(
        "Urs Beat Reto Jürg Köbi Hansruedi Ueli Jörg Günther Björn Lukas Jonas Matthias Tobias Simon Florian "
        "Andreas Stefan Markus Thomas Peter Daniel Michael Martin Christoph Sören Jan-Peter Karl-Heinz Noah Elias "
        "Götz Ruedi Niklaus Benedikt Valentin Moritz Anton Leo Emil Till"
    ),
    _names(
        "Anna Regula Ursula Käthi Vreni Bärbel Jördis Zoë Annegret Anne-Marie Lena Laura Nina Sandra Sabine Petra "
        "Monika Barbara Christine Katharina Franziska Hanna Mia Lea Lisa Eva Julia Sophie Heidi Trudi Margrit Rösli "
        "Ännchen Friederike Gisela Hannelore Ida Klara Mathilda Wiebke"
    ),
    _names(
        "Müller Meier Schmid Keller Weber Huber Schneider Meyer Steiner Fischer Gerber Brunner Baumann Frei "
        "Zimmermann Moser Widmer Wyss Graf Roth Sutter Baumgartner Bühler Lüthi Zürcher Rüegg Hürlimann Jäggi "
        "Schönenberger Bärtschi Röthlisberger Großmann Weiß Strauß Köhler Krüger Schäfer von_Allmen von_Gunten "
        "Müller-Lüdenscheidt Schmidt Wagner Becker Schulz Hoffmann Richter Vögeli Öhler Ägerter Nüssli"
    ),
    (("3011", "Bern"), ("8001", "Zürich"), ("9000", "St. Gallen"), ("4051", "Basel"), ("6003", "Luzern"),
     ("79098", "Freiburg im Breisgau"), ("80331", "München"), ("50667", "Köln"), ("2502", "Biel/Bienne")),
)  # fmt: skip

FRENCH = Culture(
    "fr",
    _names(
        "Jérôme François André Rémy Loïc Benoît Cédric Didier Étienne Frédéric Gaël Hervé Jean-Luc Mathieu Noël "
        "Olivier Pascal Raphaël Sébastien Théo"
    ),
    _names(
        "Aurélie Béatrice Chloé Désirée Élodie Françoise Geneviève Hélène Inès Joëlle Laëtitia Maëlle Noémie "
        "Océane Pénélope Sévérine Thérèse Valérie Zoé Anne-Laure"
    ),
    _names(
        "Favre Rochat Dubois Bonvin Jaquet Perret Chevalley Crétin Décosterd Béguin Genoud Pittet Rossier Aubry "
        "d'Épinay Lefèvre Grandjean Piguet L'Éplattenier de_Weck Maître Forêt Bérard"
    ),
    (("1003", "Lausanne"), ("1204", "Genève"), ("2000", "Neuchâtel"), ("1950", "Sion"), ("1700", "Fribourg")),
)  # fmt: skip

ITALIAN = Culture(
    "it",
    _names("Niccolò Gianluca Fabio Davide Matteo Lorenzo Aurelio Renzo Tiziano Giosuè Ezio Moreno Nicolò Elia"),
    _names("Chiara Giulia Nicoletta Fiorenza Ornella Luisa Mosè Noè Tosca Desirée Alessia Beatrice Carlotta Sonia"),
    _names(
        "Bernasconi Bianchi Ferrari Rossi Crivelli Galli Pedrazzini Cattaneo D'Angelo Dell'Acqua Forni Lepori "
        "Ghirlanda Soldà Nardò Viganò"
    ),
    (("6900", "Lugano"), ("6600", "Locarno"), ("6500", "Bellinzona"), ("7742", "Poschiavo")),
)  # fmt: skip
