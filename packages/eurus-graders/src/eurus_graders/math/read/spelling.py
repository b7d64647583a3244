"""One spelling for an answer: wrappers off, Unicode and spacing commands folded, text commands opened.

What comes out is still text; its meaning is the parser's business. Nothing that could tell two answers apart is dropped.
"""

from __future__ import annotations

import re
import unicodedata

from eurus_graders.math.algebra import vectors
from eurus_graders.math.read import languages

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_CHARACTERS = {
    "−": "-", "–": "-", "‐": "-", "‑": "-", "﹣": "-",
    "×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "∕": "/", "⁄": "/",
    "√": r"\sqrt ", "∛": r"\sqrt[3] ", "∞": r"\infty ", "π": r"\pi ", "±": r"\pm ", "∓": r"\mp ",
    "≤": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "∈": r"\in ", "∪": r"\cup ",
    "∩": r"\cap ", "∅": r"\emptyset ", "Ø": r"\emptyset ", "ℝ": r"\R ", "∖": r"\setminus ", "∴": "", "⇒": r"\Rightarrow ", "⟹": r"\Rightarrow ", "→": r"\to ", "°": r"^\circ ", "º": r"^\circ ", "…": "...",
    "⟨": r"\langle ", "⟩": r"\rangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "％": "%", "¢": " cents",
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "θ": r"\theta ", "λ": r"\lambda ", "μ": r"\mu ",
    "ζ": r"\zeta ", "η": r"\eta ", "κ": r"\kappa ", "ν": r"\nu ", "ξ": r"\xi ", "χ": r"\chi ", "ψ": r"\psi ", "Γ": r"\Gamma ",
    "Δ": r"\Delta ", "Θ": r"\Theta ", "Λ": r"\Lambda ", "Σ": r"\Sigma ", "Φ": r"\Phi ", "Ψ": r"\Psi ", "Ω": r"\Omega ",
    "φ": r"\phi ", "ω": r"\omega ", "σ": r"\sigma ", "ρ": r"\rho ", "τ": r"\tau ", "ε": r"\epsilon ",
}  # fmt: skip
_UNICODE = str.maketrans(_CHARACTERS)

_NEUTRAL = re.compile(
    r"\\(?:left|right|middle|displaystyle|textstyle|scriptstyle|limits|nolimits|[bB]ig+[lrm]?|f?boxed|rm|bf|it|mathstrut|hfill|qquad|quad"
    r"|thinspace|negthinspace)(?![A-Za-z])\.?"
)
_TEXT = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|sc|up|md|normal)?|math(?:rm|bf|it|sf|tt|bb|cal|frak)|mbox|hbox|operatorname\*?|boldsymbol|bm|vec|underline|ensuremath|emph)"
    r"\s*\{([^{}]*)\}"
)
_POSITIVE = re.compile(r"\\R\s*(?:\^|_)\s*(?:\+|\{\s*\+\s*\})")
_BLACKBOARD = re.compile(r"\\mathbb\s*(?:\{\s*R\s*\}|R\b)")
_SAME = (
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\[dt]binom(?![A-Za-z])"), r"\\binom"),
    (re.compile(r"\s*\{\s*,\s*\}\s*"), ","),
    (re.compile(r",\s*\\!\s*"), ","),
    (re.compile(r"(?<!\\)\\!\s*"), ""),
    (re.compile(r"(?<!\\)\\[,;: >\n]|~"), " "),
    (re.compile(r"\\(?:lvert|rvert|vert|mid)(?![A-Za-z])"), "|"),
    (re.compile(r"\\[lr]brace(?![A-Za-z])"), lambda m: r"\{" if m.group()[1] == "l" else r"\}"),
    (re.compile(r"\\[lr]brack(?![A-Za-z])"), lambda m: "[" if m.group()[1] == "l" else "]"),
    (re.compile(r"\\%"), "%"),
    (re.compile(r"\\[lc]?dots[cbmio]?(?![A-Za-z])"), "..."),
    (re.compile(r"\\(?:degree|textdegree)(?![A-Za-z])|\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![A-Za-z])"), r"^\\circ "),
    (
        re.compile(
            r"\A\s*\\(?:therefore|implies|Rightarrow|Longrightarrow|longrightarrow|rightarrow|to|iff)(?![A-Za-z])"
        ),
        "",
    ),
    (re.compile(r"\\mod\s*(\d+)\s*(?==)"), r"\\bmod \1"),
    (re.compile(r"\^\s*\{?\s*\\(?:top|intercal)(?![A-Za-z])\s*\}?"), "^T"),
    (re.compile(r"\\(?:text)?color\s*\{[^{}]*\}|\\[hv]space\*?\s*\{[^{}]*\}"), " "),
    (re.compile(r"\\[hv]?phantom\s*(?:\{[^{}]*\}|\S)"), " "),
)
_WRAPPERS = (
    ("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("*", "*"), ("__", "__"), ("```", "```"), ("`", "`"), ("'", "'"), ('"', '"'), (r"\fbox{", "}"),
    (r"\boxed{", "}"),
)  # fmt: skip
_PARAMETER = re.compile(
    r"(?<![\s,;])[\s,;]*\(?\s*(?:(?:where|for|with)\s+)?(?:(?:all|any|some|every|each)\s+)?(?:integers?\s+)?([a-z])\s*"
    r"(?:\\in\s*Z|is\s+(?:an(?:y)?|some)\s+integer|an(?:y)?\s+integer|(?<=integer \w)|(?<=integers \w))\s*\)?\Z"
)
"""What says that a letter stands for any integer."""
_COMPARISONS = {
    "greater than or equal to": r"\ge", "at least": r"\ge", "less than or equal to": r"\le", "at most": r"\le",
    "greater than": ">", "more than": ">", "less than": "<", "not equal to": r"\ne",
}  # fmt: skip
_COMPARED = re.compile(
    r"\A(?:all (?:real )?numbers|all reals|(?:all |any )?(?:real numbers? )?(?P<name>[a-z]))(?: that)?(?: is| are| must be)? "
    rf"(?P<sign>{'|'.join(_COMPARISONS)}) (?=[-\d\\])",
    re.IGNORECASE,
)
"""``All real numbers greater than 2``, ``x is at least 5``."""
_TRUNCATED = re.compile(r"(?<=[\d})])\s*=\s*(\d*\.\d+)\s*\.\.\.")
_WORDED = (
    (re.compile(r"\s*\b(?:per\s?cent(?:age(?: points?)?)?|pct)\b", re.IGNORECASE), "%"),
    (re.compile(r"(?<=\d)(?:\s*%)?\s*(?:per\s?cent(?:age)?|pct)\b", re.IGNORECASE), "%"),
    (re.compile(r"\s*\brad(?:ians?)?\b(?!\s*\()"), ""),  # a radian is the number itself
    (re.compile(r"(?<=\d)\s+mod\s+(?=\d)"), r" \\bmod "),
    (re.compile(r"(?<=[\w)}])\s+squared\b"), "^2"),
    (re.compile(r"(?<=[\w)}])\s+cubed\b"), "^3"),
    (re.compile(r"(?<=[\d)}])\s+factorial\b"), "!"),
    (re.compile(r"(?<=\A)(\d+) to (\d+)(?=\Z)"), r"\1:\2"),
    (re.compile(r"\A(\d[\d,]*) (?:out of|in) (?:every )?(\d[\d,]*)\Z"), r"\1/\2"),
    (re.compile(r"\b(?:USD|US\s?\$)\s*(?=\d)"), "$"),
    (re.compile(r"\bEUR\s*(?=\d)"), "€"),
    (re.compile(r"\bGBP\s*(?=\d)"), "£"),
    (re.compile(r"\b(?:INR|[Rr]s\s*\.?)\s*(?=\d)"), "₹"),
    (re.compile(r"\A(?:minus|negative)\s+(?=[\d.$\\])", re.IGNORECASE), "-"),
    (re.compile(r"(?<=\d)(?:\s*\^\s*\{)?\s*(?:st|nd|rd|th)\s*\}?\Z"), ""),  # an ordinal's ending
    (
        re.compile(
            r"\A([$€£]|(?=-?[\d.,/]+ [A-Za-z]+ ))(.*\S)(?<! or)\s+(?:more|left|remaining|altogether|in total|in all|tall|long|high|wide|deep)\Z"
        ),
        r"\1\2",
    ),
    (re.compile(r"\A(\d+) and (?:an?|one) half\b"), r"\1 1/2"),
    (re.compile(r"\A(\d+) and (\d+/\d+)(?= [A-Za-z]{2})"), r"\1 \2"),
    (_COMPARED, lambda found: f"{found['name'] or 'x'} {_COMPARISONS[found['sign'].lower()]} "),
    (re.compile(r"\A(?:either|both)\s+(?=[-\d\\$])", re.IGNORECASE), ""),
    (re.compile(r"\A(?:all|any|every) (?:real (?:numbers? )?)?[a-z] (?:such that|with|where) ", re.IGNORECASE), ""),
    (re.compile(r"\Aonly (?=[-\d\\(])|(?<=[\d)}]) only\Z", re.IGNORECASE), ""),
    (
        re.compile(r"(?<![\w\\ ])([A-Za-z]) (?:is|equals) (?=[-\d\\])|(?<= and )([A-Za-z]) (?:is|equals) (?=[-\d\\])"),
        r"\1\2 = ",
    ),
    (
        re.compile(
            r"\A(?:all|any) (?:real numbers?|reals?)(?: [a-z])?,? (?:except|excluding|but|other than)(?: for)? (?:[a-z] = )?"
        ),
        r"\\R \\setminus ",
    ),
    (
        re.compile(
            r"[\s,]*\b(?:for|where) (?:any|all|some|every|each) (?:(?:real|arbitrary) )?(?:constants?|values? of) [A-Za-z]\Z"
        ),
        "",
    ),
    (re.compile(r"\A(?!.*\b([a-z])\b.* for all \1\Z)(.*\S),? for all [a-z]\Z"), r"\2"),
    (re.compile(r"\A(?:12\s)?noon\Z", re.IGNORECASE), "12:00 pm"),
    (re.compile(r"\A(?:12\s)?midnight\Z", re.IGNORECASE), "12:00 am"),
    (re.compile(r"\bdegrees? (celsius|fahrenheit)\b", re.IGNORECASE), r"\1"),
    (re.compile(r",\s*(?:dtype|domain)\s*=\s*['\"]?[\w.]+['\"]?"), ""),  # settings that numpy and sympy print
)
"""What holds a word of two letters or more."""
_LETTERED = (
    (re.compile(r"(?<=\d)\s*[x]\s*(?=10\s*(?:\^|\*\*))"), "*"),  # 3 x 10^8
    (re.compile(r"\(\s*\\?b?mod\s+(\w+)\s*\)"), r"\\pmod{\1}"),
    (re.compile(r"\A(?:an?|the)\s+(?=[$€£]?\d)", re.IGNORECASE), ""),
    (
        re.compile(
            r"\A(?:~|(?:about|approximately|approx\.?|roughly|around)(?![A-Za-z]))\s*(?=[-\d.$\\])", re.IGNORECASE
        ),
        "",
    ),
    (re.compile(r"(?<![\w}.])([a-z])\s*:(?=\s*[-\d\\$.])(?!.*[{}])"), r"\1 ="),  # x: 5
    (_PARAMETER, r", \1 \\in Z"),
    (re.compile(r"(\d\s*)([kM]?)\s*\\Omega\Z"), r"\1 \2ohm"),
    (re.compile(r"(\d\s*)\\mu\s*([gmsACFLV])\Z"), r"\1 u\2"),
    (re.compile(r"([$€£]\s*\d[\d,.]*)\s*[kK](?!\w)"), r"\1 thousand"),
    (re.compile(r"([$€£]\s*\d[\d,.]*)\s*(?:M|mn)(?!\w)"), r"\1 million"),
    (re.compile(r"\A(\d+)\s*h(?:rs?)?\s*(\d+)\s*m(?:ins?)?\Z"), r"\1 hours \2 minutes"),
    (re.compile(r"(?<![\w.}])(?:\{\s*\}\s*)?[_^]\s*\{?\s*(\w+)\s*\}?\s*C\s*_\s*\{?\s*(\w+)\s*\}?"), r"\\binom{\1}{\2}"),
    (re.compile(r"(?<![\w.])(\d+)\s*(?:C|choose)\s*(\d+)(?![\w.])"), r"\\binom{\1}{\2}"),
    (re.compile(r"(?<![\w.])(\d+)\s*P\s*(\d+)(?![\w.])"), r"P(\1,\2)"),
    (re.compile(r"\A<([^<>=]*,[^<>=]*)>\Z"), r"(\1)"),
)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2}")
_MORE_THAN_SIGNS = re.compile(r"[A-Za-z<~]")
_HALF_DAY = re.compile(r"(?<![A-Za-z])([ap])\.\s?m\.?(?![A-Za-z])", re.IGNORECASE)
_LOOSE_SPACE = re.compile(r"(?<!\w) | (?!\w)")
_FORMULA = re.compile(r"[\\^_=<>+*/|]|\.\.\.|\d\s?!")
_ABBREVIATION = re.compile(r"(?<![A-Za-z])(sq|cu)\.", re.IGNORECASE)
_PARTED = re.compile(r"-?\d{1,3}(?:(?:\.\d{3}){2,}(?:,\d+)?|(?:'\d{3})+)")  # 1.234.567,8 and 1'234'567
_LINED_ROWS = re.compile(r"\[[^\[\]{};,]+(?:,[^\[\]{};,]+)+(?:;[^\[\]{};,]+(?:,[^\[\]{};,]+)+)+\]")  # [1, 2; 3, 4]
_NUMPY_ROWS = re.compile(r"[\[\]\d\s.eEj+-]+")
_SPACED_ITEMS = re.compile(r"(?<=[\d.\]j])\s+(?=[-+\d.\[])")


def clean(text: str) -> str:
    """Return the answer in one spelling; linear in the text's length but for nested text commands (at most eight deep)."""
    text = languages.units_named(languages.digits(text.strip()))
    if not text.isascii():
        text = _fold_unicode(text)
    text = _unwrap(text)
    text = vectors.spelt(text)
    if "\\" in text or "{" in text:
        for pattern, replacement in _SAME:
            text = pattern.sub(replacement, text)
        text = _POSITIVE.sub(r"(0,\\infty)", _BLACKBOARD.sub(r"\\R ", text))
        text = _NEUTRAL.sub(" ", text)
        for _ in range(8):
            opened = _TEXT.sub(r" \1 ", text)
            if opened == text:
                break
            text = opened
    marked = text.replace(r"\$", "\0")
    text = (marked.replace("$", " ") if marked.count("$") % 2 == 0 else marked).replace("\0", "$")
    text = " ".join(text.split())
    if _MORE_THAN_SIGNS.search(text):
        for pattern, replacement in (*_WORDED, *_LETTERED) if _WORD.search(text) else _LETTERED:
            text = pattern.sub(replacement, text)
        text = _ABBREVIATION.sub(r"\1 ", _HALF_DAY.sub(r"\1m", text))
    if "..." in text:
        text = _TRUNCATED.sub(r" \\approx \1", text)  # 1/7 = 0.142857...
    if _PARTED.fullmatch(text):
        text = text.replace(".", "").replace("'", "").replace(",", ".")
    if _LINED_ROWS.fullmatch(text):
        text = f"[[{text[1:-1].replace(';', '], [')}]]"
    if text.startswith("[") and "," not in text and _NUMPY_ROWS.fullmatch(text):
        text = _SPACED_ITEMS.sub(", ", text)
    return _unwrap(" ".join(text.split()))


def wording(text: str) -> str:
    """Return what is compared where a text is no mathematics that we read: words folded, formulas as they are but for their spaces."""
    cleaned = clean(text)
    return _LOOSE_SPACE.sub("", cleaned) if _FORMULA.search(cleaned) else fold(cleaned)


def fold(text: str) -> str:
    """Return words for comparison as words: lower case, single spaces, no punctuation at the ends, choices unbracketed."""
    words = " ".join(re.sub(r"[\\{}$_\s]+", " ", text).casefold().split()).strip(" .,;:!?'\"")
    bracketed = re.fullmatch(r"\((\w)\)", words)
    return bracketed.group(1) if bracketed else words


def _fold_unicode(text: str) -> str:
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+", lambda m: "^{" + m.group().translate(_SUPERSCRIPTS) + "}", text)
    text = re.sub("[₀₁₂₃₄₅₆₇₈₉]+", lambda m: "_{" + m.group().translate(_SUBSCRIPTS) + "}", text)
    text = text.translate(_UNICODE)
    # Vulgar fractions, full-width digits and letters; a fraction must not run into the integer before it (2 1/2).
    text = re.sub("[¼-¾⅐-⅞]", lambda m: " " + m.group() + " ", text)
    return unicodedata.normalize("NFKC", text).translate(_UNICODE)


def _unwrap(text: str) -> str:
    """Take off wrappers that enclose the whole answer, and a full stop behind it."""
    for _ in range(8):
        before = text
        text = text.strip()
        if text.endswith((".", ";", ",", "\\")) and not text.endswith("..."):
            text = text[:-1].rstrip()
        for start, end in _WRAPPERS:
            inside = text[len(start) : len(text) - len(end)]
            if (
                len(text) >= len(start) + len(end)
                and text.startswith(start)
                and text.endswith(end)
                and not (end[-1] != "}" and end in inside.replace(r"\$", ""))
                and not (end == "$" and text.endswith("\\$"))
                and (end != "}" or _balanced(inside))
            ):
                text = inside
        if text == before:
            break
    return text


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0
