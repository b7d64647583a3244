"""Words in several languages that deny, doubt or leave open what a sentence says: a sentence with one of them gives no answer away."""

from __future__ import annotations

import re

_ENGLISH = (
    r"not|no|never|neither|nor|none|nothing|nobody|hardly|without|or|if|whether|unless|maybe|perhaps|possibly|might|may|could|would|should|wrong|incorrect|false"
    r"|mistak\w+|unlikely|except|instead|rather|avoid\w*|supposed|planned|scheduled|expected|assum\w+|guess|doubt\w*|distractor|trap|tempting"
)
_OTHERS = (
    r"nicht|kein\w*|nie|niemals|ohne|vielleicht|möglicherweise|eventuell|oder|weder|falsch|statt|ob|wenn|außer|wäre|könnte"
    r"|pas|jamais|aucune?|sans|peut-être|ou|faux|fausse|sauf|ni"
    r"|nunca|jamás|sin|tal\s+vez|talvez|quizás?|forse|mai|senza|né|nem|não|non|falso|errado|sbagliato|excepto|exceto|tranne|salvo"
    r"|не|нет|ни|никогда|без|возможно|может|или|кроме|вряд"
)
_UNSPACED = (
    r"不|没|沒|非|未|无|無|或|也许|也許|可能是|吗|ない|ません|または|あるいは|かもしれ|아니|않|또는|없|못|혹은|नहीं|शायद"
)
_DENIES = re.compile(
    rf"\b(?:{_ENGLISH}|{_OTHERS})\b|n['’]t\b|{_UNSPACED}|(?<!\S)(?:ليس\w*|لا|لم|لن|أو|ربما|غير|بدون|न|या|बिना)(?!\S)|[?？؟]",
    re.IGNORECASE,
)


def denies(sentence: str) -> bool:
    """Whether a sentence holds a word that denies, doubts or leaves open; ``Non`` within a name counts too."""
    return _DENIES.search(sentence) is not None
