"""Words of no language, made of syllables, and listings of no program: no text is copied from anywhere."""

from __future__ import annotations

from random import Random

SYLLABLES = {
    "Latin": (
        ["b", "br", "c", "d", "f", "fl", "g", "h", "k", "l", "m", "n", "p", "pr", "qu", "r", "s", "st", "t", "tr", "v"],
        ["a", "e", "i", "o", "u", "ai", "ea", "ou", "á", "é", "ö", "ü"],
        ["", "", "n", "r", "s", "l", "m", "t", "ck", "ng", "nd", "ß"],
    ),
    "Greek": (
        ["β", "γ", "δ", "θ", "κ", "λ", "μ", "ν", "π", "ρ", "σ", "τ", "φ", "χ", "πρ", "στ"],
        ["α", "ε", "ι", "ο", "υ", "ω", "η", "ου", "αι", "ά", "ό"],
        ["", "", "ν", "ρ", "ς", "λ"],
    ),
    "Cyrillic": (
        ["б", "в", "г", "д", "ж", "з", "к", "л", "м", "н", "п", "р", "с", "т", "ф", "х", "ц", "ч", "ш", "пр", "ст"],
        ["а", "е", "и", "о", "у", "ы", "э", "ю", "я"],
        ["", "", "н", "р", "с", "й", "ль", "ть", "к"],
    ),
}  # fmt: skip
RARE = "áéöüß"
PUNCTUATION = ["", "", "", "", "", "", "", ",", ",", ";", ":", " –"]


class Words:
    """Invents words of one script.

    Args:
        random: where they come from.
        script: Latin, Greek or Cyrillic.
    """

    def __init__(self, random: Random, script: str = "Latin") -> None:
        self._random, self._parts = random, SYLLABLES[script]

    def word(self, syllables: int | None = None) -> str:
        """Return a word in small letters."""
        count = syllables or self._random.choices((1, 2, 3, 4), (5, 6, 3, 1))[0]
        return "".join(self._syllable() for _ in range(count))

    def title(self, words: int = 1) -> str:
        """Return words of which the first has a capital."""
        text = " ".join(self.word(self._random.choice((2, 3)) if words == 1 else None) for _ in range(words))
        return text[:1].upper() + text[1:]

    def sentence(self) -> str:
        """Return a sentence of 4 to 16 words, some of them numbers, with punctuation."""
        words = [self._token() for _ in range(self._random.randint(4, 16))]
        text = " ".join(word + self._random.choice(PUNCTUATION) for word in words[:-1])
        text = f"{text} {words[-1]}{self._random.choice('....?!')}"
        return text[:1].upper() + text[1:]

    def paragraph(self, sentences: int) -> str:
        """Return several sentences."""
        return " ".join(self.sentence() for _ in range(sentences))

    def number(self) -> str:
        """Return a number as tables have it: an amount, a share, a date or a time."""
        r = self._random
        return r.choice(
            (
                f"{r.randint(0, 99)}",
                f"{r.uniform(0, 100):.1f} %",
                f"{r.randint(1, 999)},{r.randint(0, 999):03d}",
                f"{r.uniform(0, 10):.2f}",
                f"20{r.randint(10, 39)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}",
                f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}",
                f"−{r.uniform(0, 50):.1f}",
            )
        )

    def _token(self) -> str:
        dice = self._random.random()
        if dice < 0.05:
            return self.number()
        if dice < 0.08:
            return f"({self.word()})"
        return self.title() if dice < 0.15 else self.word()

    def _syllable(self) -> str:
        onset, vowel, coda = (self._random.choice(part) for part in self._parts)
        if any(letter in RARE for letter in vowel + coda) and self._random.random() < 0.8:
            vowel, coda = "e", "n"
        return onset + vowel + coda


Token = tuple[str, str]  # (text, what it is: word, name, string, number, sign or note)
KEYWORDS = {
    "indent": ["if", "for", "while", "return", "def", "class", "with", "import", "not", "in"],
    "braces": ["if", "for", "while", "return", "int", "const", "static", "void", "struct", "auto"],
}


def listing(random: Random, lines: int) -> list[list[Token]]:
    """Return lines of a listing as tokens; indentation is a token of spaces."""
    language = random.choice(list(KEYWORDS))
    words, depth, made = Words(random), 0, list[list[Token]]()
    while len(made) < lines:
        indent = ("    " * depth, "sign")
        dice = random.random()
        if dice < 0.1:
            made.append([])
        elif dice < 0.22:
            made.append([indent, (("# " if language == "indent" else "// ") + plain(words, 5), "note")])
        elif dice < 0.45 and depth < 3:
            made.append([indent, *_opening(random, words, language)])
            depth += 1
        elif dice < 0.6 and depth:
            depth -= 1
            if language == "braces":
                made.append([("    " * depth, "sign"), ("}", "sign")])
        else:
            made.append([indent, *_statement(random, words, language)])
    return made


def plain(words: Words, count: int) -> str:
    """Return words in small letters without accents."""
    text = " ".join(words.word() for _ in range(count))
    return text.translate(str.maketrans(RARE, "aeous"))


def identifier(random: Random, words: Words) -> str:
    """Return a name as programs have it."""
    return random.choice(("_", "")).join(plain(words, 1) for _ in range(random.choice((1, 1, 2))))


def _opening(random: Random, words: Words, language: str) -> list[Token]:
    end = ":" if language == "indent" else ") {"
    start = " " if language == "indent" else " ("
    compared = random.choice((" == ", " < ", " >= ", " in "))
    return [
        (random.choice(KEYWORDS[language][:3]), "word"),
        (start, "sign"),
        (identifier(random, words), "name"),
        (compared, "sign"),
        _value(random, words),
        (end, "sign"),
    ]


def _statement(random: Random, words: Words, language: str) -> list[Token]:
    tokens: list[Token] = []
    if random.random() < 0.3:
        tokens += [(random.choice(KEYWORDS[language][3:]), "word"), (" ", "sign")]
    tokens += [(identifier(random, words), "name"), (random.choice((" = ", " += ", " = ", ".")), "sign")]
    tokens += [(identifier(random, words), "name"), ("(", "sign")]
    for position in range(random.randint(0, 3)):
        tokens += [(", ", "sign")] * (position > 0) + [_value(random, words)]
    return [*tokens, (")" if language == "indent" else ");", "sign")]


def _value(random: Random, words: Words) -> Token:
    return random.choice(
        (
            (str(random.randint(0, 4096)), "number"),
            (f"{random.uniform(0, 2):.3f}", "number"),
            (f'"{plain(words, random.randint(1, 2))}"', "string"),
            (identifier(random, words), "name"),
            (f"{identifier(random, words)}[{random.randint(0, 9)}]", "name"),
        )
    )
